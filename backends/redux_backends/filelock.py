"""A lock between processes: those that wait stand in a queue, and a process that dies lets go."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redux_valuestore.modes import open_beside

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_WAIT = getattr(fcntl, "F_OFD_SETLKW", None)
_NUMBER = struct.Struct("<Q")
_SPAN = struct.Struct("hhqqi")
"""As the kernel takes it: kind, where positions count from, first byte, how many of them, and nobody's process."""


class FileLock:
    """An exclusive lock on a file of its own, made where it is missing; without a path it locks nothing.

    Raises `OSError` where the file can't be made.
    """

    def __init__(self, path: Path | None) -> None:
        self._descriptor: int | None = None
        if path is not None:
            self._descriptor = open_beside(path)
            # A lock belongs to what was opened, so that the queue's and the file's own don't meet.
            self._queue = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, waiting for it."""
        if self._descriptor is None:
            yield
            return
        with _turn(self._queue):
            if not _take(self._descriptor):
                yield
                return
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            os.close(self._queue)
            self._descriptor = None


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        # Where files can't be locked this way, SQLite's own locks still keep writers apart.
        if error.errno in _NO_LOCKS_HERE:
            return False
        raise
    return True


@contextmanager
def _turn(queue: int) -> Iterator[None]:
    """Stand in the queue until all are done that came before, or died.

    The lock alone is had by whoever is first when it gets free, and with many one may wait for long. So each draws a
    number, holds the byte at that place, and waits for the bytes before it. It is about order alone: where it can't be
    had, the lock still keeps writers apart.
    """
    try:
        with suppress(OSError):
            _wait_for(queue, _draw(queue))
        yield
    finally:
        with suppress(OSError):
            _span(queue, fcntl.F_UNLCK, 0, 0)


def _draw(queue: int) -> int:
    """The next number, which is held."""
    # Far behind all numbers, so that who draws and who waits don't meet.
    _span(queue, fcntl.F_WRLCK, _DRAWING, 1)
    said = os.pread(queue, _NUMBER.size, 0)
    number = _NUMBER.unpack(said)[0] % _DRAWING if len(said) == _NUMBER.size else 0
    os.pwrite(queue, _NUMBER.pack(number + 1), 0)
    _span(queue, fcntl.F_WRLCK, number, 1)
    _span(queue, fcntl.F_UNLCK, _DRAWING, 1)
    return number


def _wait_for(queue: int, number: int) -> None:
    if number:
        _span(queue, fcntl.F_RDLCK, 0, number)


_DRAWING = 1 << 62


def _span(queue: int, kind: int, first: int, count: int) -> None:
    if _WAIT is not None:
        fcntl.fcntl(queue, _WAIT, _SPAN.pack(kind, os.SEEK_SET, first, count, 0))
