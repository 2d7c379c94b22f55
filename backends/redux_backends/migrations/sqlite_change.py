"""An SQLite file brought to another version: copied first, then changed in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from redux_backends.backend import UpgradeFailed
from redux_backends.migrations.backups import find_backups, make_backup
from redux_backends.migrations.revisions import Changed, bring, see_the_way
from redux_backends.migrations.running import refuse_while_running
from redux_backends.progress import Tell, say_nothing
from redux_backends.sqlite_errors import is_readonly, remedy_of
from redux_backends.sqlite_file import Connected, connect
from redux_backends.versions import Version


def change(path: Path, to: Version, *, even_if_running: bool = False, progress: Tell = say_nothing) -> Changed | None:
    """Bring the tables of the file at `path` to the version `to`; None where they are of it. The caller has its lock.

    Raises `UpgradeFailed` where a disk is full or failing, `BackendOlder` where an execution goes on in it, and what
    SQLite or the system says of a file or folder that cannot be written.
    """
    connected = connect(path, "mode=rw")
    try:
        before = connected.version
        if before == to:
            return None
        see_the_way(str(path), before, to)
        _see_that_it_can_be_written(connected.driver)
        if not even_if_running:
            with connected.engine.connect() as connection:
                refuse_while_running(connection, str(path), before, to)
        return Changed(str(path), before, to, _copied_and_changed(connected, path, to, progress))
    finally:
        connected.engine.dispose()


def _see_that_it_can_be_written(driver: sqlite3.Connection) -> None:
    driver.execute("BEGIN IMMEDIATE")
    driver.execute("ROLLBACK")


def _copied_and_changed(connected: Connected, path: Path, to: Version, progress: Tell) -> Path:
    backup: Path | None = None
    older = find_backups(path)
    try:
        backup = make_backup(connected.driver, path, connected.version, progress)
        progress("changing the tables", 0, 0)
        change_tables(connected, to)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        if backup is None and is_readonly(error):
            raise
        if backup is not None and backup not in older:
            backup.unlink(missing_ok=True)  # the database is what it would be a copy of, and may need the room
        raise UpgradeFailed.of(str(path), to, remedy_of(error)) from error
    # What is committed is safe in the log; bringing it into the file only frees the log, so readers are not waited for.
    with suppress(sqlite3.Error):
        connected.driver.execute("PRAGMA busy_timeout = 100")
        connected.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return backup


def change_tables(connected: Connected, to: Version) -> None:
    """Change tables and header in one transaction, or nothing of them."""
    driver = connected.driver
    try:
        with connected.engine.connect() as connection:
            driver.execute("BEGIN IMMEDIATE")
            bring(connection, connected.version, to)
            driver.execute(f"PRAGMA user_version = {to.header}")
            driver.execute("COMMIT")
    finally:
        if driver.in_transaction:
            with suppress(sqlite3.Error):  # SQLite may have rolled back itself, as it does when a disk is full
                driver.execute("ROLLBACK")
