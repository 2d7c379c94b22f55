"""Hot statements, declared once: which rows are written, which are read by their keys. A `Session` runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, FromClause, Integer, LargeBinary, Table

SqlValue = int | float | str | bytes | None
Row = Sequence[SqlValue]


class Insert:
    """Writes rows of all of a table's columns; with `update`, rows whose key is there are brought up to date."""

    def __init__(self, table: Table, *, update: Sequence[str] = ()) -> None:
        self.table = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.types = tuple(column.type for column in table.columns)
        self.keys = tuple(column.name for column in table.primary_key)
        self.update = tuple(update)
        self.texts = texts_among(list(table.columns))


class Among:
    """Reads the rows whose key is among given ones, and for which all conditions hold."""

    def __init__(
        self,
        columns: Sequence[ColumnElement[Any]],
        source: FromClause,
        key: ColumnElement[Any],
        *conditions: ColumnElement[bool],
    ) -> None:
        self.columns = tuple(columns)
        self.source = source
        self.key = key
        self.conditions = conditions
        self.texts = texts_among(columns)


def texts_among(columns: Sequence[ColumnElement[Any]]) -> tuple[int, ...]:
    """Where the texts are; the other columns are numbers and bytes."""
    plain = (Integer, Float, LargeBinary)
    return tuple(at for at, column in enumerate(columns) if not isinstance(column.type, plain))
