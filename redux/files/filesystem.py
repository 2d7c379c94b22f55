"""What every file system offers, under the names that redun gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any

from redux.files.trouble import note_encoding
from redux_valuestore.digest import Digest

Contents = Mapping[str, Digest | None]
"""The files of a folder by their relative paths, or of a pattern by their paths, each with its identity."""


class FileSystem(ABC):
    """Files by their paths or URLs, as given to a File. Every method raises OSError; FileUnreadable is one."""

    name: str
    """What stands before `://` in its URLs; `local` for the local disk."""

    @abstractmethod
    def open(self, path: str, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        """The file at `path`, opened: `mode`, `encoding` and `newline` are as for `open`, text is UTF-8 by default.

        Writing makes the folders above it.
        """

    @abstractmethod
    def put_whole(self, path: str, pieces: Iterable[bytes]) -> None:
        """Make these `pieces` the content at `path`; who looks meanwhile sees what was there before, or all of them."""

    @abstractmethod
    def at(self, path: str) -> tuple[Any, str]:
        """The fsspec file system that a path is on, None for the local disk, and the path there."""

    def guard(self, path: str, writing: bool = False) -> AbstractContextManager[None]:
        """What goes wrong inside with a file at this `path` is told as this file system's errors are.

        `writing` says that the file is written there.
        """
        return _telling_of(path)

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether anything is at the path."""

    @abstractmethod
    def isfile(self, path: str) -> bool:
        """Whether a file is at the path."""

    @abstractmethod
    def isdir(self, path: str) -> bool:
        """Whether a folder is at the path."""

    @abstractmethod
    def filesize(self, path: str) -> int:
        """The size of a file in bytes. Raises FileNotFoundError."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file where there is one."""

    @abstractmethod
    def touch(self, path: str) -> None:
        """Make an empty file where there is none."""

    @abstractmethod
    def mkdir(self, path: str) -> None:
        """Make a folder and those above it, where they are missing."""

    @abstractmethod
    def rmdir(self, path: str, recursive: bool = False) -> None:
        """Remove the folder at `path` where there is one: an empty one, or with `recursive` all that is in it."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None:
        """Copy the file at `source` to `target`, within this file system."""

    @abstractmethod
    def find(self, path: str) -> list[str]:
        """The files in a folder and below it by their paths relative to it, sorted; none where there is no folder."""

    @abstractmethod
    def glob(self, pattern: str) -> list[str]:
        """The paths of the files that fit a pattern, sorted, written as the pattern is."""

    @abstractmethod
    def get_hash(self, path: str) -> Digest | None:
        """The identity of a file's content as it is now; None where there is no file."""

    @abstractmethod
    def hash_content(self, path: str) -> Digest | None:
        """The digest of a file's bytes as they are now; None where there is no file."""

    @abstractmethod
    def forget(self, path: str) -> None:
        """Have a file read again when its identity is next asked."""

    @abstractmethod
    def hash_folder(self, path: str, by_content: bool) -> Contents:
        """The files in and below the folder `path` with their identities; `by_content`, with their bytes' digests."""

    @abstractmethod
    def hash_matches(self, pattern: str, by_content: bool) -> Contents:
        """The files that fit a `pattern` with their identities, `by_content` with the digests of their bytes."""


@contextmanager
def _telling_of(path: str) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        note_encoding(error, path)
        raise


def get_proto(url: str | None = None) -> str:
    """What stands before `://` in a URL; `local` for plain paths and `file://`."""
    proto, mark, _ = (url or "").partition("://")
    return proto if mark and proto not in ("file", "local") else "local"


def encoding_for(mode: str, encoding: str | None) -> str | None:
    """The encoding to open a file with: UTF-8 for text unless said otherwise, none for bytes."""
    return None if "b" in mode else encoding or "utf-8"
