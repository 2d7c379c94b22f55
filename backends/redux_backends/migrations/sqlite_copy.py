"""An older SQLite file that cannot be written: read from a copy whose tables are of today."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from redux_backends.backend import BackendError, BackendOlder
from redux_backends.migrations.revisions import see_the_way
from redux_backends.migrations.sqlite_change import change_tables
from redux_backends.sqlite_errors import remedy_of
from redux_backends.sqlite_file import Connected, beside, connect, connect_to_look, connect_to_read
from redux_backends.versions import Version


def open_copy(path: Path, to: Version) -> Connected:
    """A connection to a copy of the file at `path`, upgraded, which goes with the connection.

    Raises `BackendOlder` where there is no room for it, `UnknownVersion` where no way leads there.
    """
    # Who only looks is not kept from what somebody writes meanwhile, and may find anything then.
    before = _state_of(path)
    try:
        copy = _open_copy(path, connect_to_look(path), to)
    except (BackendError, sqlite3.Error):
        if _state_of(path) == before:
            raise
    else:
        if _state_of(path) == before:
            return copy
        copy.engine.dispose()
    return _open_copy(path, connect_to_read(path), to)


def _state_of(path: Path) -> tuple[int, int, bool]:
    (log,) = beside(path, "-wal")
    found = path.stat()
    return found.st_mtime_ns, found.st_size, log.exists()


def _open_copy(path: Path, reader: Connected, to: Version) -> Connected:
    try:
        see_the_way(str(path), reader.version, to)
        return _explained(path, reader, to)
    finally:
        reader.engine.dispose()


def _explained(path: Path, reader: Connected, to: Version) -> Connected:
    try:
        with tempfile.TemporaryDirectory(prefix="redux-") as folder:
            # A file that is open stays until it is closed, though its name goes.
            return _copied(reader, Path(folder) / "redux.db", to)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        raise BackendOlder.of(
            str(path),
            reader.version,
            to,
            f"it is to be read without being changed, and no upgraded copy could be made in {tempfile.gettempdir()} "
            f"({remedy_of(error)}); who may write it upgrades it by `redux db upgrade --db sqlite:///{path}`",
        ) from error


def _copied(reader: Connected, copy: Path, to: Version) -> Connected:
    reader.driver.execute("VACUUM INTO ?", (str(copy),))
    copied = connect(copy, "mode=rw", ("PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF"))
    try:
        change_tables(copied, to)
    finally:
        copied.engine.dispose()
    return connect(copy, "immutable=1", ("PRAGMA temp_store = MEMORY",))
