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
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakSet

from redux_valuestore import modes
from redux_valuestore.buffers import flat
from redux_valuestore.layout import temp_name

if TYPE_CHECKING:
    from typing_extensions import Buffer

_VIEWS = 256  # a call of writev takes at least 1,024 on Linux and macOS
_BITE = 1 << 20  # stays in the processor's cache between reading and hashing
_WORTH_MAPPING = 256 << 10  # below, one read is as fast
_MOST_MAPPED = 256  # before Python 3.13 each mapping holds a file descriptor, of which others need some too
_WINDOW = 8 << 20
# Objects larger than the memory can be mapped too: what of the private mapping is never written needs no room.
_MAP_FLAGS = mmap.MAP_PRIVATE | (0x4000 if sys.platform == "linux" else 0)  # MAP_NORESERVE
_START_WRITING = 2  # SYNC_FILE_RANGE_WRITE
_POPULATE_READ = 22  # MADV_POPULATE_READ, Linux 5.14 and later
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make the reader wait
_mapped: WeakSet[mmap.mmap] = WeakSet()


class Disk:
    """The local file system. Every method raises `OSError` as the system gives it."""

    def make_folder(self, path: str) -> None:
        """Make a folder for its owner alone, or the group of the one it is in; one already there is no error."""
        with suppress(FileExistsError):
            modes.make_folder(path)

    def create(self, path: str) -> int:
        """Open a file that must not be there yet, for writing; its owner alone may read it, or the folder's group."""
        kept = modes.modes_in(os.path.dirname(path)).kept
        file = os.open(path, _OPEN_NEW, kept)
        os.fchmod(file, kept)  # whatever the umask
        return file

    def write(self, file: int, chunks: Iterable[Buffer]) -> None:
        """Write all of `chunks` to an open `file`, straight from where they are."""
        for batch in _batches(flat(chunks, _WINDOW)):
            large = sum(view.nbytes for view in batch) >= _WINDOW
            while batch:
                batch = _rest(batch, os.writev(file, batch))
            if large:
                _start_writing_out(file)

    def sync(self, file: int) -> None:
        """Make a file's content durable. Not to be tried again: after a failure, success says nothing."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def rename(self, old: str, new: str) -> None:
        """Give the file `old` the name `new`, in one step, taking the place of whatever had it."""
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

    def pieces(self, path: str) -> Iterator[memoryview]:
        """A regular file's bytes, piece after piece; each is gone when the next is asked for."""
        file = os.open(path, _OPEN_OLD)
        try:
            buffer = memoryview(bytearray(min(_regular_size(file, path), _BITE) or 1))
            while count := os.readv(file, [buffer]):
                yield buffer[:count]
        finally:
            os.close(file)

    def leads_away(self, path: str) -> bool:
        """Whether a name is a link."""
        return os.path.islink(path)

    def is_open(self, path: str) -> bool:
        """Whether this user may put files into a folder."""
        return os.access(path, os.W_OK | os.X_OK)

    def others_write(self, path: str) -> bool:
        """Whether everybody may put files into a folder."""
        try:
            return bool(os.stat(path).st_mode & stat.S_IWOTH)
        except OSError:
            return False

    def size(self, path: str) -> int | None:
        """A regular file's size in bytes, None for anything else that has this name."""
        status = os.lstat(path)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def age(self, path: str) -> float:
        """The seconds since a file was last written."""
        return time.time() - os.lstat(path).st_mtime

    def names(self, path: str) -> list[str]:
        """The names in a folder."""
        return os.listdir(path)

    def free(self, path: str) -> int:
        """The bytes free where `path` is, or will be."""
        while not os.path.lexists(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)
        return shutil.disk_usage(path).free


def publish(disk: Disk, path: str, chunks: Sequence[Buffer]) -> None:
    """Write `chunks` as the file `path` on a `disk` so that at any moment, power cuts included, it is whole or absent.

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
    """Make the folder at `path` and its missing parents on a `disk`, each durable when it returns."""
    missing: list[str] = []
    while not os.path.isdir(path) and path != os.path.dirname(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        disk.make_folder(folder)
        disk.sync_folder(os.path.dirname(folder))


def _batches(views: Iterable[memoryview]) -> Iterator[list[memoryview]]:
    """What goes into one call of writev each."""
    batch: list[memoryview] = []
    size = 0
    for view in views:
        batch.append(view)
        size += view.nbytes
        if size >= _WINDOW or len(batch) == _VIEWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - only who writes large files needs it

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


def _start_writing_out(file: int) -> None:
    """Let the disk begin with what is written so far, while we go on: the sync at the end then waits for less.

    A hint. Errors of the disk come out of that sync, and of nothing else.
    """
    if call := _sync_file_range():
        call(file, 0, 0, _START_WRITING)


def _rest(batch: list[memoryview], written: int) -> list[memoryview]:
    """What is left of a batch after its first `written` bytes."""
    for index, view in enumerate(batch):
        if written < view.nbytes:
            return [view[written:], *batch[index + 1 :]]
        written -= view.nbytes
    return []


def _regular_size(file: int, path: str) -> int:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EISDIR, "not a regular file", path)
    return status.st_size


def _content(file: int, path: str) -> memoryview:
    size = _regular_size(file, path)
    holds_no_file = sys.version_info >= (3, 13)
    if size >= _WORTH_MAPPING and (holds_no_file or len(_mapped) < _MOST_MAPPED):
        return _map(file, size, path)
    content = memoryview(bytearray(size))
    done = 0
    while done < size and (count := os.readv(file, [content[done:]])):
        done += count
    return content[:done]


def _map(file: int, size: int, path: str) -> memoryview:
    try:
        if sys.version_info >= (3, 13):
            mapping = mmap.mmap(file, size, _MAP_FLAGS, mmap.PROT_READ | mmap.PROT_WRITE, trackfd=False)
        else:
            mapping = mmap.mmap(file, size, _MAP_FLAGS, mmap.PROT_READ | mmap.PROT_WRITE)
            _mapped.add(mapping)
    except ValueError as error:  # it became shorter since we looked
        raise OSError(errno.EIO, str(error), path) from error
    _load(mapping, size, path)
    return memoryview(mapping)


def _load(mapping: mmap.mmap, size: int, path: str) -> None:
    """Bring in all pages now: a page that cannot be read is an error here, and kills the process later.

    In windows, because other threads of this process wait during each.
    """
    if sys.platform != "linux":
        return
    for start in range(0, size, _WINDOW):
        try:
            mapping.madvise(_POPULATE_READ, start, min(_WINDOW, size - start))
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOSYS):  # an older kernel
                return
            raise OSError(errno.EIO, "unreadable, or cut short meanwhile", path) from error
