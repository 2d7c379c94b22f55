"""An older SQLite file that cannot be written: read from a copy whose tables are of today."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from redux_backends.backend import BackendOlder
from redux_backends.migrations.sqlite_change import change_tables
from redux_backends.sqlite_errors import remedy_of
from redux_backends.sqlite_file import Connected, connect
from redux_backends.versions import Version


def open_copy(path: Path, reader: Connected, to: Version) -> Connected:
    """A connection to a copy of what `reader` reads at `path`, upgraded, which goes with the connection.

    Raises `BackendOlder` where there is no room for it.
    """
    folder = Path(tempfile.mkdtemp(prefix="redux-"))
    try:
        copy = folder / "redux.db"
        reader.driver.execute("VACUUM INTO ?", (str(copy),))
        copied = connect(copy, "mode=rw", ("PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF"))
        try:
            change_tables(copied, to)
        finally:
            copied.engine.dispose()
        return connect(copy, "immutable=1", ("PRAGMA temp_store = MEMORY",))
    except (sqlite3.Error, DBAPIError, OSError) as error:
        raise BackendOlder.of(
            str(path),
            reader.version,
            to,
            f"it is read-only here, and no upgraded copy could be made in {folder.parent} ({remedy_of(error)}); "
            "make it and its folder writable, and it is upgraded",
        ) from error
    finally:
        # A file that is open stays until it is closed.
        shutil.rmtree(folder, ignore_errors=True)
