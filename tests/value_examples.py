"""Values of every kind with the hashes that they will have for ever, and what tests of values share."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import re
import threading
import types
import uuid
import zoneinfo
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import attrs

from redux.value import (
    Encoded,
    decode,
    encode,
)
from redux_valuestore.digest import Digest, digest_bytes

HERE = __name__


class Colour(enum.Enum):
    RED = 1
    ODD = (1, "two")


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Point:
    x: int
    y: object = None
    hidden: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    parts: tuple[object, ...] = ()


@attrs.define
class Shape:
    sides: int
    name: str = "shape"


Pair = namedtuple("Pair", "left right")


class Metres(float):
    pass


class Tagged(list):  # type: ignore[type-arg]
    tag = ""


class Plain:
    def __init__(self, **parts: object) -> None:
        self.__dict__.update(parts)

    def __eq__(self, other: object) -> bool:
        return type(other) is Plain and vars(other) == vars(self)

    def method(self) -> None:
        pass


class Stubborn:
    """Builds itself from what its reduce protocol says, as many libraries' classes do."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return Stubborn, (self.number,)

    def __eq__(self, other: object) -> bool:
        return type(other) is Stubborn and other.number == self.number


@dataclass
class Secretive:
    """A dataclass that leaves out what cannot travel."""

    name: str
    lock: object = None

    def __getstate__(self) -> dict[str, object]:
        return {"name": self.name}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.name, self.lock = str(state["name"]), None


class Trouble(ValueError):
    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


class Circle:
    def __init__(self, radius: float) -> None:
        self.radius = radius


def top_level(x: int) -> int:
    return x


PARIS = zoneinfo.ZoneInfo("Europe/Paris")

EXAMPLES: dict[str, object] = {
    "none": None,
    "true": True,
    "one": 1,
    "one float": 1.0,
    "minus zero": -0.0,
    "zero": 0.0,
    "nan": math.nan,
    "infinity": -math.inf,
    "64 bits": 2**64 - 1,
    "65 bits": 2**64,
    "negative": -(2**63) - 1,
    "text": "dé\n",
    "surrogate": "\udc80",
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"\x00\xff"),
    "complex": 1 - 2.5j,
    "ellipsis": ...,
    "list": [1, [2, []]],
    "tuple": (1, (2, ())),
    "dict": {"b": 1, "a": {2: (3,)}, (1, 2): None},
    "set": {3, 1, 2, "x"},
    "frozenset": frozenset({(1, frozenset({2})), None}),
    "range": range(1, 9, 2),
    "slice": slice(None, 3),
    "decimal": decimal.Decimal("-1.20"),
    "fraction": fractions.Fraction(1, 3),
    "date": datetime.date(2024, 2, 29),
    "time": datetime.time(1, 2, 3, 4, fold=1),
    "naive": datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
    "utc": datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    "zone": datetime.datetime(2024, 10, 27, 2, 30, tzinfo=PARIS, fold=1),
    "offset": datetime.timezone(datetime.timedelta(hours=1), "here"),
    "delta": datetime.timedelta(days=-1, microseconds=5),
    "path": pathlib.PurePosixPath("/a/b"),
    "uuid": uuid.UUID(int=5),
    "pattern": re.compile(r"a+", re.IGNORECASE),
    "namespace": types.SimpleNamespace(a=1),
    "ordered": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("abca"),
    "deque": collections.deque([1, 2], maxlen=3),
    "default": collections.defaultdict(list, a=[1]),
    "enum": Colour.RED,
    "enum of a tuple": Colour.ODD,
    "flags": Rights.READ | Rights.WRITE,
    "int enum": Level.LOW,
    "dataclass": Point(1, [2]),
    "frozen": Frozen("a", (1, Point(2))),
    "attrs": Shape(3),
    "namedtuple": Pair(1, (2,)),
    "subclass of float": Metres(2.5),
    "exception": KeyError("a", 1),
    "function": top_level,
    "builtin": len,
    "class": Point,
    "nested class": Mapping,
    "object": Plain(a=1, b=[Plain()]),
    "reduce": Stubborn(3),
    "getstate": Secretive("a", threading.Lock()),
    "method": str.upper,
    "ints": array.array("i", [1, 2]),
}

