"""Files as values: a path as given, and the content found there. A value that holds one is valid while both agree."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from redux.value import Holding, register_serializer
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest, digest_stream
from redux_valuestore.errors import ReduxError

_RACY_SECONDS = 2.0
"""A file changed this short before it was hashed may change again within the clock's grain: git's rule."""
_MEMO_LIMIT = 100_000


class FileUnreadable(ReduxError, OSError):
    """What is at a File's path cannot be read as a file."""

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"file {path} cannot be read: {why}; give read access, or pass another path")


class File:
    """A local file, by content: a call that got or gave one is only reused while the file holds what it held then.

    The content counts at the moment the File crosses a task's border. The path counts as given: relative to the
    current folder, or absolute.
    """

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        given = os.fspath(path)
        if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
            raise TypeError(f"the path of a File is text, not {type(given).__name__}")
        if "://" in given:
            raise ValueError(f"{given} is not a local path; File takes local paths only")
        self.path = given

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"File({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is File and other.path == self.path

    def __hash__(self) -> int:
        return hash((File, self.path))

    @property
    def hash(self) -> Digest | None:
        """The digest of the content as it is now; None where there is no file. Raises FileUnreadable."""
        return current_content(self.path)

    def exists(self) -> bool:
        """Whether anything is at the path."""
        return os.path.exists(self.path)

    def isfile(self) -> bool:
        """Whether a file is at the path."""
        return os.path.isfile(self.path)

    def size(self) -> int:
        """The size in bytes. Raises OSError."""
        return os.path.getsize(self.path)

    def basename(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.path)

    def dirname(self) -> str:
        """The folder part of the path."""
        return os.path.dirname(self.path)

    def open(self, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        """The opened file, text in UTF-8 unless said otherwise; writing makes the folders above it. Raises OSError."""
        if not mode.strip("rbt+"):
            return open(self.path, mode, encoding=_encoding(mode, encoding), newline=newline)
        folder = self.dirname()
        if folder:
            os.makedirs(folder, exist_ok=True)
        return open(self.path, mode, encoding=_encoding(mode, encoding), newline=newline)

    def read(self, mode: str = "r", encoding: str | None = None) -> Any:
        """The whole content: text, or bytes with mode "rb". Raises OSError."""
        with self.open(mode, encoding) as stream:
            return stream.read()

    def readlines(self, mode: str = "r", encoding: str | None = None) -> list[Any]:
        """The lines, each with its end. Raises OSError."""
        with self.open(mode, encoding) as stream:
            return stream.readlines()

    def write(self, data: str | bytes, mode: str | None = None, encoding: str | None = None) -> None:
        """Make this the content. Raises OSError."""
        with self.open(mode or ("w" if isinstance(data, str) else "wb"), encoding) as stream:
            stream.write(data)

    def touch(self) -> None:
        """Make the file where there is none, empty; else set its time to now. Raises OSError."""
        with self.open("ab"):
            os.utime(self.path)

    def remove(self) -> None:
        """Remove the file where there is one. Raises OSError."""
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def copy_to(self, target: File, skip_if_exists: bool = False) -> File:
        """Copy the content to another File and give that back. Raises OSError."""
        import shutil  # noqa: PLC0415 - start-up does not need it

        if not (skip_if_exists and target.exists()):
            with self.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
        return target


def _encoding(mode: str, encoding: str | None) -> str | None:
    return None if "b" in mode else encoding or "utf-8"


# -- content, and remembering it -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Remembered:
    state: tuple[int, ...]
    content: Digest


_memo: dict[str, _Remembered] = {}


def current_content(path: str) -> Digest | None:
    """The digest of what a file holds now; None where there is no file. Raises FileUnreadable.

    A file whose times, size and inode are those seen when it was hashed is not read again.
    """
    place = os.path.abspath(path)
    try:
        seen = os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileUnreadable(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(seen.st_mode):
        raise FileUnreadable(path, "it is a folder" if stat.S_ISDIR(seen.st_mode) else "it is not a regular file")
    remembered = _memo.get(place)
    if remembered is not None and remembered.state == _state(seen):
        return remembered.content
    return _hash(path, place)


def still_holds(fact: FileFact) -> bool:
    """Whether a file holds what it held when this was noted; one that cannot be read does not."""
    try:
        return current_content(fact.path) == fact.content
    except FileUnreadable:
        return False


def _state(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino, seen.st_dev


def _hash(path: str, place: str) -> Digest | None:
    now = time.time_ns()
    try:
        with open(place, "rb", buffering=0) as stream:
            before = os.fstat(stream.fileno())
            content = digest_stream(cast(Any, stream))
            after = os.fstat(stream.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileUnreadable(path, error.strerror or str(error)) from error
    changed = max(after.st_mtime_ns, after.st_ctime_ns)
    if _state(before) == _state(after) and changed < now - _RACY_SECONDS * 1e9:
        if len(_memo) >= _MEMO_LIMIT:
            _memo.clear()
        _memo[place] = _Remembered(_state(after), content)
    else:
        _memo.pop(place, None)
    return content


# -- as a value ------------------------------------------------------------------------------------


def _take_apart(file: File) -> Holding:
    content = current_content(file.path)
    return Holding([file.path, content], (FileFact(file.path, content),))


def _build(part: Sequence[Any]) -> File:
    return File(part[0])


register_serializer(File, "redux.File/1", cast(Any, _take_apart), _build)
