"""The only place that opens, writes, syncs, renames and unlinks local files for the store.

`Disk` is one system call a method, so that tests can put a recording or failing one in its place; `publish`
and `make_folders` are the orders in which those calls make a file or folder durable.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from redux_valuestore.buffers import flat
from redux_valuestore.layout import temp_name

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PIECE = 64 << 20  # one writev call of macOS takes less than 2 GiB in all
_PIECES = 16
_WORTH_MAPPING = 256 << 10  # below, one read is faster, and holds no file descriptor afterwards
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make the reader wait


class Disk:
    """The local file system. Every method raises `OSError` as the system gives it."""

    def make_folder(self, path: str) -> None:
        """Make a folder that only its owner may enter; one already there is no error."""
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)

    def create(self, path: str) -> int:
        """Open a file that must not be there yet, for writing; only its owner may read it."""
        return os.open(path, _OPEN_NEW, 0o600)

    def write(self, file: int, chunks: Iterable[Buffer]) -> None:
        """Write all of `chunks`, straight from where they are."""
        pieces = flat(chunks, _PIECE)
        while batch := list(islice(pieces, _PIECES)):
            while batch:
                batch = _rest(batch, os.writev(file, batch))

    def sync(self, file: int) -> None:
        """Make a file's content durable. Not to be tried again: after a failure, success says nothing."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step, taking the place of whatever had it."""
        os.replace(old, new)

    def sync_folder(self, path: str) -> None:
        """Make a folder's entries durable, where its file system knows how to."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(folder)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def read(self, path: str) -> memoryview:
        """A regular file's bytes, writable without touching the file: large ones mapped, copy on write."""
        file = os.open(path, _OPEN_OLD)
        try:
            return _content(file, path)
        finally:
            os.close(file)

    def size(self, path: str) -> int | None:
        """A regular file's size in bytes, None for anything else that has this name."""
        status = os.lstat(path)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def names(self, path: str) -> list[str]:
        """The names in a folder."""
        return os.listdir(path)

    def free(self, path: str) -> int:
        """The bytes free where `path` is, or will be."""
        while not os.path.lexists(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)
        return shutil.disk_usage(path).free


def publish(disk: Disk, path: str, chunks: Sequence[Buffer]) -> None:
    """Write a file so that at every moment, power cuts included, it is whole under its name or not there.

    Durable when it returns. Raises `OSError`, having removed what it wrote.
    """
    folder = os.path.dirname(path)
    temp = os.path.join(folder, temp_name())
    file = disk.create(temp)
    try:
        try:
            disk.write(file, chunks)
            disk.sync(file)
        finally:
            disk.close(file)
        disk.rename(temp, path)
    except BaseException:
        with suppress(OSError):
            disk.unlink(temp)
        raise
    disk.sync_folder(folder)


def make_folders(disk: Disk, path: str) -> None:
    """Make a folder and its missing parents, each durable when it returns."""
    missing: list[str] = []
    while not os.path.isdir(path) and path != os.path.dirname(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        disk.make_folder(folder)
        disk.sync_folder(os.path.dirname(folder))


def _rest(batch: list[memoryview], written: int) -> list[memoryview]:
    """What is left of a batch after its first `written` bytes."""
    for index, view in enumerate(batch):
        if written < view.nbytes:
            return [view[written:], *batch[index + 1 :]]
        written -= view.nbytes
    return []


def _content(file: int, path: str) -> memoryview:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EISDIR, "not a regular file", path)
    if status.st_size >= _WORTH_MAPPING:
        return memoryview(mmap.mmap(file, status.st_size, access=mmap.ACCESS_COPY))
    content = bytearray(status.st_size)
    return memoryview(content)[: os.readv(file, [content])]