GOLDEN: dict[str, str] = {
    "none": "9beb0e980c1bb43d",
    "true": "db2b7c3fa7e825e0",
    "one": "b01fb07361f06d0b",
    "one float": "252298a8ea181267",
    "minus zero": "45c604d4bed1b0d9",
    "zero": "ade202e280fd2df0",
    "nan": "15636c403c28216b",
    "infinity": "dca38893d01b4b9f",
    "64 bits": "45898b6b7e688aa6",
    "65 bits": "abf04b7d9b8ef32a",
    "negative": "ed7e8f87e357cfd5",
    "text": "1fbe3c1ec32c1933",
    "surrogate": "da87000659c4bd93",
    "bytes": "7e36c6d2f1d13324",
    "bytearray": "08855b4823d1a903",
    "complex": "f1e74eb15f7d9b0c",
    "ellipsis": "dc3427bb277ef9ed",
    "list": "39c3a2a6a9396dfd",
    "tuple": "415803e4f92c3fe6",
    "dict": "08d71629d737fdd3",
    "set": "572dbe4537399207",
    "frozenset": "45b4affc07560c89",
    "range": "47f493522a43a57a",
    "slice": "316d88733ce1086a",
    "decimal": "9af9d9903e183668",
    "fraction": "6fe7b57d2fac990f",
    "date": "0e4d906fe4867895",
    "time": "d5dfcd2033dedda1",
    "naive": "4965619851bd9690",
    "utc": "4fced1bee4cc2aa7",
    "zone": "735f5715bf6f8d4c",
    "offset": "5ea15e00b3729f41",
    "delta": "5a897e6299c33c32",
    "path": "872897ab94787aa8",
    "uuid": "d9c40f53570ac04e",
    "pattern": "9afb03e6904f9c54",
    "namespace": "9743dab63b36fd1e",
    "ordered": "88d031ff9752d702",
    "counter": "babece4efe2009fb",
    "deque": "0abca3a066da8771",
    "default": "e426b36d7f1d5e2d",
    "enum": "99aa04c571c324d7",
    "enum of a tuple": "3b7be874f689f635",
    "flags": "b766d4f477c1a15e",
    "int enum": "755578cfa1e8985b",
    "dataclass": "0f5d464199a95e52",
    "frozen": "afc7b0c6f3ffe53d",
    "attrs": "55fbb74cfa91a1bf",
    "namedtuple": "04b9bb0fae5ed584",
    "subclass of float": "3c0179f2842c0386",
    "exception": "69efed2a5a6d1fd8",
    "function": "a0f65657588098eb",
    "builtin": "9b3035e3220daa41",
    "class": "459bf25e50ccbce1",
    "nested class": "1bdb678796490a24",
    "object": "2f87940acd0af603",
    "reduce": "7f2bd552c2b4c614",
    "getstate": "a2dd7f10837c0b68",
    "method": "bc2d87bfbf2e8730",
    "ints": "cb142705d62f8df8",
}


def store_of(encoded: Encoded) -> dict[Digest, bytes]:
    """All bytes of an encoding, each value inside it under its hash."""
    found = {encoded.hash: b"".join(encoded.chunks)}
    for part in encoded.subvalues:
        found |= store_of(part)
    return found


def round_trip(value: object) -> Any:
    """What comes back, after checking that it is the same value to the last bit."""
    encoded = encode(value)
    stored = store_of(encoded)
    assert all(digest_bytes(data) == digest for digest, data in stored.items())
    assert encoded.size == len(stored[encoded.hash])
    back = decode(stored[encoded.hash], stored.__getitem__)
    assert type(back) is type(value)
    assert encode(back).hash == encoded.hash
    return back


def no_subvalues(digest: Digest) -> bytes:
    raise AssertionError(f"{digest.hex()} was not to be fetched")


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


def cycle() -> object:
    parent = Plain(name="parent")
    parent.child = Plain(parent=[parent])  # type: ignore[attr-defined]
    return parent
