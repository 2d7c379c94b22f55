"""File systems at URLs, by fsspec, which is imported when one is first asked: some of them take seconds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import ENOENT
from typing import IO, Any

from redux.files.filesystem import Contents, FileSystem, encoding_for
from redux.files.identity import identify
from redux.files.trouble import FileUnreachable, FileUnreadable, note_encoding
from redux_valuestore.digest import Digest, digest_stream
from redux_valuestore.whole import write_whole

_PASSED_ON = (FileExistsError, FileUnreadable)
"""What says enough as it is."""
_SHOWN = 200
"""Characters of what a file system says."""

Info = Mapping[str, Any]


@contextmanager
def explained(url: str, writing: bool = False) -> Iterator[None]:
    """Every file system raises errors of its own; as FileUnreachable they all say that a URL cannot be reached.

    That nothing is there is a FileNotFoundError with the URL, but where something was to be made.
    """
    try:
        yield
    except _PASSED_ON:
        raise
    except FileNotFoundError as error:
        if error.filename not in (None, url):
            raise  # it is about another file
        said = error.strerror or str(error)
        if writing:
            raise FileUnreachable(url, said, "make the bucket or folder, or say another") from error
        named = url.rstrip("/").rpartition("/")[2] in said
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT) if named else said, url) from error
    except UnicodeError as error:
        note_encoding(error, url)
        raise
    except ImportError as error:
        said = str(error)
        remedy = said[:1].lower() + said[1:] if said[1:2].islower() else said
        raise FileUnreachable(url, "a package is missing here", remedy) from None
    except Exception as error:
        said = str(error).partition("\n")[0][:_SHOWN] or type(error).__name__
        if said.startswith("Protocol not known"):
            raise FileUnreachable(url, said, "`fsspec.available_protocols()` lists those that are") from None
        raise FileUnreachable(url, said) from error


class RemoteFileSystem(FileSystem):
    """What is at the URLs of one protocol. What a file is, is what the store tells of it, else its content.

    Nothing is remembered between two questions: another program may have written.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, path: str, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        text: dict[str, Any] = {} if "b" in mode else {"encoding": encoding_for(mode, encoding), "newline": newline}
        writing = bool(mode.strip("rbt+"))
        with explained(path, writing):
            fs, place = self.at(path)
            try:
                return fs.open(place, mode, **text)
            except FileNotFoundError:
                if not writing:
                    raise
            fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            return fs.open(place, mode, **text)

    def put_whole(self, path: str, pieces: Iterable[bytes]) -> None:
        with explained(path, writing=True):
            fs, place = self.at(path)
            write_whole(fs, place, pieces)

    def guard(self, path: str, writing: bool = False) -> AbstractContextManager[None]:
        return explained(path, writing)

    def exists(self, path: str) -> bool:
        return self._info(path) is not None

    def isfile(self, path: str) -> bool:
        info = self._info(path)
        return info is not None and info["type"] != "directory"

    def isdir(self, path: str) -> bool:
        info = self._info(path)
        return info is not None and info["type"] == "directory"

    def filesize(self, path: str) -> int:
        info = self._info(path)
        if info is None:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
        return info["size"]

    def remove(self, path: str) -> None:
        with explained(path), suppress(FileNotFoundError):
            fs, place = self.at(path)
            fs.rm_file(place)

    def touch(self, path: str) -> None:
        """Make an empty file where there is none; one that is there stays as it is."""
        if not self.exists(path):
            with explained(path, writing=True), self.open(path, "wb"):
                pass

    def mkdir(self, path: str) -> None:
        with explained(path, writing=True):
            fs, place = self.at(path)
            fs.makedirs(place, exist_ok=True)

    def rmdir(self, path: str, recursive: bool = False) -> None:
        with explained(path), suppress(FileNotFoundError):
            fs, place = self.at(path)
            fs.rm(place, recursive=True) if recursive else fs.rmdir(place)

    def copy(self, source: str, target: str) -> None:
        with explained(source):
            fs, place = self.at(source)
            fs.cp_file(place, self.at(target)[1])

    def find(self, path: str) -> list[str]:
        return sorted(self._found(path))

    def glob(self, pattern: str) -> list[str]:
        return sorted(self._matches(pattern))

    def get_hash(self, path: str) -> Digest | None:
        info = self._info(path)
        return None if info is None else identify(_file(path, info)) or self._read(path)

    def hash_content(self, path: str) -> Digest | None:
        info = self._info(path)
        return None if info is None or not _file(path, info) else self._read(path)

    def forget(self, path: str) -> None:
        """Nothing: nothing is remembered."""

    def hash_folder(self, path: str, by_content: bool) -> Contents:
        return {name: self._listed(f"{path}/{name}", info, by_content) for name, info in self._found(path).items()}

    def hash_matches(self, pattern: str, by_content: bool) -> Contents:
        return {url: self._listed(url, info, by_content) for url, info in self._matches(pattern).items()}

    # -- asking fsspec -----------------------------------------------------------------------------

    def at(self, path: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - heavy, and only for URLs

        # A listing remembered there would hide what somebody has just written.
        fs, place = url_to_fs(path, use_listings_cache=False)
        return fs, place

    def _info(self, url: str) -> Info | None:
        with explained(url):
            fs, place = self.at(url)
            try:
                return fs.info(place)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _listed(self, url: str, info: Info, by_content: bool) -> Digest | None:
        """The identity of a file that a listing named, which may tell less than asking about the file alone."""
        return self._read(url) if by_content else identify(info) or self.get_hash(url)

    def _read(self, url: str) -> Digest | None:
        try:
            with explained(url), self.open(url, "rb") as stream:
                return digest_stream(stream)  # pyright: ignore[reportArgumentType] - a binary one
        except FileNotFoundError:
            return None

    def _found(self, url: str) -> dict[str, Info]:
        with explained(url):
            fs, place = self.at(url)
            try:
                found: dict[str, Info] = fs.find(place, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
        root = place.rstrip("/")
        if root in found:
            raise FileUnreadable(url, "it is a file, not a folder", "pass File(path), or the folder it is in")
        return {
            name.removeprefix(f"{root}/"): info
            for name, info in found.items()
            if name.startswith(f"{root}/") and not name.endswith("/")
        }

    def _matches(self, pattern: str) -> dict[str, Info]:
        with explained(pattern):
            fs, place = self.at(pattern)
            try:
                found: dict[str, Info] = fs.glob(place, detail=True)
            except FileNotFoundError:
                return {}
            return {_as_written(pattern, place, name, fs): i for name, i in found.items() if i["type"] != "directory"}


def _file(url: str, info: Info) -> Info:
    if info["type"] == "directory":
        raise FileUnreadable(url, "it is a folder", "pass Dir(path), or a file in it")
    return info


def _as_written(url: str, place: str, name: str, fs: Any) -> str:
    """The URL of another path on the same file system, begun as this one is."""
    tail = place.lstrip("/")
    return url.removesuffix(tail) + name.lstrip("/") if url.endswith(tail) else fs.unstrip_protocol(name)
