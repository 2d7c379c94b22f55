"""Files that only we may change: refused where others could, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from redux.trust.owners import OTHERS_WRITE, is_mine_or_roots, lets_replace
from redux.trust.trouble import TrustRefused
from redux_backends.filelock import FileLock
from redux_valuestore.frozen import frozen

_LARGEST = 1 << 20
"""Bytes: no key and no list of people is longer, and nobody is to fill the memory with one."""
_OTHERS_TOUCH = stat.S_IRWXG | stat.S_IRWXO
SIGNS = "signs in your name"
BELIEVES = "says whom you believe"


def read_guarded(path: Path, *, secret: bool = False) -> str | None:
    """The text of a file that nobody else may change, nor read where it is `secret`; None where none is there.

    Raises `TrustRefused`.
    """
    try:
        opened = open_whole(path, _LARGEST + 1)
        _check(path, opened.about, _OTHERS_TOUCH if secret else OTHERS_WRITE, SIGNS if secret else BELIEVES)
        _check_folder(path)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise TrustRefused(path, "is a folder, where a file belongs; move it away") from None
    except OSError as error:
        raise TrustRefused(path, f"cannot be read: {error.strerror}; see to its rights") from None
    data = opened.data
    if len(data) > _LARGEST:
        raise TrustRefused(path, "is larger than any such file; see what it is")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise TrustRefused(path, "is not a text in UTF-8; see what it is") from None


@frozen
class Opened:
    """A file as it was read: its bytes, and whose it is and who may write to it."""

    data: bytes
    about: os.stat_result


def open_whole(path: Path, limit: int = -1) -> Opened:
    """A file's bytes, at most `limit` of them, and what the system says of just these. Raises `OSError`."""
    with open(path, "rb", opener=_at_once) as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        return Opened(opened.read(limit), about)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever is at the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def check_opened(path: Path, opened: Opened, what: str) -> None:
    """Refuse a file that others could have written, where it does `what`. Raises `TrustRefused`."""
    try:
        _check(path, opened.about, OTHERS_WRITE, what)
        _check_folder(path)
    except OSError as error:
        raise TrustRefused(path, f"cannot be read: {error.strerror}; see to its rights") from None


def _check(path: Path, about: os.stat_result, forbidden: int, what: str) -> None:
    if not is_mine_or_roots(about.st_uid):
        raise TrustRefused(path, f"belongs to another user (uid {about.st_uid}), and it {what}; make it yours")
    if hasattr(os, "geteuid") and about.st_mode & forbidden:
        what, mode = ("others can read it", "600") if what == SIGNS else ("others can write to it", "go-w")
        raise TrustRefused(path, f"is not to be relied on, since {what}; `chmod {mode} {path}` helps")


def _check_folder(path: Path) -> None:
    """Refuse a file that others could put another one in the place of, or of a folder or link on the way to it."""
    for folder in _folders_above(path):
        about = folder.stat()
        if not is_mine_or_roots(about.st_uid):
            raise TrustRefused(
                path,
                f"is below {folder.resolve()} of another user (uid {about.st_uid}); keep it below a folder of yours",
            )
        if hasattr(os, "geteuid") and lets_replace(about):
            raise TrustRefused(
                path,
                "is below a folder that others can write to, so it may be replaced; "
                f"`chmod go-w {folder.resolve()}` helps",
            )


def _folders_above(path: Path) -> Iterator[Path]:
    """The folders that lead to a file, the nearest first, and those that lead to where links on the way point."""
    known: set[Path] = set()
    ways = [path.absolute()]
    while ways:
        way = ways.pop(0)
        for one in (way, *way.parents):
            if one.parent == one or one in known:
                continue
            known.add(one)
            yield one.parent
            if one.is_symlink():
                ways.append(one.parent / one.readlink())


def write_whole(path: Path, text: str, *, new: bool = False) -> None:
    """Write a file that only we can read (0600), in a folder likewise (0700): whole, or not at all.

    With `new` it takes no other's place. Raises FileExistsError then, and `TrustRefused`.
    """
    path = path.resolve()
    try:
        replace_whole(path, text, new=new)
    except FileExistsError:
        raise
    except OSError as error:
        raise TrustRefused(path, f"cannot be written: {error.strerror}; see to the rights of its folder") from None


def replace_whole(path: Path, text: str, *, mode: int = 0o600, new: bool = False) -> None:
    """Write a file with these rights, whole or not at all, in a folder that is made where there is none (0700).

    With `new` it takes no other's place. Raises `OSError`.
    """
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        _make_folders(path.parent)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(descriptor)
        draft.chmod(mode)
        if new:
            os.link(draft, path)
        else:
            draft.replace(path)
    finally:
        with suppress(OSError):  # none is there, and what is the matter was told
            draft.unlink()


def _make_folders(path: Path) -> None:
    # The mode that mkdir is told counts for the last folder only.
    for folder in reversed([one for one in (path, *path.parents) if not one.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Keep all others from changing a file while the block goes on: what it says now is read inside.

    Raises `TrustRefused`.
    """
    try:
        lock = lock_of(path)
    except OSError as error:
        raise TrustRefused(path, f"cannot be written: {error.strerror}; see to the rights of its folder") from None
    with closing(lock), lock.held():
        yield


def lock_of(path: Path) -> FileLock:
    """What whoever changes a file holds meanwhile: a lock beside it. Raises `OSError`."""
    path = path.resolve()
    _make_folders(path.parent)
    return FileLock(path.with_name(f"{path.name}.lock"))
