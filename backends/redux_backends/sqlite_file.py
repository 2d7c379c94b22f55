"""An SQLite file of redux: made whole, connected to, its version read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, StaticPool, create_engine

from redux_backends import schema
from redux_backends.backend import BackendCorrupt, BackendUnavailable
from redux_backends.ddl import statements_to_make_tables
from redux_backends.versions import Version
from redux_valuestore.modes import make_private

BUSY_SECONDS = 30
_CACHE_KIB = 64 * 1024
SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{_CACHE_KIB}",
)


@dataclass(frozen=True, slots=True)
class Connected:
    """One connection, as SQLAlchemy manages it and as the driver has it, to tables of a `version`."""

    engine: Engine
    driver: sqlite3.Connection
    version: Version


def beside(path: Path, *endings: str) -> list[Path]:
    """The files whose names are that of `path` with these endings."""
    return [path.with_name(path.name + ending) for ending in endings]


def is_made(path: Path) -> bool:
    """Whether there is a file with anything in it."""
    return path.exists() and path.stat().st_size > 0


def build(path: Path) -> None:
    """Make the file whole under another name, then give it its own: a half-made one never stays."""
    for leftover in beside(path, "-wal", "-shm", ".new", ".new-journal"):
        leftover.unlink(missing_ok=True)
    (new,) = beside(path, ".new")
    try:
        make_private(new)  # SQLite gives its files beside it the same mode
        engine = _engine(lambda: sqlite3.connect(new, isolation_level=None))
        with engine.connect() as connection:
            for pragma in (
                f"page_size = {schema.PAGE_SIZE}",
                "synchronous = FULL",
                f"application_id = {schema.APPLICATION_ID}",
                f"user_version = {schema.VERSION}",
            ):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for statement in statements_to_make_tables("sqlite"):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        engine.dispose()
        os.rename(new, path)
    finally:
        for leftover in beside(path, ".new", ".new-journal", ".new-wal", ".new-shm"):
            leftover.unlink(missing_ok=True)


def connect(path: Path, how: str, settings: Sequence[str] = SETTINGS) -> Connected:
    """A connection to the file, opened as a URI's query says (`mode=rw`). Raises `BackendCorrupt`."""
    engine = _engine(
        lambda: sqlite3.connect(
            f"{path.as_uri()}?{how}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
    )
    try:
        driver = engine.raw_connection().driver_connection
        assert isinstance(driver, sqlite3.Connection)
        version = read_version(driver, path)
        for setting in settings:
            driver.execute(setting)
    except BaseException:
        engine.dispose()
        raise
    return Connected(engine, driver, version)


def connect_to_read(path: Path) -> Connected:
    """A connection that writes nothing, not even beside the file."""
    try:
        return connect(path, "mode=ro", SETTINGS[1:])
    except sqlite3.OperationalError:
        # Without a folder to write in, SQLite reads a WAL database only if it is told that nobody changes it.
        return connect(path, "immutable=1", SETTINGS[1:])


def connect_to_look(path: Path) -> Connected:
    """A connection for a moment, which makes no files beside the database where nobody has it open."""
    (log,) = beside(path, "-wal")
    return connect_to_read(path) if log.exists() else connect(path, "immutable=1", SETTINGS[1:])


def copy_file(path: Path, copy: Path) -> None:
    """Make a copy of a database, of whoever wrote to it last; nothing is changed beside it.

    Raises `BackendError`, which is `BackendUnavailable` where there is no room for the copy.
    """
    reader = connect_to_look(path)
    try:
        reader.driver.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        trouble = f"{path} could not be copied to {copy}: {error}; see to the room there"
        raise BackendUnavailable(trouble, str(path)) from error
    finally:
        reader.engine.dispose()


def read_version(driver: sqlite3.Connection, path: Path) -> Version:
    """The version in the header. Raises `BackendCorrupt` for a file that is not redux's."""
    (application,) = driver.execute("PRAGMA application_id").fetchone()
    (version,) = driver.execute("PRAGMA user_version").fetchone()
    if application != schema.APPLICATION_ID or version < 1:
        raise BackendCorrupt(
            f"{path} is not a redux database; give another path, or move it away and redux will make a new one",
            str(path),
        )
    return Version.of_header(version)


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)
