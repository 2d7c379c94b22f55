"""Statements on SQLite: compiled once, and run in as few of its steps as can be.

Python's sqlite3 lets go of the interpreter lock at every step, and while tasks compute in other threads it waits up to
5 ms to get it back. So many rows are written by one statement, and where such waits are met many rows are read as one
row of JSON; where not, that would be the dearer way.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Float,
    Integer,
    LargeBinary,
    Select,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects import sqlite

from redux_backends.statements import Among, Insert, Row, SqlValue
from redux_backends.texts import are_plain, changed_at, from_sqlite, texts_at, to_sqlite

_AT_ONCE = (1, 3, 8, 24, 60, 160, 500, 1000)
"""How many rows or keys a statement has places for; what is left over is filled up."""
_ROWS_AT_ONCE = 500
"""SQLite needs 1 ms to prepare a statement with this many rows of fourteen, and 10 ms for a thousand."""

_FILLER = 0
"""Of the values that sqlite3 takes, the one it takes fastest."""

_FEW_ROWS = 2
_WAIT_SECONDS = 0.0003
_WAITS_LAST_SECONDS = 0.1
_ONE_KEY = "?"
_ONE: ColumnElement[Any] = literal_column(_ONE_KEY)
_DIALECT = sqlite.dialect(paramstyle="qmark")
_NAMED = sqlite.dialect(paramstyle="named")


class SQLiteSession:
    """A connection to an SQLite file."""

    def __init__(self, driver: sqlite3.Connection, *, again: bool = False) -> None:
        self.driver = driver
        self.again = again

    def write(self, insert: Insert, rows: Sequence[Row]) -> None:
        """Write rows, each with a value for every column in order."""
        if not rows:
            return
        if insert.texts and not are_plain(texts_at(rows, insert.texts)):
            rows = [changed_at(row, insert.texts, to_sqlite) for row in rows]
        written = _inserts.get(insert) or _inserts.setdefault(insert, _InsertSql(insert))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[start : start + _ROWS_AT_ONCE]
            places = _places(len(chunk))
            parameters = list(chain.from_iterable(chunk))
            parameters += [_FILLER] * (len(insert.columns) * (places - len(chunk)))
            self.driver.execute(written.by_size[places], [*parameters, len(chunk)])

    def read(self, among: Among, keys: Iterable[SqlValue]) -> list[tuple]:
        """The rows for these keys, in no order."""
        written = _amongs.get(among) or _amongs.setdefault(among, _AmongSql(among, among.key.in_([_ONE])))
        wanted = list(keys)
        found: list[tuple] = []
        for start in range(0, len(wanted), _AT_ONCE[-1]):
            chunk = wanted[start : start + _AT_ONCE[-1]]
            places = _places(len(chunk))
            filler = _FILLER
            if isinstance(chunk[0], str):
                # No id is 0 and no bytes equal it, but a text may.
                chunk = [to_sqlite(key) if isinstance(key, str) else key for key in chunk]
                filler = chunk[0]
            chunk += [filler] * (places - len(chunk))
            rows = None if _waits.are_met() else self._read_rows(written, written.as_rows[places], chunk)
            found += self._read_json(written, written.as_json[places], chunk) if rows is None else rows
        return found

    def read_span(self, among: Among, first: int, last: int) -> list[tuple]:
        """The rows for all keys from the first to the last, which are numbers of rows; in no order."""
        written = _spans.get(among) or _spans.setdefault(among, _AmongSql(among, among.key.between(_ONE, _ONE)))
        found: list[tuple] = []
        for start in range(first, last + 1, _AT_ONCE[-1]):
            keys: list[SqlValue] = [start, min(last, start + _AT_ONCE[-1] - 1)]
            rows = None if _waits.are_met() else self._read_rows(written, written.as_rows[1], keys)
            found += self._read_json(written, written.as_json[1], keys) if rows is None else rows
        return found

    def first(self, statement: ClauseElement, **parameters: object) -> tuple[Any, ...]:
        """The one row that a statement gives."""
        return self._execute(statement, parameters).fetchone()

    def all(self, statement: ClauseElement, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that a statement gives, which are of numbers and bytes."""
        return self._execute(statement, parameters).fetchall()

    def run(self, statement: ClauseElement, **parameters: object) -> None:
        """Run a statement that gives nothing."""
        self._execute(statement, parameters)

    def _execute(self, statement: ClauseElement, parameters: dict[str, object]) -> sqlite3.Cursor:
        try:
            sql, constants = _plain[statement]
        except KeyError:
            compiled = statement.compile(dialect=_NAMED)
            sql, constants = _plain[statement] = str(compiled), dict(compiled.params or {})
        return self.driver.execute(sql, {**constants, **parameters})

    def _read_rows(self, written: _AmongSql, sql: str, keys: list[SqlValue]) -> list[tuple] | None:
        """The rows one by one; None where other threads are in the way."""
        cursor = self.driver.execute(sql, keys)
        began = time.monotonic()
        rows = cursor.fetchmany(_FEW_ROWS)
        if _waits.notice(time.monotonic() - began):
            cursor.close()
            return None
        rows += cursor.fetchall()
        # Nearly all texts are kept as texts.
        if any(bytes in set(map(type, map(itemgetter(at), rows))) for at in written.texts):
            return [changed_at(row, written.texts, from_sqlite) for row in rows]
        return rows

    def _read_json(self, written: _AmongSql, sql: str, keys: list[SqlValue]) -> Iterable[tuple]:
        answer: str = self.driver.execute(sql, keys).fetchone()[0]
        if answer == "[]":
            return ()
        columns = zip(*json.loads(answer), strict=True)
        return zip(
            *(
                column if decode is None else map(decode, column)
                for decode, column in zip(written.decoders, columns, strict=True)
            ),
            strict=True,
        )


