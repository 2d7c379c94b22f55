"""An Arrow stream as bytes from anywhere: looked at before Arrow allocates what it says, and whether it is sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from redux.serializers.trouble import CannotDecode

_CONTINUES = b"\xff\xff\xff\xff"
_PADS = 8
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_COMPRESSION = 3
"""The field of a record batch that says how its buffers are compressed, in Arrow's Message.fbs."""
_ROWS_A_BYTE = 8
_ROWS_OF_NOTHING = 1 << 20
_EXTENSION = b"ARROW:extension:name"
_KNOWN = frozenset(
    {
        b"arrow.json", b"arrow.uuid", b"arrow.bool8", b"arrow.opaque", b"arrow.fixed_shape_tensor", b"pandas.period",
        b"pandas.interval",
    }
)  # fmt: skip
"""Types whose makers are Arrow and pandas: others' are made by code that was registered for them."""


def refuse_compressed(content: memoryview) -> None:
    """Refuse a stream with compressed buffers, which redux never writes: few bytes become many. Raises CannotDecode."""
    for metadata in _messages(content):
        message = _Table.root(metadata)
        kind, header = message.byte(1), message.table(2)
        if kind == _DICTIONARY and header is not None:
            header = header.table(1)
        if kind in (_DICTIONARY, _BATCH) and header is not None and header.has(_COMPRESSION):
            raise CannotDecode("an Arrow stream has compressed buffers, which redux never writes; run its call again")


def refuse_unknown_types(content: memoryview) -> None:
    """Refuse a foreign stream with types that are not Arrow's or pandas'. Raises CannotDecode."""
    for metadata in _messages(content):
        message = _Table.root(metadata)
        schema = message.table(2)
        waiting = schema.tables(1) if message.byte(1) == _SCHEMA and schema is not None else []
        seen = 0
        while waiting:
            field, seen = waiting.pop(), seen + 1
            if seen > len(metadata):
                raise CannotDecode("an Arrow stream has more columns than bytes; run its call again")
            waiting += field.tables(5)
            for said in field.tables(6):
                if said.text(0) == _EXTENSION and said.text(1) not in _KNOWN:
                    raise CannotDecode(f"a column of an unknown Arrow type ({said.text(1)[:40]!r}); run its call here")


def see_that_it_is_sound(table: pa.Table, size: int) -> None:
    """Refuse a foreign table that is not as it says, with more rows than `size` bytes have. Raises CannotDecode."""
    if table.num_rows > _ROWS_A_BYTE * size + _ROWS_OF_NOTHING:
        raise CannotDecode(f"a table of {table.num_rows:,} rows in {size:,} bytes; run its call again")
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise CannotDecode(f"a table is not sound: {error!s:.200}; run its call here") from error


def _messages(content: memoryview) -> Iterator[memoryview]:
    """The metadata of each message of a stream."""
    at = 0
    while at + _PADS <= content.nbytes and bytes(content[at : at + 4]) == _CONTINUES:
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if not length:
            return
        metadata = content[at + _PADS : at + _PADS + length]
        if metadata.nbytes != length:
            raise CannotDecode("an Arrow stream is cut short; run its call again")
        yield metadata
        body = _Table.root(metadata).long(3)
        if body < 0 or body % _PADS or length % _PADS:
            raise CannotDecode("an Arrow stream says odd lengths; run its call again")
        at += _PADS + length + body
    if at < content.nbytes and content.nbytes - at >= _PADS:
        raise CannotDecode("an Arrow stream begins or goes on as none; run its call again")


class _Table:
    """A table of FlatBuffers: fields by their number, each at an offset that a table of its own says."""

    __slots__ = ("_at", "_data", "_fields", "_fields_size")

    def __init__(self, data: memoryview, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - self._number(at, 4, signed=True)
        self._fields_size = self._number(self._fields, 2)

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        """The table that all else is in."""
        return cls(data, int.from_bytes(data[:4], "little"))

    def _number(self, at: int, size: int, *, signed: bool = False) -> int:
        found: Any = self._data[at : at + size] if at >= 0 else b""
        if len(found) != size:
            raise CannotDecode("an Arrow stream names bytes that it does not have; run its call again")
        return int.from_bytes(found, "little", signed=signed)

    def _offset(self, field: int) -> int:
        place = 4 + 2 * field
        return self._number(self._fields + place, 2) if place + 2 <= self._fields_size else 0

    def has(self, field: int) -> bool:
        """Whether a field is there."""
        return self._offset(field) != 0

    def byte(self, field: int) -> int:
        """A field of one byte, 0 where it is not there."""
        offset = self._offset(field)
        return self._number(self._at + offset, 1) if offset else 0

    def long(self, field: int) -> int:
        """A field of eight bytes, 0 where it is not there."""
        offset = self._offset(field)
        return self._number(self._at + offset, 8, signed=True) if offset else 0

    def table(self, field: int) -> _Table | None:
        """The table that a field leads to."""
        at = self._there(field)
        return _Table(self._data, at) if at else None

    def _there(self, field: int) -> int:
        """Where what a field leads to is; 0 where it is not there."""
        offset = self._offset(field)
        return self._at + offset + self._number(self._at + offset, 4) if offset else 0

    def tables(self, field: int) -> list[_Table]:
        """The tables that a field leads to."""
        at = self._there(field)
        count = self._number(at, 4) if at else 0
        if 4 * count > len(self._data):
            raise CannotDecode("an Arrow stream has more columns than bytes; run its call again")
        places = range(at + 4, at + 4 + 4 * count, 4)
        return [_Table(self._data, place + self._number(place, 4)) for place in places]

    def text(self, field: int) -> bytes:
        """The text of a field; an empty one where it is not there."""
        at = self._there(field)
        return bytes(self._data[at + 4 : at + 4 + self._number(at, 4)]) if at else b""
