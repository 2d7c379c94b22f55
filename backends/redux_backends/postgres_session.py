"""Statements on PostgreSQL: prepared once for each connection, and a fixed number of them for any number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ClauseElement,
    ColumnElement,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    any_,
    bindparam,
    select,
)
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.types import TypeEngine

from redux_backends.statements import Among, Insert, Row, SqlValue
from redux_backends.texts import are_plain, changed_at, from_postgres, texts_at, to_postgres

_DIALECT = dialects.dialect()
_KEYS_AT_ONCE = 10_000

SETTINGS = """
SET jit = off; SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SET default_statistics_target = 10; SET idle_in_transaction_session_timeout = '60s'
"""
"""Rows are found by their keys alone, however old the server's idea is of how many there are.

A process that is stopped while it writes, or is cut off, keeps the others from writing for a minute and no longer.
"""


_HOT = ("value", "evaluation", "argument", "evaluation_result", "task_set_member", "call_node", "job", "word")
_BELIEVED = f"""
SELECT sum(greatest(reltuples, 0)) FROM pg_class WHERE oid = ANY (ARRAY{list(_HOT)}::regclass[])
""".encode()
_ANALYSE = f"ANALYZE (SKIP_LOCKED) {', '.join(_HOT)}".encode()


def prepare(driver: psycopg.Connection) -> None:
    """Make a fresh connection one for sessions."""
    driver.autocommit = True
    # Each statement sees what was committed before it: the last rows are read after the lock was waited for.
    driver.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    driver.prepared_max = 500
    driver.adapters.register_dumper(int, Int8Dumper)
    driver.adapters.register_dumper(int, Int8BinaryDumper)
    # Else COPY takes the one for any buffer, which is a Python function.
    driver.adapters.register_dumper(bytes, BytesBinaryDumper)
    driver.execute(SETTINGS)


def analyse(driver: psycopg.Connection, written: int) -> None:
    """Let the server count what is in the tables, if more was written than it believes there is.

    Its own housekeeping does that too, but a minute after the first run of a team has begun with wrong plans.
    """
    believed: Any = driver.execute(_BELIEVED).fetchone()
    if written > believed[0]:
        driver.execute(_ANALYSE)


class PostgresSession:
    """A connection to a PostgreSQL server."""

    def __init__(self, driver: psycopg.Connection, *, again: bool = False) -> None:
        self.driver = driver
        self.again = again
        self.written = 0
        """how many rows"""

    def write(self, insert: Insert, rows: Sequence[Row]) -> None:
        """Write rows, each with a value for every column in order."""
        if not rows:
            return
        self.written += len(rows)
        if insert.texts and not are_plain(texts_at(rows, insert.texts)):
            rows = [changed_at(row, insert.texts, to_postgres) for row in rows]
        written = _inserts.get(insert) or _inserts.setdefault(insert, _InsertSql(insert))
        with self.driver.cursor(binary=True) as cursor:
            if insert.update or len(rows) < 20:
                columns = [list(column) for column in zip(*rows, strict=True)]
                cursor.execute(written.unnest, columns, prepare=True, binary=True)
            else:
                with cursor.copy(written.copy) as copy:
                    copy.set_types(written.types)
                    for row in rows:
                        copy.write_row(row)

    def read(self, among: Among, keys: Iterable[SqlValue]) -> list[tuple]:
        """The rows for these keys, in no order."""
        wanted = list(keys)
        if not wanted:
            return []
        sql = _amongs.get(among) or _amongs.setdefault(among, _among_sql(among))
        if isinstance(wanted[0], str):
            wanted = [to_postgres(key) if isinstance(key, str) else key for key in wanted]
        found: list[tuple] = []
        with self.driver.cursor(binary=True) as cursor:
            for start in range(0, len(wanted), _KEYS_AT_ONCE):
                cursor.execute(sql, {"keys": wanted[start : start + _KEYS_AT_ONCE]}, prepare=True, binary=True)
                found += cursor.fetchall()
        return _as_they_were(among, found)

    def read_span(self, among: Among, first: int, last: int) -> list[tuple]:
        """The rows for all keys from the first to the last, which are numbers of rows; in no order."""
        sql = _spans.get(among) or _spans.setdefault(among, _span_sql(among))
        with self.driver.cursor(binary=True) as cursor:
            cursor.execute(sql, {"first": first, "last": last}, prepare=True, binary=True)
            return _as_they_were(among, cursor.fetchall())

    def first(self, statement: ClauseElement, **parameters: object) -> tuple[Any, ...]:
        """The one row that a statement gives."""
        row = self._execute(statement, parameters).fetchone()
        assert row is not None
        return row

    def all(self, statement: ClauseElement, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that a statement gives, which are of numbers and bytes."""
        return self._execute(statement, parameters).fetchall()

    def run(self, statement: ClauseElement, **parameters: object) -> None:
        """Run a statement that gives nothing."""
        self._execute(statement, parameters)

    def _execute(self, statement: ClauseElement, parameters: dict[str, object]) -> psycopg.Cursor:
        try:
            sql, constants = _plain[statement]
        except KeyError:
            compiled = statement.compile(dialect=_DIALECT)
            sql, constants = _plain[statement] = str(compiled).encode(), dict(compiled.params or {})
        return self.driver.execute(sql, {**constants, **parameters}, prepare=True, binary=True)


class _InsertSql:
    """An `Insert` in PostgreSQL's words: for many rows, and for few or such as may be there."""

    def __init__(self, insert: Insert) -> None:
        self.types = [_type_name(kind) for kind in insert.types]
        columns = ", ".join(f'"{name}"' for name in insert.columns)
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in insert.update)
        ending = f" ON CONFLICT ({', '.join(insert.keys)}) DO UPDATE SET {changes}" if changes else ""
        arrays = ", ".join(f"%b::{kind}[]" for kind in self.types)
        self.copy = f'COPY "{insert.table}" ({columns}) FROM STDIN (FORMAT BINARY)'.encode()
        self.unnest = f'INSERT INTO "{insert.table}" ({columns}) SELECT * FROM unnest({arrays}){ending}'.encode()


def _among_sql(among: Among) -> bytes:
    kind = among.key.type
    keys = BigInteger() if isinstance(kind, Integer) else LargeBinary() if isinstance(kind, LargeBinary) else Text()
    wanted = among.key == any_(bindparam("keys", type_=ARRAY(keys)))
    return _select_sql(among, wanted).replace("%(keys)s", "%(keys)b").encode()


def _span_sql(among: Among) -> bytes:
    return _select_sql(among, among.key.between(bindparam("first"), bindparam("last"))).encode()


def _select_sql(among: Among, wanted: ColumnElement[bool]) -> str:
    statement = select(*among.columns).select_from(among.source).where(wanted, *among.conditions)
    return str(statement.compile(dialect=_DIALECT))


def _as_they_were(among: Among, found: list[tuple]) -> list[tuple]:
    """Rows with the texts that they were written with."""
    if among.texts and not are_plain(texts_at(found, among.texts)):
        return [changed_at(row, among.texts, from_postgres) for row in found]
    return found


def _type_name(kind: TypeEngine[Any]) -> str:
    for known, name in _TYPE_NAMES.items():
        if isinstance(kind, known):
            return name
    return "text"


_TYPE_NAMES = {SmallInteger: "int2", BigInteger: "int8", Integer: "int4", Float: "float8", LargeBinary: "bytea"}
_inserts: dict[Insert, _InsertSql] = {}
_amongs: dict[Among, bytes] = {}
_spans: dict[Among, bytes] = {}
_plain: dict[ClauseElement, tuple[bytes, dict[str, Any]]] = {}
