"""What can be wrong with an archive: each error names the file, says what is wrong, and what to do."""

from __future__ import annotations

import errno
import os

from redux.errors import UsageError
from redux_valuestore.errors import ReduxError


class ArchiveError(ReduxError):
    """The archive at `path` is at fault, as `why` says."""

    exit_code = 4

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path}: {why}")


class ArchiveBent(ArchiveError):
    """The file is no archive of redux, or not whole, or not as it was saved."""


class ArchiveNewer(ArchiveError):
    """The archive was saved by a newer redux, in a format that this one does not know."""


class ArchiveUnavailable(ArchiveError):
    """The file cannot be read or written now: full disk, no permission, a failing disk."""

    @classmethod
    def of(cls, path: str, doing: str, error: OSError) -> ArchiveUnavailable:
        """The error for what the system says while we are `doing` something with the file."""
        advice = _ADVICE.get(error.errno or 0, "put that right, and do it again")
        return cls(path, f"cannot be {doing}: {error.strerror or error}; {advice}")


class NotToBeSaved(ArchiveError):
    """The history cannot be saved as it is: a record in it is bent, or too large."""


class ArchiveExists(UsageError):
    """There is a file at `path` already."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} is there already; give another name, or --force to have it replaced")


class ArchiveMissing(UsageError):
    """There is no file at `path` to be read, or no folder in which it could be made."""

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


_ADVICE = {
    errno.ENOSPC: "free some space there, and do it again",
    errno.EDQUOT: "raise the quota, and do it again",
    errno.EROFS: "that file system is read-only; take another place",
    errno.EACCES: "give yourself access to it, or take another place",
    errno.EPERM: "give yourself access to it, or take another place",
    errno.EIO: "the disk may be failing: see the system's log, and take a copy from elsewhere",
}


def cut_short(path: str) -> ArchiveBent:
    """The error for a file that ends before it is complete."""
    return ArchiveBent(path, "it is cut short; get it anew from where it comes from")


def altered(path: str, what: str) -> ArchiveBent:
    """The error for a file of which a part, as `what` says, is not as it was saved."""
    return ArchiveBent(path, f"it was altered after it was saved: get it anew from where it comes from ({what})")


def no_archive(path: str, first: bytes) -> ArchiveBent:
    """The error for a file that begins with these bytes, and is something else."""
    told = next((told for begins, told in _OTHERS.items() if first.startswith(begins)), "it does not begin as one")
    return ArchiveBent(path, f"this is no redux archive: {told}")


_OTHERS = {
    b"SQLite format 3\0": "it is a database; name it by --db",
    b"\x28\xb5\x2f\xfd": "it is packed by zstd; unpack it first, with `zstd -d`",
    b"\xfd7zXZ\0": "it is packed by xz; unpack it first, with `unxz`",
    b"BZh": "it is packed by bzip2; unpack it first, with `bunzip2`",
    b"PK\x03\x04": "it is a zip file",
}


def shown(path: str | os.PathLike[str]) -> str:
    """A path as messages have it: any file name is text, on one line."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)
