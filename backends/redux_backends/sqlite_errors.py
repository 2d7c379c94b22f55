"""What SQLite says is wrong, in plain words with a remedy."""

from __future__ import annotations

import sqlite3
from pathlib import Path

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
    return BackendError(
        f"the database {path} refused what redux asked ({error}); its file may be sound and redux at fault: "
        "REDUX_DEBUG=1 shows where, please report it",
        str(path),
    )
