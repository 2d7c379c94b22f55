"""Tables on a PostgreSQL server looked at and brought to another version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from redux_backends.database_info import DatabaseInfo, Upkeep, count_records
from redux_backends.postgres_database import PostgresDatabase
from redux_backends.postgres_errors import in_words
from redux_backends.postgres_schema import find_version
from redux_backends.progress import Tell, say_nothing
from redux_backends.schema import current_version
from redux_backends.versions import Version

if TYPE_CHECKING:
    from redux_backends.migrations.revisions import Changed

_SIZE = b"""
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::int8 FROM pg_class
WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'redux_schema'::regclass)
"""
_READ_ONLY = b"SELECT current_setting('transaction_read_only') = 'on'"
_MAY_WRITE = b"SELECT has_table_privilege('job', 'INSERT') AND has_table_privilege('redux_schema', 'SELECT')"


class PostgresUpkeep(Upkeep):
    """Those at a URL; where that has no password, `password_command` gives it."""

    def __init__(self, url: str, password_command: str | None = None) -> None:
        self._database = PostgresDatabase(url, password_command)

    def version(self) -> Version | None:
        with self._connection() as driver:
            return find_version(driver)

    def info(self) -> DatabaseInfo:
        with self._connection() as driver:
            version = find_version(driver)
            there = version is not None
            return DatabaseInfo(
                self._database.place,
                "PostgreSQL",
                version,
                current_version(),
                _one(driver, _SIZE) if there else 0,
                count_records(lambda table: _rows_in(driver, table)) if there else {},
                _cannot_write(driver, there),
            )

    def change(self, to: Version, *, even_if_running: bool = False, progress: Tell = say_nothing) -> Changed | None:
        from redux_backends.migrations.postgres_change import change  # noqa: PLC0415 - Alembic

        progress("changing the tables", 0, 0)
        return change(self._database.connect, self._database.place, to, even_if_running=even_if_running)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        try:
            with self._database.connect() as driver:
                yield driver
        except psycopg.Error as error:
            raise in_words(error, self._database.place) from error


def _cannot_write(driver: psycopg.Connection, there: bool) -> str:
    if _one(driver, _READ_ONLY):
        return "the server takes no writes; give the URL of the one that does"
    if there and not _one(driver, _MAY_WRITE):
        return "this role has no right to; ask the owner of its tables"
    return ""


def _rows_in(driver: psycopg.Connection, table: str) -> int | None:
    if _one(driver, sql.SQL("SELECT to_regclass({}) IS NULL").format(table).as_bytes(driver)):
        return None
    return _one(driver, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)).as_bytes(driver))


def _one(driver: psycopg.Connection, statement: bytes) -> int:
    row = driver.execute(statement).fetchone()
    assert row is not None
    return row[0]
