"""Tables by their columns: which were added, removed or retyped, and the first rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from redux.explain.arrays import FIRST, differing, show_dtype, show_element
from redux.explain.differences import ChangeKind, Difference
from redux.explain.plain_nodes import escaped
from redux_valuestore.frozen import frozen

_COLUMNS = 5
"""How many columns with differing rows are told in detail."""
_ELEMENTS = 200_000
"""How many elements that are no numbers are compared."""


@frozen
class Column:
    """A column: its type in words, its length, where it differs from another, and an element in words."""

    type: str
    length: int
    content: Any
    differs: Callable[[Any, Any], Any]
    show: Callable[[Any, int], str]


def array_column(array: Any) -> Column:
    """The column of a NumPy array of one dimension."""
    return Column(show_dtype(array.dtype), len(array), array, differing, lambda content, at: show_element(content[at]))


def list_column(type: str, elements: Sequence[Any], key: Callable[[Any], object], show: Callable[[Any], str]) -> Column:
    """The column of elements that are compared one by one, by their keys."""

    def differs(old: Sequence[Any], new: Sequence[Any]) -> Any:
        pairs = zip(old[:_ELEMENTS], new[:_ELEMENTS], strict=True)
        found = np.zeros(len(old), bool)
        found[: min(len(old), _ELEMENTS)] = [key(one) != key(other) for one, other in pairs]
        return found

    return Column(type, len(elements), elements, differs, lambda content, at: show(content[at]))


def compare_columns(path: str, old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[Difference]:
    """What differs between two tables, given their columns by name: the first rows by their number."""
    shapes = [(max((one.length for one in table.values()), default=0), len(table)) for table in (old, new)]
    if shapes[0] != shapes[1]:
        before, now = (f"{rows:,} × {columns}" for rows, columns in shapes)
        yield Difference(path, ChangeKind.CHANGED, note=f"{before} → {now} (rows × columns)")
    yield from _compare_names(path, old, new)
    shared = [name for name in old if name in new]
    said = 0
    for name in shared:
        was, now = old[name], new[name]
        label = column_path(path, name)
        if was.type != now.type:
            yield Difference(label, ChangeKind.CHANGED, note=f"type {was.type} → {now.type}")
        elif said < _COLUMNS:
            found = list(_compare_rows(label, was, now))
            said += bool(found)
            yield from found


def column_path(path: str, name: str) -> str:
    """The path of a column in a table at a path."""
    return f"{path}[{escaped(name)}]"


def _compare_names(path: str, old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[Difference]:
    for name, column in new.items():
        if name not in old:
            yield Difference(column_path(path, name), ChangeKind.ADDED, now=f"column of {column.type}")
    for name, column in old.items():
        if name not in new:
            yield Difference(column_path(path, name), ChangeKind.REMOVED, before=f"column of {column.type}")
    if set(old) == set(new) and list(old) != list(new):
        yield Difference(path, ChangeKind.CHANGED, note="the same columns in another order")


def _compare_rows(path: str, old: Column, new: Column) -> Iterator[Difference]:
    """Rows that both have; those at the end that one alone has are told by the shape."""
    both = min(old.length, new.length)
    if not both:
        return
    differ = old.differs(old.content[:both], new.content[:both])
    count = int(np.count_nonzero(differ))
    if not count:
        return
    if both > 1:
        yield Difference(path, ChangeKind.CHANGED, note=f"{count:,} of {both:,} rows differ")
    for position in np.flatnonzero(differ)[:FIRST]:
        at = int(position)
        yield Difference(f"{path}[{at}]", ChangeKind.CHANGED, old.show(old.content, at), new.show(new.content, at))
