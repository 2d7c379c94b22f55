"""Records as columns: of each field one, over all records of a kind, which is checked and read at once.

A digest, an id or a text stands once, in a table; columns have its number there, 0 for none. So a record costs a
microsecond, and nothing that is read takes much more memory than it has bytes.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from redux_valuestore.digest import DIGEST_SIZE

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_MOMENT = float(1 << 37)
"""Seconds: what is later, in the year 6325, is no moment that people can be shown."""

MOST_SIZE = (1 << 63) - 1
_ID_SIZE = 16


class Bent(Exception):
    """A column is not one of records, as its text says."""


class Writing:
    """Columns as they are written, and the tables that they refer to."""

    def __init__(self) -> None:
        self.columns: list[bytes] = []
        self.digests = _table()
        self.ids = _table()
        self.texts = _table()

    def tables(self) -> list[bytes]:
        """The columns of the tables, which stand before all others."""
        texts = [text.encode("utf-8", "surrogatepass") for text in _entries(self.texts)]
        lengths = little("I", map(len, texts))
        return [b"".join(_entries(self.digests)), b"".join(_entries(self.ids)), lengths, b"".join(texts)]


class Reading:
    """Columns as they are read, one after the other. Raises `Bent` where they are not what was written."""

    def __init__(self, columns: Sequence[bytes]) -> None:
        self._columns = iter(columns)
        self.digests = self._cut_even(DIGEST_SIZE)
        self.ids = self._cut_even(_ID_SIZE)
        self.texts = [None, *_texts(self.numbers("I"), self.next())]

    def next(self) -> bytes:
        """The next column."""
        return next(self._columns)

    def numbers(self, form: str, count: int | None = None) -> array[Any]:
        """The next column as numbers of this form, as `array` calls it; `count` of them where that is known.

        Raises `Bent`.
        """
        data = self.next()
        if len(data) % array(form).itemsize:
            raise Bent("a column ends within a number")
        found = read_little(form, data)
        if count is not None and len(found) != count:
            raise Bent("the columns of one kind are not of one length")
        return found

    def _cut_even(self, size: int) -> list[bytes | None]:
        data = self.next()
        if len(data) % size:
            raise Bent("a table ends within an entry")
        return [None, *(data[at : at + size] for at in range(0, len(data), size))]


class Form(Protocol):
    """How one field of many records is written and read, as one column or several."""

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the columns of these values."""

    def read(self, given: Reading, count: int) -> Sequence[Any]:
        """So many values from the next columns. Raises `Bent`."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the table of this name: digests, ids or texts. None only where that is `optional`."""

    table: str
    optional: bool = False

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column of the entries' numbers."""
        to.columns.append(little("I", map(getattr(to, self.table).__getitem__, values)))

    def read(self, given: Reading, count: int) -> list[Any]:
        """The entries. Raises `Bent`."""
        numbers, table = given.numbers("I", count), getattr(given, self.table)
        if numbers and (max(numbers) >= len(table) or (not self.optional and min(numbers) == 0)):
            raise Bent(f"a number names none of the {self.table}")
        return list(map(table.__getitem__, numbers))


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment or a duration in seconds; -1 stands for None, where that is `optional`."""

    optional: bool = False

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column; what no clock says is brought within what one does."""
        sound = None not in values and all(map(math.isfinite, values))
        if not sound or (values and (min(values) < 0.0 or max(values) > MOST_MOMENT)):
            values = [-1.0 if each is None else _said_by_clock(each) for each in values]
        to.columns.append(little("d", values))

    def read(self, given: Reading, count: int) -> Sequence[Any]:
        """The moments. Raises `Bent`."""
        found = given.numbers("d", count)
        if not all(map(math.isfinite, found)) or (found and max(found) > MOST_MOMENT):
            raise Bent("a moment or duration is none")
        if found and min(found) < 0.0:
            if not self.optional or any(each < 0.0 and each != -1.0 for each in found):
                raise Bent("a moment or duration is none")
            return [None if each < 0.0 else each for each in found]
        return found


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes."""

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column."""
        to.columns.append(little("Q", values))

    def read(self, given: Reading, count: int) -> Sequence[Any]:
        """The sizes. Raises `Bent`."""
        found = given.numbers("Q", count)
        if found and max(found) > MOST_SIZE:
            raise Bent("a size is too large")
        return found


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few things, by its place in the list of them."""

    told: str
    all: Sequence[Any]

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column."""
        places = {each: place for place, each in enumerate(self.all)}
        to.columns.append(bytes(map(places.__getitem__, values)))

    def read(self, given: Reading, count: int) -> list[Any]:
        """Those things. Raises `Bent`."""
        places = given.numbers("B", count)
        if places and max(places) >= len(self.all):
            raise Bent(f"a number stands for no {self.told}")
        return list(map(self.all.__getitem__, places))


