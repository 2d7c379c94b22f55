"""Hot statements: compiled once, and run in as few steps of SQLite as can be.

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
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects import sqlite

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
_DIALECT = sqlite.dialect(paramstyle="qmark")
_UTF8 = "surrogatepass"

SqlValue = int | float | str | bytes | None
Row = Sequence[SqlValue]


def _places(count: int) -> int:
    return next(places for places in _AT_ONCE if places >= count)


def to_text(text: str) -> str | bytes:
    """`text` as it is kept: lone surrogates (of undecodable paths, say) make it bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors=_UTF8)
    return text


def from_text(kept: str | bytes) -> str:
    """The text that `to_text` was given."""
    return kept if isinstance(kept, str) else kept.decode(errors=_UTF8)


class _BySize(dict[int, str]):
    """A statement's SQL by how many places it has, compiled when it is first asked for: a short command needs few."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, count: int) -> str:
        written = self[count] = self._write(count)
        return written


class Insert:
    """Writes rows of all of a table's columns; with `update`, rows whose key is there are brought up to date."""

    def __init__(self, table: Table, *, update: Sequence[str] = ()) -> None:
        self._table = table.name
        self._columns = [column.name for column in table.columns]
        keys = ", ".join(column.name for column in table.primary_key)
        changes = ", ".join(f"{name} = excluded.{name}" for name in update)
        self._ending = f" ON CONFLICT ({keys}) DO UPDATE SET {changes}" if update else ""
        self._compiled = _BySize(self._compile)

    def _compile(self, count: int) -> str:
        row = f"({', '.join('?' * len(self._columns))})"
        columns = ", ".join(f'"{name}"' for name in self._columns)
        rows = f"SELECT * FROM (VALUES {', '.join([row] * count)}) WHERE true LIMIT ?"
        return f'INSERT INTO "{self._table}" ({columns}) {rows}{self._ending}'

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Write rows, each with a value for every column in order."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[start : start + _ROWS_AT_ONCE]
            places = _places(len(chunk))
            parameters = list(chain.from_iterable(chunk))
            parameters += [_FILLER] * (len(self._columns) * (places - len(chunk)))
            connection.execute(self._compiled[places], [*parameters, len(chunk)])


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


class Among:
    """Reads the rows whose key is among given ones, all rows of a few hundred keys by one statement."""

    def __init__(
        self,
        columns: Sequence[ColumnElement[Any]],
        source: FromClause,
        key: ColumnElement[Any],
        *conditions: ColumnElement[bool],
    ) -> None:
        self._decoders = [_decoder(column) for column in columns]
        self._texts = [at for at, column in enumerate(columns) if isinstance(column.type, Text)]
        among = key.in_([literal_column(_ONE_KEY)])
        row = func.json_array(*(_as_json(column) for column in columns))
        as_json = select(func.json_group_array(row)).select_from(source).where(among, *conditions)
        as_rows = select(*columns).select_from(source).where(among, *conditions)
        self._as_json = _BySize(lambda count: self._for_keys(self._as_json, as_json, count))
        self._as_rows = _BySize(lambda count: self._for_keys(self._as_rows, as_rows, count))

    def _for_keys(self, written: _BySize, statement: Select[Any], count: int) -> str:
        if count == 1:
            return str(statement.compile(dialect=_DIALECT))
        return written[1].replace(f"({_ONE_KEY})", f"({', '.join([_ONE_KEY] * count)})")

    def rows(self, connection: sqlite3.Connection, keys: Iterable[SqlValue]) -> list[tuple]:
        """The rows for these keys, in no order."""
        wanted = list(keys)
        found: list[tuple] = []
        for start in range(0, len(wanted), _AT_ONCE[-1]):
            chunk = wanted[start : start + _AT_ONCE[-1]]
            places = _places(len(chunk))
            # No id is 0 and no bytes equal it, but a text may.
            filler = chunk[0] if isinstance(chunk[0], str) else _FILLER
            chunk += [filler] * (places - len(chunk))
            rows = None if _waits.are_met() else self._read_rows(connection, places, chunk)
            found += self._read_json(connection, places, chunk) if rows is None else rows
        return found

    def _read_rows(self, connection: sqlite3.Connection, places: int, keys: list[SqlValue]) -> list[tuple] | None:
        """The rows one by one; None where other threads are in the way."""
        cursor = connection.execute(self._as_rows[places], keys)
        began = time.monotonic()
        rows = cursor.fetchmany(_FEW_ROWS)
        if _waits.notice(time.monotonic() - began):
            cursor.close()
            return None
        rows += cursor.fetchall()
        return [self._with_texts(row) for row in rows] if self._texts else rows

    def _with_texts(self, row: tuple) -> tuple:
        return tuple(from_text(part) if at in self._texts and part is not None else part for at, part in enumerate(row))

    def _read_json(self, connection: sqlite3.Connection, places: int, keys: list[SqlValue]) -> Iterable[tuple]:
        answer: str = connection.execute(self._as_json[places], keys).fetchone()[0]
        if answer == "[]":
            return ()
        columns = zip(*json.loads(answer), strict=True)
        return zip(
            *(
                column if decode is None else map(decode, column)
                for decode, column in zip(self._decoders, columns, strict=True)
            ),
            strict=True,
        )


def _as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Integer):
        return column
    if isinstance(column.type, Float):
        return func.printf(literal_column("'%!.17g'"), column)
    # JSON of SQLite holds no bytes, and a text may be kept as bytes.
    return func.iif(column.is_(None), null(), func.hex(column))


def _decoder(column: ColumnElement[Any]) -> Callable[..., object] | None:
    if isinstance(column.type, Integer):
        return None
    if isinstance(column.type, Float):
        return float
    if isinstance(column.type, LargeBinary):
        return _bytes_from_hex
    return _text_from_hex


def _bytes_from_hex(hexed: str | None) -> bytes | None:
    return None if hexed is None else bytes.fromhex(hexed)


def _text_from_hex(hexed: str | None) -> str | None:
    return None if hexed is None else bytes.fromhex(hexed).decode(errors=_UTF8)
