"""The local disk as a file system: plain paths, and `file://` before them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any

from redux.files.content import forget_content, local_content
from redux.files.filesystem import Contents, FileSystem, encoding_for
from redux.files.walk import files_below, files_that_fit
from redux_valuestore.digest import Digest

_SCHEMES = ("file://", "local://")


def local_path(path: str) -> str:
    """A path without the `file://` that may stand before it."""
    for scheme in _SCHEMES:
        if path.startswith(scheme):
            return path[len(scheme) :]
    return path


class LocalFileSystem(FileSystem):
    """The local disk. What a file is, is its content."""

    name = "local"

    def open(self, path: str, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        place = local_path(path)
        if mode.strip("rbt+"):
            _make_folder_of(place)
        return open(place, mode, encoding=encoding_for(mode, encoding), newline=newline)

    def put_whole(self, path: str, pieces: Iterable[bytes]) -> None:
        place = local_path(path)
        hidden = os.path.join(os.path.dirname(place), f".{os.urandom(8).hex()}.tmp")
        try:
            with self.open(hidden, "xb") as writer:
                for piece in pieces:
                    writer.write(piece)
            os.replace(hidden, place)
        except BaseException:
            self.remove(hidden)
            raise

    def at(self, path: str) -> tuple[Any, str]:
        return None, local_path(path)

    def exists(self, path: str) -> bool:
        return os.path.exists(local_path(path))

    def isfile(self, path: str) -> bool:
        return os.path.isfile(local_path(path))

    def isdir(self, path: str) -> bool:
        return os.path.isdir(local_path(path))

    def filesize(self, path: str) -> int:
        return os.path.getsize(local_path(path))

    def remove(self, path: str) -> None:
        place = local_path(path)
        if os.path.lexists(place):
            os.unlink(place)

    def touch(self, path: str) -> None:
        """Make an empty file where there is none; else set its time to now."""
        with self.open(path, "ab"):
            os.utime(local_path(path))

    def mkdir(self, path: str) -> None:
        os.makedirs(local_path(path), exist_ok=True)

    def rmdir(self, path: str, recursive: bool = False) -> None:
        import shutil  # noqa: PLC0415 - start-up does not need it

        place = local_path(path)
        if os.path.lexists(place):
            shutil.rmtree(place) if recursive else os.rmdir(place)

    def copy(self, source: str, target: str) -> None:
        import shutil  # noqa: PLC0415 - start-up does not need it

        with self.open(source, "rb") as reader, self.open(target, "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)

    def find(self, path: str) -> list[str]:
        return sorted(files_below(local_path(path)))

    def glob(self, pattern: str) -> list[str]:
        place = local_path(pattern)
        scheme = pattern[: len(pattern) - len(place)]
        return [scheme + found for found in files_that_fit(place)]

    def get_hash(self, path: str) -> Digest | None:
        return local_content(local_path(path))

    def hash_content(self, path: str) -> Digest | None:
        return local_content(local_path(path))

    def forget(self, path: str) -> None:
        forget_content(local_path(path))

    def hash_folder(self, path: str, by_content: bool) -> Contents:
        place = local_path(path)
        return {name: local_content(os.path.join(place, name)) for name in self.find(path)}

    def hash_matches(self, pattern: str, by_content: bool) -> Contents:
        return {found: self.get_hash(found) for found in self.glob(pattern)}


def _make_folder_of(place: str) -> None:
    folder = os.path.dirname(place)
    if folder:
        os.makedirs(folder, exist_ok=True)


local = LocalFileSystem()
