"""What SQLite says is wrong, in plain words with a remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from redux_backends.backend import BackendCorrupt, BackendError, BackendUnavailable

_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "free some space on the disk",
    sqlite3.SQLITE_IOERR: "see to the disk: it is full, read-only or failing",
    sqlite3.SQLITE_READONLY: "make it and its folder writable, or give another place with REDUX_DIR",
    sqlite3.SQLITE_CANTOPEN: "make its folder, and make it readable, or give another place with REDUX_DIR",
    sqlite3.SQLITE_PERM: "make it and its folder writable, or give another place with REDUX_DIR",
    sqlite3.SQLITE_BUSY: "some process has held its lock for too long: end it, or wait",
    sqlite3.SQLITE_LOCKED: "some process has held its lock for too long: end it, or wait",
    sqlite3.SQLITE_NOMEM: "free some memory",
    sqlite3.SQLITE_INTERRUPT: "run it again",
}
_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def in_words(error: sqlite3.Error, path: Path) -> BackendError:
    """The error to raise for one of the driver's, about the file at `path`."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _UNAVAILABLE:
        return BackendUnavailable(f"cannot use the database {path}: {error}; {_UNAVAILABLE[code]}", str(path))
    if code in _DAMAGED:
        none = " or no SQLite database at all" if code == sqlite3.SQLITE_NOTADB else ""
        return BackendCorrupt(
            f"the database {path} is damaged{none} ({error}); move it away with its -wal and -shm files, and "
            "redux will make a new one",
            str(path),
        )
    if str(error).startswith("no such table: "):
        return BackendCorrupt(
            f"the database {path} lacks tables of redux ({error}); bring a backup back, or move it away with its -wal "
            "and -shm files, and redux will make a new one",
            str(path),
        )
    return BackendError(
        f"the database {path} refused what redux asked ({error}); its file may be sound and redux at fault: "
        "REDUX_DEBUG=1 shows where, please report it",
        str(path),
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What goes wrong inside is said in words, about the file at `path`: as `BackendUnavailable` and its like."""
    try:
        yield
    except sqlite3.Error as error:
        raise in_words(error, path) from error
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        raise in_words(error.orig, path) from error
    except FileNotFoundError as error:
        raise BackendUnavailable(
            f"cannot open the database {path}: there is no folder {path.parent}; make it, or give "
            "another place with REDUX_DIR",
            str(path),
        ) from error
    except OSError as error:
        raise BackendUnavailable(
            f"cannot open the database {path}: {error.strerror or error}; see to the disk and its "
            "permissions, or give another place with REDUX_DIR",
            str(path),
        ) from error


def remedy_of(error: Exception) -> str:
    """What went wrong and what helps, where that is a disk or a lock; else what is said of it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return f"{cause}; {_UNAVAILABLE.get(code, 'REDUX_DEBUG=1 shows where, please report it')}"
    if isinstance(cause, OSError):
        return f"{cause.strerror or cause}; see to the disk and its permissions"
    return f"{type(cause).__name__}: {cause}; REDUX_DEBUG=1 shows where, please report it"


def is_readonly(error: Exception) -> bool:
    """Whether an error says that the file or its folder cannot be written."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _NOT_WRITABLE
    return isinstance(cause, PermissionError) or "read-only" in str(cause).lower()