def _places(count: int) -> int:
    return next(places for places in _AT_ONCE if places >= count)


class _BySize(dict[int, str]):
    """A statement's SQL by how many places it has, compiled when it is first asked for: a short command needs few."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, count: int) -> str:
        written = self[count] = self._write(count)
        return written


class _InsertSql:
    """An `Insert` in SQLite's words."""

    def __init__(self, insert: Insert) -> None:
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in insert.update)
        ending = f" ON CONFLICT ({', '.join(insert.keys)}) DO UPDATE SET {changes}" if changes else ""
        columns = ", ".join(f'"{name}"' for name in insert.columns)
        row = f"({', '.join('?' * len(insert.columns))})"
        self.by_size = _BySize(
            lambda count: (
                f'INSERT INTO "{insert.table}" ({columns}) '
                f"SELECT * FROM (VALUES {', '.join([row] * count)}) WHERE true LIMIT ?{ending}"
            )
        )


class _AmongSql:
    """An `Among` in SQLite's words, its answer as rows and as JSON."""

    def __init__(self, among: Among, wanted: ColumnElement[bool]) -> None:
        self.decoders = [_decoder(column) for column in among.columns]
        self.texts = among.texts
        row = func.json_array(*(_as_json(column) for column in among.columns))
        as_json = select(func.json_group_array(row)).select_from(among.source).where(wanted, *among.conditions)
        as_rows = select(*among.columns).select_from(among.source).where(wanted, *among.conditions)
        self.as_json = _BySize(lambda count: _for_keys(self.as_json, as_json, count))
        self.as_rows = _BySize(lambda count: _for_keys(self.as_rows, as_rows, count))


def _for_keys(written: _BySize, statement: Select[Any], count: int) -> str:
    if count == 1:
        return str(statement.compile(dialect=_DIALECT))
    return written[1].replace(f"({_ONE_KEY})", f"({', '.join([_ONE_KEY] * count)})")


_inserts: dict[Insert, _InsertSql] = {}
_amongs: dict[Among, _AmongSql] = {}
_spans: dict[Among, _AmongSql] = {}
_plain: dict[ClauseElement, tuple[str, dict[str, Any]]] = {}


class _Waits:
    """Whether waits for the interpreter lock were met lately."""

    def __init__(self) -> None:
        self._until = 0.0

    def are_met(self) -> bool:
        return time.monotonic() < self._until

    def notice(self, seconds: float) -> bool:
        """Whether reading a few rows took as long as only waits explain."""
        if seconds < _WAIT_SECONDS:
            return False
        self._until = time.monotonic() + _WAITS_LAST_SECONDS
        return True


_waits = _Waits()


def _as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Integer):
        return column
    if isinstance(column.type, Float):
        return func.iif(column.is_(None), null(), func.printf(literal_column("'%!.17g'"), column))
    # JSON of SQLite holds no bytes, and a text may be kept as bytes.
    return func.iif(column.is_(None), null(), func.hex(column))


def _decoder(column: ColumnElement[Any]) -> Callable[..., object] | None:
    if isinstance(column.type, Integer):
        return None
    if isinstance(column.type, Float):
        return _float_from_text
    if isinstance(column.type, LargeBinary):
        return _bytes_from_hex
    return _text_from_hex


def _float_from_text(text: str | None) -> float | None:
    return None if text is None else float(text)


def _bytes_from_hex(hexed: str | None) -> bytes | None:
    return None if hexed is None else bytes.fromhex(hexed)


def _text_from_hex(hexed: str | None) -> str | None:
    return None if hexed is None else from_sqlite(bytes.fromhex(hexed))
