"""What differs between two tables of Arrow data, such as those of Polars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from redux.explain.columns import Column, compare_columns, list_column
from redux.explain.differences import ChangeKind, Difference
from redux.explain.plain_nodes import Unreadable, escaped
from redux.serializers import wire

_SHOWN = 40


def compare_tables(path: str, before: memoryview, now: memoryview) -> Iterator[Difference]:
    """What differs between two tables, given their bytes. Raises Unreadable."""
    (old_kind, old), (new_kind, new) = read_table(before), read_table(now)
    if old_kind != new_kind:
        yield Difference(path, ChangeKind.CHANGED, escaped(old_kind), escaped(new_kind))
        return
    if old_kind in _OF_ONE:
        yield from _without_name(path, compare_columns("", {"": _column(old, 0)}, {"": _column(new, 0)}))
    else:
        yield from compare_columns(path, _columns(old), _columns(new))


_OF_ONE = ("pyarrow.Array", "pyarrow.ChunkedArray", "polars.Series")


def _without_name(path: str, found: Iterator[Difference]) -> Iterator[Difference]:
    for one in found:
        yield Difference(path + one.path.removeprefix("[]"), one.change, one.before, one.now, one.note, one.diff)


def read_table(data: memoryview) -> tuple[str, pa.Table]:
    """What kind of value these bytes are, and its table, looked through so that it is sound. Raises Unreadable."""
    try:
        (kind, _, _, _), content = wire.split_header(data, wire.TABLE)
        with pa.ipc.open_stream(pa.py_buffer(content)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except Exception as error:  # bytes of any age and origin
        raise Unreadable("a table cannot be read from its bytes") from error
    return str(kind), table


def column_of(array: Any) -> Column:
    """The column of an Arrow array."""
    kind = array.type
    types = pa.types
    fixed = types.is_integer(kind) or types.is_floating(kind)
    if fixed and not array.null_count:
        return Column(str(kind), len(array), array, _differing_numbers, _show)
    return list_column(escaped(str(kind))[:60], array, _key, _show_scalar)


def _columns(table: pa.Table) -> dict[str, Column]:
    """Columns by name; of several with one name each has its number, too."""
    found: dict[str, Column] = {}
    for position, name in enumerate(table.column_names):
        label = repr(name) if repr(name) not in found else f"{name!r}, column {position}"
        found[label] = _column(table, position)
    return found


def _column(table: pa.Table, position: int) -> Column:
    return column_of(table.column(position))


def _differing_numbers(old: Any, new: Any) -> Any:
    before, now = (np.ascontiguousarray(one.to_numpy()) for one in (old, new))
    return before.view(np.uint8).reshape(len(before), -1).__ne__(now.view(np.uint8).reshape(len(now), -1)).any(axis=1)


def _key(scalar: Any) -> object:
    plain = scalar.as_py()
    return repr(plain) if isinstance(plain, float) else plain


def _show(content: Any, at: int) -> str:
    return _show_scalar(content[at])


def _show_scalar(scalar: Any) -> str:
    text = escaped(repr(scalar.as_py()))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
