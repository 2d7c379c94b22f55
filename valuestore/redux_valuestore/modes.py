"""Who may read and write what redux makes, whatever the umask: its owner, or the group that a folder was given to.

A folder with the bits of SHARED is a group's, and so is all that is made in it; as git does it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SHARED = stat.S_ISGID | stat.S_IWGRP
_NEW = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of what is made in a folder: of folders, of files, and of files that nobody changes any more."""

    folder: int
    file: int
    kept: int


PRIVATE = Modes(0o700, 0o600, 0o600)
GROUP = Modes(0o2770, 0o660, 0o440)
"""A kept file is written by nobody: who has it in use must not see it change. To replace it takes only the folder."""


def modes_in(folder: str | os.PathLike[str]) -> Modes:
    """The modes of what is made in a folder."""
    try:
        found = os.stat(folder).st_mode
    except OSError:
        return PRIVATE
    return GROUP if found & SHARED == SHARED and not found & stat.S_IWOTH else PRIVATE


def open_beside(path: str | os.PathLike[str]) -> int:
    """Open a file to read and write, such as a lock; one that is not there is made, as its folder says.

    Raises `OSError`, also for a link.
    """
    try:
        return os.open(path, _NEW & ~os.O_CREAT)
    except FileNotFoundError:
        pass
    modes = modes_in(os.path.dirname(path) or ".")
    descriptor = os.open(path, _NEW, modes.file)
    if os.fstat(descriptor).st_uid == os.geteuid():  # else another process made it meanwhile, and sees to it
        os.fchmod(descriptor, modes.file)
    return descriptor


def make_private(path: Path) -> None:
    """Make an empty file that only those may read who are meant to, to be filled by somebody else.

    Raises `OSError` where it is there.
    """
    modes = modes_in(path.parent)
    descriptor = os.open(path, _NEW | os.O_EXCL, modes.file)
    try:
        os.fchmod(descriptor, modes.file)
    finally:
        os.close(descriptor)


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder for those who are meant to. Raises `OSError`; FileExistsError where it is there."""
    above = os.path.dirname(os.path.abspath(path))
    modes = modes_in(above)
    if modes is GROUP:
        _make_for_group(os.path.abspath(path), above)
        return
    os.mkdir(path, modes.folder)
    os.chmod(path, modes.folder)


def _make_for_group(path: str, above: str) -> None:
    """Make a folder that has its modes from its first moment: what is made in it meanwhile goes by them."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    draft = os.path.join(above, f".{os.urandom(8).hex()}.tmp")
    os.mkdir(draft, 0o700)
    try:
        os.chmod(draft, GROUP.folder)
        with _in_turn(above):
            if os.path.lexists(path):  # renaming would take the place of an empty one that others may be filling
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            os.rename(draft, path)
    except OSError:
        with suppress(OSError):
            os.rmdir(draft)
        raise


@contextmanager
def _in_turn(folder: str) -> Iterator[None]:
    """One at a time in a folder, where its file system can lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_folders(path: Path) -> None:
    """Make a folder, and those above it that are missing, for those who are meant to. Raises `OSError`."""
    for folder in reversed([one for one in (path, *path.parents) if not one.exists()]):
        with suppress(FileExistsError):  # another process made it meanwhile
            make_folder(folder)


def put_file(path: Path, data: bytes) -> None:
    """Write a small file, and the folder that it is in, for those who are meant to: whole, or it stays as it was.

    It need not outlive a power cut. Raises `OSError`.
    """
    make_folders(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        make_private(draft)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def give_to_group(folder: str | os.PathLike[str]) -> None:
    """Let the group of a folder read and write it, and what is in it, as far as it is one's own.

    A folder that has been given is not gone through again. Raises `OSError`.
    """
    if modes_in(folder) is GROUP or os.stat(folder).st_uid != os.geteuid():
        return
    _give_what_is_in(folder)
    os.chmod(folder, GROUP.folder)  # last: until then the next one goes on
    _give_what_is_in(folder)  # and what was made meanwhile


def _give_what_is_in(folder: str | os.PathLike[str]) -> None:
    group = os.stat(folder).st_gid
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            found = os.lstat(path)
            if found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode):
                continue
            meant = (GROUP.folder,) if stat.S_ISDIR(found.st_mode) else (GROUP.file, GROUP.kept)
            if found.st_gid != group or stat.S_IMODE(found.st_mode) not in meant:
                os.chown(path, -1, group)
                os.chmod(path, meant[0])
