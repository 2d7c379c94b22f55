"""Lines of handles that executions have for themselves: by locks on files, so that a process that dies lets go.

A line's file has the name of the execution that has it, and all processes of that execution hold it by a shared lock:
it is free when the last of them has let go. The name is only changed under an exclusive lock. So that nobody sees a
file between the two, one process at a time tries its locks, under a lock on the folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Protocol

from redux_backends.errors import BackendUnavailable
from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest
from redux_valuestore.modes import make_folder, open_beside

_TAKING = "taking"
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
UNNAMED = ExecutionId(bytes(16))
"""Stands for an execution that has just got a line and has not yet said its name."""


class LineClaims(Protocol):
    """Who has which line, among all processes that share them."""

    def take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        """Have a line for an execution, which may have it already; who has it, if another does.

        Raises `BackendUnavailable`.
        """
        ...

    def keep(self) -> None:
        """See that the lines are still had, now and then: what is lost is taken again, if nobody else has it."""
        ...

    def let_go(self, execution: ExecutionId | None = None) -> None:
        """Let go of all lines of an execution, or of every one."""
        ...


class Claims:
    """Who has which line: among all processes that use a folder, or without one in this process alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = Lock()
        self._held: dict[Digest, tuple[ExecutionId, int | None]] = {}

    def take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        """Have a line for an execution, which may have it already; who has it, if another does.

        Raises `BackendUnavailable` where the files can't be made.
        """
        with self._lock:
            held = self._held.get(line)
            if held is None:
                return self._take(line, execution)
            return None if held[0] == execution else held[0]

    def keep(self) -> None:
        """Nothing: a file stays locked while the process lives."""

    def let_go(self, execution: ExecutionId | None = None) -> None:
        """Let go of all lines of an execution, or of every one."""
        with self._lock:
            for line, (owner, _) in list(self._held.items()):
                if execution is None or owner == execution:
                    self._let_go(line)

    def _take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        if self._folder is None:
            self._held[line] = execution, None
            return None
        try:
            return self._take_file(self._folder, line, execution)
        except OSError as error:
            raise BackendUnavailable(
                f"a handle cannot be had for this run alone: {error}; give write access to {self._folder.parent}",
                str(self._folder),
            ) from error

    def _take_file(self, folder: Path, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        with suppress(FileExistsError):
            make_folder(folder)
        with _opened(folder / _TAKING) as turn:
            _lock(turn, fcntl.LOCK_EX)
            with _opened(folder / line.hex()[:32]) as descriptor:
                owner = _share(descriptor, execution)
                if owner == execution:
                    self._held[line] = execution, os.dup(descriptor)
                    return None
                return owner

    def _let_go(self, line: Digest) -> None:
        descriptor = self._held.pop(line)[1]
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file too
            os.close(descriptor)


def _share(descriptor: int, execution: ExecutionId) -> ExecutionId:
    """Hold a line's file together with others of an execution, if that has it or can have it: the one that has it."""
    try:
        _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        name = os.pread(descriptor, len(UNNAMED), 0)
        owner = ExecutionId(name) if len(name) == len(UNNAMED) else UNNAMED
        if owner != execution:
            return owner
    else:
        os.pwrite(descriptor, execution, 0)
    _lock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return execution


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = open_beside(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> None:
    """Raises BlockingIOError where another has it; nothing where there are no locks."""
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
