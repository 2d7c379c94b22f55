"""What differs between two pandas frames, series or indexes, read from their parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from redux.explain.arrays import read_array
from redux.explain.columns import Column, array_column, compare_columns, list_column
from redux.explain.differences import ChangeKind, Difference
from redux.explain.plain_nodes import Elsewhere, Frame, Items, Node, Unreadable, Whole, show

Bring = Callable[[Elsewhere], Node]
"""Gives a part that is a value of its own; the part itself where its bytes are not to be had."""


def compare_frames(
    path: str, old: Frame, new: Frame, bring: Bring, key: Callable[[Any], object]
) -> Iterator[Difference]:
    """What differs between two frames of one kind, as far as their columns show it; by the `key` of an element."""
    reading = _Frames(bring, key)
    if old.kind == "DataFrame":
        before, now = reading.columns_of(old), reading.columns_of(new)
        yield from compare_columns(path, before, now)
        yield from reading.compare_indexes(path, old, new)
    elif old.kind == "Series":
        yield from _named(path, reading.column_of(old.fields.get("array")), reading.column_of(new.fields.get("array")))
        yield from reading.compare_indexes(path, old, new)
    else:
        yield from _named(path, reading.column_of(old), reading.column_of(new))


def _named(path: str, old: Column | None, new: Column | None) -> Iterator[Difference]:
    """What differs between two columns that have no name of their own."""
    if old is None or new is None:
        return
    if old.length != new.length:
        yield Difference(path, ChangeKind.CHANGED, note=f"{old.length:,} → {new.length:,} elements")
    if old.type != new.type:
        yield Difference(path, ChangeKind.CHANGED, note=f"type {old.type} → {new.type}")
        return
    for one in compare_columns("", {"": _cut(old, new)}, {"": _cut(new, old)}):
        yield Difference(path + one.path.removeprefix("[]"), one.change, one.before, one.now, one.note)


def _cut(column: Column, other: Column) -> Column:
    length = min(column.length, other.length)
    return Column(column.type, length, column.content[:length], column.differs, column.show)


class _Frames:
    """Frames on their way to columns."""

    def __init__(self, bring: Bring, key: Callable[[Any], object]) -> None:
        self._bring = bring
        self._key = key

    def compare_indexes(self, path: str, old: Frame, new: Frame) -> Iterator[Difference]:
        """What differs between the indexes of two frames or series."""
        was, now = old.fields.get("index"), new.fields.get("index")
        if isinstance(was, Frame) and isinstance(now, Frame) and was.kind != now.kind:
            yield Difference(f"{path}.index", ChangeKind.CHANGED, was.kind, now.kind)
        else:
            yield from _named(f"{path}.index", self.column_of(was), self.column_of(now))

    def columns_of(self, frame: Frame) -> dict[str, Column]:
        """The columns of a data frame by the text of their labels. Raises Unreadable where it has other parts."""
        labels = self._labels(frame.fields.get("columns"))
        columns: dict[int, Column] = {}
        for block in _items(frame.fields.get("blocks")):
            positions, stacked = _two(block)
            rows = self._array(stacked)
            if rows.ndim != 2 or len(rows) != len(_items(positions)):
                raise Unreadable("a frame has other parts than are known here")
            columns.update({int(at): array_column(row) for at, row in zip(_items(positions), rows, strict=True)})  # pyright: ignore
        for entry in _items(frame.fields.get("alone")):
            position, part = _two(entry)
            column = self.column_of(part)
            if not isinstance(position, int):
                raise Unreadable("a frame has other parts than are known here")
            columns[position] = column or list_column("?", [part], self._key, show)
        found: dict[str, Column] = {}
        for at in sorted(columns):
            label = labels[at] if at < len(labels) else f"column {at}"
            found[label if label not in found else f"{label}, column {at}"] = columns[at]
        return found

    def _labels(self, index: Node) -> list[str]:
        if isinstance(index, Frame) and index.kind == "RangeIndex":
            start, stop, step = (one if isinstance(one, int) else 0 for one in _items(index.fields.get("parts"))[:3])
            return [str(one) for one in range(start, min(stop, start + 10_000 * (step or 1)), step or 1)]
        column = self.column_of(index)
        return [] if column is None else [column.show(column.content, at) for at in range(min(column.length, 10_000))]

    def column_of(self, part: Node) -> Column | None:
        """The elements of a series, an index or an array of pandas' own; None where they are kept another way."""
        if isinstance(part, Elsewhere):
            part = self._bring(part)
        if isinstance(part, Whole):
            return self._of_whole(part)
        if isinstance(part, Items):
            return list_column("object", part.items, self._key, show)
        if not isinstance(part, Frame):
            return None
        parts = _items(part.fields.get("parts"))
        if part.kind in _OWN_READING and len(parts) == 3:
            return _OWN_READING[part.kind](self, parts)
        if part.kind in _FIRST_PART:
            return self.column_of(parts[0]) if parts else None
        if part.kind in _LAST_PART:
            return self.column_of(parts[2]) if len(parts) > 2 else None
        return self.column_of(part.fields.get("parts")) if part.kind in _ONLY_PART else None

    def categories(self, parts: list[Node]) -> Column | None:
        """A column of categories, each element by its label."""
        codes, labels = self._array(parts[0]), self.column_of(parts[1])
        if labels is None or codes.ndim != 1:
            return None
        if max(len(codes), labels.length) > _LABELS:
            return array_column(codes)
        shown = [labels.show(labels.content, at) for at in range(labels.length)]
        elements = [shown[code] if 0 <= code < len(shown) else "missing" for code in codes.tolist()]
        return list_column("category", elements, str, str)

    def nullable(self, parts: list[Node]) -> Column | None:
        """A column with a mask where elements are missing."""
        data, mask = self._array(parts[1]), self._array(parts[2])
        if len(data) > _LABELS:
            return array_column(data)
        elements = [None if gone else one for one, gone in zip(data.tolist(), mask.tolist(), strict=True)]
        return list_column(show(parts[0])[1:-1], elements, repr, repr)

    def stamps(self, parts: list[Node]) -> Column | None:
        """A column of moments."""
        ticks, unit = self._array(parts[0]), parts[1]
        if ticks.dtype.str != "<i8" or unit not in ("s", "ms", "us", "ns"):
            return None
        return array_column(ticks.view(f"M8[{unit}]"))

    def _of_whole(self, part: Whole) -> Column:
        if part.kind == "array":
            array = read_array(part.data)
            if array.ndim != 1:
                raise Unreadable("a frame has other parts than are known here")
            return array_column(array)
        from redux.explain.tables import column_of, read_table  # noqa: PLC0415 - Arrow only where frames hold it

        return column_of(read_table(part.data)[1].column(0))

    def _array(self, part: Node) -> Any:
        if isinstance(part, Elsewhere):
            part = self._bring(part)
        if not isinstance(part, Whole) or part.kind != "array":
            raise Unreadable("a frame has parts that are gone, or too large to be looked into")
        return read_array(part.data)


_LABELS = 200_000
_OWN_READING: dict[str, Callable[[_Frames, list[Node]], Column | None]] = {
    "Categorical": _Frames.categories,
    "IntegerArray": _Frames.nullable,
    "FloatingArray": _Frames.nullable,
    "BooleanArray": _Frames.nullable,
    "DatetimeArray": _Frames.stamps,
}
_FIRST_PART = ("Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "CategoricalIndex", "PeriodArray")
_LAST_PART = ("StringArray", "ArrowStringArray")
_ONLY_PART = ("TimedeltaArray", "NumpyExtensionArray", "ArrowExtensionArray")


def _items(node: Node) -> list[Node]:
    return node.items if isinstance(node, Items) else []


def _two(node: Node) -> tuple[Node, Node]:
    parts = _items(node)
    if len(parts) != 2:
        raise Unreadable("a frame has other parts than are known here")
    return parts[0], parts[1]
