"""An archive as a file: written whole or not at all, and read member by member, each byte accounted for."""

from __future__ import annotations

import errno
import fcntl
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from redux.archive.format import BLOCK, README, RECORD, filling, header, named_and_sized
from redux.archive.trouble import (
    ArchiveExists,
    ArchiveMissing,
    ArchiveUnavailable,
    altered,
    cut_short,
    no_archive,
    shown,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

PACKED = (".gz", ".tgz")
"""How the names of archives end that are packed by gzip."""

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20


class ArchiveWriter:
    """Members written one after the other into a file that has its name once it is whole and on the disk."""

    def __init__(self, path: str, force: bool = False) -> None:
        self.path = shown(path)
        self._path, self._force = path, force
        self._temp = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.tmp")

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Members may be added inside; an error leaves what was there before.

        Raises `ArchiveExists`, `ArchiveMissing`, `ArchiveUnavailable`.
        """
        self._look()
        with self._explained():
            self._raw = self._begin()
        self._file = self._packed() if self._path.endswith(PACKED) else cast("IO[bytes]", self._raw)
        self._written = 0
        try:
            yield
            with self._explained():
                self._finish()
        except BaseException:
            with suppress(OSError):
                os.unlink(self._temp)
            raise
        finally:
            # What packs would write its end when it is collected, into whatever file is there by then.
            for file in (self._file, self._raw):
                with suppress(OSError, ValueError):
                    file.close()

    def add(self, name: str, size: int, chunks: Iterable[Buffer]) -> None:
        """Add a member of so many bytes. Raises `ArchiveUnavailable`."""
        with self._explained():
            self._write(header(name, size))
            for chunk in chunks:
                self._write(chunk)
            self._write(bytes(filling(size)))

    def _write(self, data: Buffer) -> None:
        self._file.write(data)
        self._written += memoryview(data).nbytes

    def _look(self) -> None:
        folder = os.path.dirname(self._path) or "."
        if os.path.isdir(self._path):
            raise ArchiveMissing(self.path, "this is a folder; name a file in it")
        if not os.path.isdir(folder):
            raise ArchiveMissing(self.path, f"there is no folder {shown(folder)}")
        if os.path.exists(self._path) and not os.path.isfile(self._path):
            # A device or pipe would be replaced by a file.
            raise ArchiveMissing(self.path, "this is no file; name another")
        if os.path.lexists(self._path) and not self._force:
            raise ArchiveExists(self.path)

    def _begin(self) -> io.BufferedWriter:
        """The passing file, ours alone; what somebody who was killed has left there is written over."""
        file = os.open(self._temp, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            _lock(file)
            # Another one may have given it its name between our two calls.
            if os.stat(self._temp).st_ino != os.fstat(file).st_ino:
                raise BlockingIOError
            os.ftruncate(file, 0)
        except (BlockingIOError, FileNotFoundError):
            os.close(file)
            raise ArchiveUnavailable(self.path, "another process is just saving to it; wait for it") from None
        except BaseException:
            os.close(file)
            raise
        return io.BufferedWriter(io.FileIO(file, "wb"), _PIECE)

    def _packed(self) -> IO[bytes]:
        return cast("IO[bytes]", gzip.GzipFile("", "wb", 6, self._raw, mtime=0))

    def _finish(self) -> None:
        self._write(bytes(2 * BLOCK))
        self._write(bytes(filling(self._written, RECORD)))
        if self._file is not self._raw:
            self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        if os.path.lexists(self._path) and not self._force:
            raise ArchiveExists(self.path)
        os.replace(self._temp, self._path)
        folder = os.open(os.path.dirname(self._path) or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveUnavailable.of(self.path, "written", error) from error


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):  # a file system that knows no locks
            raise


class ArchiveFile:
    """A file to be read several times from its beginning; it stays the same one if its name is given to another."""

    def __init__(self, path: str) -> None:
        """Raises `ArchiveMissing`, `ArchiveUnavailable`, `ArchiveBent`."""
        self.path = shown(path)
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ArchiveMissing(self.path, "there is no such file") from None
        except OSError as error:
            raise ArchiveUnavailable.of(self.path, "read", error) from error
        try:
            with explained(self.path):
                self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        kept = os.fstat(self._file)
        if not stat.S_ISREG(kept.st_mode):
            raise ArchiveMissing(self.path, "this is a folder" if stat.S_ISDIR(kept.st_mode) else "this is no file")
        self.size = kept.st_size
        self.first = os.pread(self._file, 16, 0)
        if not self.first:
            raise cut_short(self.path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def members(self) -> Members:
        """Its members from the beginning; the former ones are not to be read any more."""
        with explained(self.path):
            os.lseek(self._file, 0, os.SEEK_SET)
        plain = io.BufferedReader(io.FileIO(self._file, closefd=False), _PIECE)
        if self.first.startswith(_GZIP):
            return Members(self, cast("IO[bytes]", gzip.GzipFile(fileobj=plain)), packed=True)
        return Members(self, plain, packed=False)

    @property
    def done(self) -> int:
        """How many of its bytes were read."""
        return os.lseek(self._file, 0, os.SEEK_CUR)


class Members:
    """The members of an archive, each to be read or skipped before the next."""

    def __init__(self, file: ArchiveFile, stream: IO[bytes], *, packed: bool) -> None:
        self._file, self._stream, self._packed = file, stream, packed
        self.path = file.path
        self._read = 0

    def next(self) -> tuple[str, int] | None:
        """Name and size of the next member; None at the end, behind which nothing may be. Raises `ArchiveBent`."""
        if not self._read:
            self._recognise()
        block = self._take(BLOCK)
        found = named_and_sized(block)
        if found is not None:
            return found
        if any(block):
            raise altered(self.path, f"at byte {self._read - BLOCK:,} there is no header that redux writes")
        self._end()
        return None

    def _recognise(self) -> None:
        begins = README.encode() + b"\0"
        with explained(self.path):
            first = cast("io.BufferedReader", self._stream).peek(len(begins))[: len(begins)]
        if not begins.startswith(first) or not first:
            raise no_archive(self.path, b"" if self._packed else self._file.first)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The bytes of a member, piece by piece. Raises `ArchiveBent`."""
        left = size
        while left:
            piece = self._some(min(left, _PIECE))
            left -= len(piece)
            yield piece
        self._expect_zeros(filling(size))

    def whole(self, size: int) -> bytes:
        """The bytes of a member, which is small. Raises `ArchiveBent`."""
        return b"".join(self.pieces(size))

    def skip(self, size: int) -> None:
        """Pass over a member."""
        size += filling(size)
        if self._packed:
            for _ in self.pieces(size):
                pass
            return
        with explained(self.path):
            self._stream.seek(size, os.SEEK_CUR)
        self._read += size
        if self._read > self._file.size:
            raise cut_short(self.path)

    def _end(self) -> None:
        self._expect_zeros(BLOCK)
        self._expect_zeros(filling(self._read, RECORD))
        with explained(self.path):
            if self._stream.read(1):
                raise altered(self.path, "there is something behind its end")

    def _expect_zeros(self, size: int) -> None:
        if size and any(self._take(size)):
            raise altered(self.path, f"between its members, at byte {self._read - size:,}, there is something")

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self._some(size - len(data))
        return data

    def _some(self, size: int) -> bytes:
        with explained(self.path):
            piece = self._stream.read(size)
        if not piece:
            raise cut_short(self.path)
        self._read += len(piece)
        return piece


@contextmanager
def explained(path: str) -> Iterator[None]:
    """What goes wrong while the archive at `path` is read, in words: raises ArchiveBent, ArchiveUnavailable."""
    try:
        yield
    except EOFError:
        raise cut_short(path) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise altered(path, f"gzip cannot unpack it ({error})") from error
    except OSError as error:
        raise ArchiveUnavailable.of(path, "read", error) from error
