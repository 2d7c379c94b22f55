"""A disk that fails or dies at one operation of the test's choice, and remembers all of them in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redux_valuestore.buffers import flat
from redux_valuestore.disk import Disk

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Killed(BaseException):
    """The process is dead, as far as the store can tell: no handler of `Exception` or `OSError` sees this."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the disk: its name, the path it was about and, for a rename, the new name."""

    name: str
    path: str
    target: str = ""


class FaultyDisk(Disk):
    """The local file system, recorded; `failing_at` and `killed_at` give ones that break.

    Syncing is recorded and not done: no test can see it, and all would wait for it.
    """

    def __init__(self, at: int | None = None, error: int | None = None) -> None:
        self.operations: list[Operation] = []
        self._at, self._error = at, error
        self._dead = False
        self._open: dict[int, str] = {}

    @classmethod
    def failing_at(cls, at: int, error: int) -> FaultyDisk:
        """One whose operation number `at`, counted from 0, fails once with this errno; writes stop halfway."""
        return cls(at, error)

    @classmethod
    def killed_at(cls, at: int) -> FaultyDisk:
        """One that dies before operation number `at`, a write halfway: `Killed` then, and ever after."""
        return cls(at)

    def make_folder(self, path: str) -> None:
        self._step("make_folder", path)
        super().make_folder(path)

    def create(self, path: str) -> int:
        self._step("create", path)
        file = super().create(path)
        self._open[file] = path
        return file

    def write(self, file: int, chunks: Iterable[Buffer]) -> None:
        views = tuple(flat(chunks, 1 << 20))
        alive = not self._dead
        try:
            self._step("write", self._open[file])
        except (OSError, Killed):
            if alive:
                super().write(file, _half(views))
            raise
        super().write(file, views)

    def sync(self, file: int) -> None:
        self._step("sync", self._open[file])

    def close(self, file: int) -> None:
        super().close(file)  # a dead process's files are closed for it
        self._step("close", self._open.pop(file))

    def rename(self, old: str, new: str) -> None:
        self._step("rename", old, new)
        super().rename(old, new)

    def sync_folder(self, path: str) -> None:
        self._step("sync_folder", path)

    def unlink(self, path: str) -> None:
        self._step("unlink", path)
        super().unlink(path)

    def read(self, path: str) -> memoryview:
        self._step("read", path)
        return super().read(path)

    def pieces(self, path: str) -> Iterator[memoryview]:
        self._step("read", path)
        return super().pieces(path)

    def size(self, path: str) -> int | None:
        self._step("size", path)
        return super().size(path)

    def age(self, path: str) -> float:
        self._step("age", path)
        return super().age(path)

    def names(self, path: str) -> list[str]:
        self._step("names", path)
        return super().names(path)

    def _step(self, name: str, path: str, target: str = "") -> None:
        if self._dead:
            raise Killed(f"{name} after death")
        self.operations.append(Operation(name, path, target))
        if self._at != len(self.operations) - 1:
            return
        if self._error is None:
            self._dead = True
            raise Killed(f"at {name} {path}")
        raise OSError(self._error, os.strerror(self._error), path)


def undurable(operations: Iterable[Operation]) -> list[str]:
    """What a power cut after these operations could take away or show half written, in words; best: nothing.

    A name must not be given to a file before its content is synced, and every new name needs its folder synced.
    """
    wrong: list[str] = []
    unsynced: set[str] = set()
    unnamed: dict[str, str] = {}
    for operation in operations:
        if operation.name in ("create", "write"):
            unsynced.add(operation.path)
        elif operation.name == "sync":
            unsynced.discard(operation.path)
        elif operation.name == "make_folder":
            unnamed[operation.path] = "a folder that may not be there"
        elif operation.name == "rename":
            if operation.path in unsynced:
                wrong.append(f"{operation.target}: named before its content was synced")
            unnamed[operation.target] = "a name that may not be there"
        elif operation.name == "sync_folder":
            synced = {path for path in unnamed if os.path.dirname(path) == operation.path}
            unnamed = {path: what for path, what in unnamed.items() if path not in synced}
    return wrong + [f"{path}: {what}" for path, what in unnamed.items()]


def _half(views: Sequence[memoryview]) -> Iterator[memoryview]:
    """The first half of the bytes, rounded down."""
    left = sum(view.nbytes for view in views) // 2
    for view in views:
        if left:
            yield view[:left]
        left = max(0, left - view.nbytes)