@dataclass(frozen=True, slots=True)
class Flags:
    """One of `all` that are known by the number that they are."""

    told: str
    all: Mapping[int, Any]

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column."""
        to.columns.append(little("I", values))

    def read(self, given: Reading, count: int) -> list[Any]:
        """Those things. Raises `Bent`."""
        try:
            return list(map(self.all.__getitem__, given.numbers("I", count)))
        except KeyError:
            raise Bent(f"a number stands for no {self.told}") from None


@dataclass(frozen=True, slots=True)
class Many:
    """So many things in each record: how many, and then the things of all records, in the columns of their `fields`.

    `make` makes one of its fields, which `field` names; of one field without a name the thing itself is in the column.
    """

    fields: tuple[tuple[str, Form], ...]
    make: Callable[..., Any] | None = None

    def write(self, to: Writing, values: Sequence[Any]) -> None:
        """Add the column of how many there are, and those of the things."""
        to.columns.append(little("I", map(len, values)))
        write_fields(to, self.fields, list(chain.from_iterable(values)))

    def read(self, given: Reading, count: int) -> list[tuple[Any, ...]]:
        """The things of each record."""
        lengths = given.numbers("I", count)
        flat = read_fields(given, self.fields, sum(lengths))
        return _cut(flat[0] if self.make is None else list(map(self.make, *flat)), lengths)


def write_fields(to: Writing, fields: Iterable[tuple[str, Form]], records: Sequence[Any]) -> None:
    """Add the columns of all fields of records; a field without a name is the record itself."""
    for name, form in fields:
        form.write(to, list(map(attrgetter(name), records)) if name else records)


def read_fields(given: Reading, fields: Iterable[tuple[str, Form]], count: int) -> list[Sequence[Any]]:
    """The fields of so many records, each over all records. Raises `Bent`."""
    return [form.read(given, count) for _, form in fields]


def read_atoms(data: Buffer, count: int) -> list[Any] | None:
    """So many things in msgpack, one behind the other, none of which holds others; None for bytes that are not that."""
    size = max(memoryview(data).nbytes, 1)
    unpacker = msgpack.Unpacker(
        max_buffer_size=size, max_bin_len=size, max_array_len=0, max_map_len=0, max_str_len=0, max_ext_len=0
    )
    unpacker.feed(data)
    try:
        found = [unpacker.unpack() for _ in range(count)]
    except (ValueError, msgpack.exceptions.UnpackException):
        return None
    return found if unpacker.tell() == memoryview(data).nbytes else None


def little(form: str, numbers: Iterable[Any]) -> bytes:
    """Numbers of a form, as `array` calls it, with the least byte first."""
    made = array(form, numbers)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def read_little(form: str, data: bytes) -> array[Any]:
    """Whole numbers of a form, as `little` gave their bytes."""
    found = array(form)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _table() -> defaultdict[Any, int]:
    numbers: defaultdict[Any, int] = defaultdict(None, {None: 0})
    numbers.default_factory = numbers.__len__
    return numbers


def _entries(table: defaultdict[Any, int]) -> list[Any]:
    return list(table)[1:]


def _texts(lengths: array[int], data: bytes) -> list[str]:
    if sum(lengths) != len(data):
        raise Bent("the table of texts has not the length of its texts")
    if data.isascii():
        return _pieces(data.decode("ascii"), lengths)
    try:
        return [piece.decode("utf-8", "surrogatepass") for piece in _pieces(data, lengths)]
    except UnicodeDecodeError:
        raise Bent("a text is not UTF-8") from None


def _pieces(whole: Any, lengths: Iterable[int]) -> list[Any]:
    found: list[Any] = []
    at = 0
    for length in lengths:
        found.append(whole[at : at + length])
        at += length
    return found


def _cut(flat: Sequence[Any], lengths: array[int]) -> list[tuple[Any, ...]]:
    if not flat:
        return [()] * len(lengths)
    return _pieces(tuple(flat), lengths)


def cut_bytes(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Bytes cut into pieces of these lengths. Raises `Bent` where there are more or fewer."""
    if sum(lengths) != len(data):
        raise Bent("the bytes have not the length of what they are cut into")
    return _pieces(data, lengths)


def _said_by_clock(seconds: float) -> float:
    return min(max(seconds, 0.0), MOST_MOMENT) if math.isfinite(seconds) else 0.0
