"""Which file system a path is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redux.files.filesystem import FileSystem, get_proto
from redux.files.local import LocalFileSystem, local

if TYPE_CHECKING:
    from redux.files.remote import RemoteFileSystem

_remote: dict[str, RemoteFileSystem] = {}

_urls: list[bool] = []


def note_path(path: str) -> None:
    """Note that there is a File, or many, at a path."""
    if not _urls and "://" in path:
        _urls.append(True)


def any_urls() -> bool:
    """Whether a File at a URL was ever made here: where none was, nobody looks for them in values."""
    return bool(_urls)


def get_filesystem_class(proto: str | None = None, url: str | None = None) -> type[FileSystem]:
    """The class behind the file system of a protocol, `proto` (what stands before `://`), or of a `url`."""
    if (proto or get_proto(url)) in ("local", "file"):
        return LocalFileSystem
    from redux.files.remote import RemoteFileSystem  # noqa: PLC0415 - only for URLs

    return RemoteFileSystem


def get_filesystem(proto: str | None = None, url: str | None = None) -> FileSystem:
    """The file system of a protocol, `proto` (what stands before `://`), or of a `url`.

    The local disk where neither is given, or the URL is a plain path.
    """
    proto = proto or get_proto(url)
    if proto in ("local", "file"):
        return local
    found = _remote.get(proto)
    if found is None:
        from redux.files.remote import RemoteFileSystem  # noqa: PLC0415 - only for URLs

        found = _remote[proto] = RemoteFileSystem(proto)
    return found


def glob_file(pattern: str) -> list[str]:
    """The paths or URLs of the files that fit a pattern, sorted. Raises FileUnreadable."""
    return get_filesystem(url=pattern).glob(pattern)
