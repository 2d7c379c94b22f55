"""A redun database, opened to be read only: one state of it, on SQLite or PostgreSQL."""

from __future__ import annotations

import json
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redux.redun.shape import columns_to_look_at
from redux.redun.trouble import RedunRefused, RedunUnreadable
from redux.redun.versions import check_tables, check_version
from redux_backends.urls import needs_psycopg, sqlite_file, without_password

Row = tuple[Any, ...]

AMONG = "{among}"
"""Stands in a statement behind a column, for that it has one of the keys given."""

_POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg2://", "postgresql+psycopg://")
_PATIENCE_SECONDS = 10.0
_ROWS_AT_ONCE = 500


class Source(ABC):
    """A redun database at a `place`, which is how people may see its URL. What is read is one state of it."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.version = ""
        self.tables: frozenset[str] = frozenset()
        self.has_local_times = False
        """whether the times of jobs are those of the machine's own zone, as once in files"""

    def look(self) -> None:
        """Find out whether it is a redun database, and of which version. Raises RedunRefused, RedunUnreadable."""
        self.tables = frozenset(self._list_tables())
        check_tables(self.tables, self.place)
        migrations = [name for (name,) in self.read("SELECT version_num FROM alembic_version")]
        self.version = check_version(migrations[0] if migrations else None, self.place)

    def count(self, table: str) -> int:
        """How many rows a table has; none where there is no such table."""
        if table not in self.tables:
            return 0
        ((count,),) = self.read(f"SELECT count(*) FROM {table}")
        return count

    @abstractmethod
    def read(self, statement: str, keys: Sequence[str] | None = None) -> Iterator[Row]:
        """The rows of a statement, one by one; AMONG in it stands for the `keys`. Raises RedunUnreadable."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    @abstractmethod
    def _list_tables(self) -> Iterable[str]: ...


class SQLiteSource(Source):
    """A redun database in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        with self._explained():
            uri = f"file:{quote(str(path.absolute()))}?mode=ro"
            self._driver = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
            # Texts may be none, and what a schema says must not call anything.
            self._driver.text_factory = lambda said: said.decode("utf-8", "backslashreplace")
            self._driver.execute("PRAGMA trusted_schema = OFF")
            self._driver.execute("PRAGMA query_only = ON")
            self._driver.execute("BEGIN")
            self._driver.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def look(self) -> None:
        super().look()
        with self._explained():
            (said,) = self._driver.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise self._damaged(said)
        for columns, statement in columns_to_look_at(self.tables):
            (row,) = self.read(statement)
            for column, is_odd in zip(columns, row, strict=True):
                if is_odd:
                    raise self._damaged(f"{column} holds what redun never writes there")
        self.has_local_times = self.version < "3.4"

    def _damaged(self, how: str) -> RedunUnreadable:
        return RedunUnreadable(f"the redun database {self.place} is damaged ({how}); bring its backup back")

    def read(self, statement: str, keys: Sequence[str] | None = None) -> Iterator[Row]:
        with self._explained():
            given = () if keys is None else (json.dumps(list(keys)),)
            among = "IN (SELECT value FROM json_each(?))"
            # Row by row: `yield from` would close the cursor, of a database that may be closed by then.
            for row in self._driver.execute(statement.replace(AMONG, among), given):  # noqa: UP028 - as said
                yield row

    def close(self) -> None:
        self._driver.close()

    def _list_tables(self) -> Iterable[str]:
        return [name for (name,) in self.read("SELECT name FROM sqlite_master WHERE type = 'table'")]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _sqlite_trouble(error, self.place) from error


def _sqlite_trouble(error: sqlite3.Error, place: str) -> RedunUnreadable | RedunRefused:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return RedunRefused(f"{place} is no SQLite database: give the path of a redun.db, or its URL")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RedunUnreadable(f"the redun database {place} is locked; wait until redun has ended, and try again")
    if code == sqlite3.SQLITE_READONLY:
        return RedunUnreadable(
            f"the redun database {place} was left in the middle of a write; `redun log` mends it, then try again"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return RedunUnreadable(f"the redun database {place} is damaged ({error}); bring its backup back")
    return RedunUnreadable(f"cannot read the redun database {place}: {error}; see that it is whole, and may be read")


class PostgresSource(Source):
    """A redun database on a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        super().__init__(without_password(url))
        with needs_psycopg(url):
            import psycopg  # noqa: PLC0415 - an extra
            from psycopg.types.string import TextLoader  # noqa: PLC0415 - psycopg is an extra

            from redux_backends.postgres_database import read_url  # noqa: PLC0415 - psycopg is an extra

        self._errors = psycopg.Error
        target = read_url(url)
        given = {"user": "REDUN_DB_USERNAME", "password": "REDUN_DB_PASSWORD"}  # as redun takes them
        besides = {name: os.environ[variable] for name, variable in given.items() if variable in os.environ}
        with self._explained():
            self._driver = psycopg.connect(**{**target, **(besides if "@" not in url else {})})
            self._driver.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._driver.read_only = True
            for kind in ("json", "jsonb"):  # as a file has it: the text that says a value
                self._driver.adapters.register_loader(kind, TextLoader)

    def read(self, statement: str, keys: Sequence[str] | None = None) -> Iterator[Row]:
        text: Any = statement.replace(AMONG, "= ANY(%s)")
        with self._explained():
            if keys is not None:
                yield from self._driver.execute(text, (list(keys),))
                return
            with self._driver.cursor(f"redux_{id(text)}") as cursor:
                cursor.itersize = _ROWS_AT_ONCE
                yield from cursor.execute(text)

    def close(self) -> None:
        self._driver.close()

    def _list_tables(self) -> Iterable[str]:
        said = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = ANY(current_schemas(false))"
        return [name for (name,) in self.read(said)]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            said = " ".join(str(error).split())
            raise RedunUnreadable(
                f"cannot read the redun database {self.place}: {said}; see that the server runs, and try again"
            ) from error


@contextmanager
def open_source(location: str) -> Iterator[Source]:
    """The redun database at a path or URL, known to be one that can be read, until the block ends.

    Raises RedunRefused, RedunUnreadable, UnknownDatabase, MissingDriver.
    """
    source = _open(location)
    try:
        source.look()
        yield source
    finally:
        source.close()


def file_of(location: str) -> Path | None:
    """The file of a database at a path or URL; None for one on a server."""
    return sqlite_file(location) if "://" in location else Path(location)


def _open(location: str) -> Source:
    path = file_of(location)
    if path is not None:
        if path.is_dir():
            raise RedunRefused(f"{path} is a folder: name the database in it, as {path / 'redun.db'}")
        if not path.exists():
            raise RedunRefused(f"there is no redun database {path}")
        return SQLiteSource(path)
    if location.startswith(_POSTGRES):
        return PostgresSource(location)
    raise RedunRefused(
        f"no redun database is known at URLs like {without_password(location)!r}; give a path, sqlite:///PATH or "
        "postgresql://user@host/name"
    )
