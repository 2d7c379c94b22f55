"""What differs inside two values: exactly the parts that changed, by their path, read as plain data only."""

from __future__ import annotations

import collections
import datetime
import enum
import json
import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgpack import ExtType, packb  # pyright: ignore[reportMissingTypeStubs]

from redux.explain.differences import Inside
from redux.explain.values import compare_values
from redux.file import Dir, File
from redux.serializers import wire
from redux.value import Encoded, Value, encode

from .value_examples import EXAMPLES


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Params:
    lr: float
    layers: list[int]


@attrs.define
class Shape:
    sides: int


class Model:
    def __init__(self, **parts: object) -> None:
        self.__dict__.update(parts)


class Sealed(Value):
    def __init__(self, data: bytes) -> None:
        self.data = data

    def serialize(self) -> bytes:
        return self.data

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Any:
        raise AssertionError("reading a value runs no code")


def data_of(value: object) -> tuple[bytes, dict[bytes, bytes]]:
    """The bytes of a value, and of those inside it by their digest."""
    apart: dict[bytes, bytes] = {}

    def go(encoded: Encoded) -> bytes:
        apart.update({part.hash: go(part) for part in encoded.subvalues})
        return b"".join(encoded.chunks)

    return go(encode(value)), apart


def inside(before: object, now: object) -> Inside:
    (old, old_parts), (new, new_parts) = data_of(before), data_of(now)
    return compare_values(old, new, {**old_parts, **new_parts}.get)


def told(before: object, now: object) -> list[str]:
    """The differences of two values, a line each."""
    found = inside(before, now)
    lines = [f"{one.path}: {one.words}" for one in found.differences]
    lines += [line for one in found.differences for line in one.diff.splitlines()]
    return lines + ([f"and {found.more} more"] if found.more else []) + ([found.unseen] if found.unseen else [])


FRAME = pd.DataFrame({"n": [1, 2, 3], "name": ["x", "y", "z"], "kind": pd.Categorical(["u", "v", "u"])})
TABLE = pl.DataFrame({"n": [1, 2, 3], "name": ["x", None, "z"]})
WEEK = datetime.datetime(2024, 1, 7, 12)

CASES: dict[str, tuple[object, object, list[str]]] = {
    "a field": (Params(0.01, [1]), Params(0.02, [1]), [".lr: 0.01 → 0.02"]),
    "a field deep inside": (
        {"rows": [0, 1, 2, {"name": "a", "p": Params(1.0, [1, 2])}]},
        {"rows": [0, 1, 2, {"name": "b", "p": Params(1.0, [1, 3])}]},
        ["""["rows"][3]["name"]: 'a' → 'b'""", """["rows"][3]["p"].layers[1]: 2 → 3"""],
    ),
    "keys": ({"a": 1, "b": 2}, {"a": 1, 3: [4]}, ['["b"]: removed 2', "[3]: added [4]"]),
    "the order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [": the same keys in another order"]),
    "a part put in": ([1, 2, 3], [1, 9, 2, 3], ["[1]: added 9"]),
    "a part taken out": ([1, 2, 3, 4], [1, 4], ["[1]: removed 2", "[2]: removed 3"]),
    "an attrs instance": (Shape(3), Shape(4), [".sides: 3 → 4"]),
    "an object": (Model(a=1, b=(1, 2)), Model(a=1, b=(1, 5)), [".b[1]: 2 → 5"]),
    "members": ({1, 2, "x"}, {2, "x", (3,)}, [": removed 1", ": added (3,)"]),
    "an enum": ([Colour.RED], [Colour.BLUE], ["[0]: Colour.RED → Colour.BLUE"]),
    "another type": ({"x": [1, 2]}, {"x": (1, 2)}, ['["x"]: list [1, 2] → tuple (1, 2)']),
    "True is not 1": ([True, 1.0], [1, 1], ["[0]: True → 1", "[1]: 1.0 → 1"]),
    "minus zero": ([0.0], [-0.0], ["[0]: 0.0 → -0.0"]),
    "a counter": (collections.Counter("ab"), collections.Counter("aab"), ["""["a"]: 1 → 2"""]),
    "a moment": ([WEEK], [WEEK.replace(hour=13)], ["[0]: 2024-01-07 12:00:00 → 2024-01-07 13:00:00"]),
    "a path": (Path("a/b"), Path("a/c"), [": 'a/b' → 'a/c'"]),
    "a long line": (
        "x" * 80 + "abc",
        "x" * 80 + "abd",
        [f": from character 82 on: …'{'x' * 13}abc'… → …'{'x' * 13}abd'…"],
    ),
    "lines": (
        "one\ntwo\nthree\nfour\n",
        "one\ntwo\nTHREE\x1b[31m\nfour\n",
        [": differs from line 3 on", " two", "-three", "+THREE\\x1b[31m", " four"],
    ),
    "bytes": (b"a" * 100, b"a" * 70 + b"b", [": 100 bytes → 71 bytes, which differ from byte 70 on"]),
    "large bytes inside": (
        [b"a" * 100_000],
        [b"a" * 99_999 + b"b"],
        ["[0]: 100,000 bytes, which differ from byte 99,999 on"],
    ),
    "its own serializer": (
        [Sealed(b"abcd")],
        [Sealed(b"abXd!")],
        ["[0]: tests.test_inside_values.Sealed: 4 bytes → 5 bytes, which differ from byte 2 on"],
    ),
    "an element": (
        np.arange(6.0).reshape(2, 3),
        np.array([[0, 1, 2], [3, -4, 5.0]]),
        [": 1 of 6 elements differ", "[1, 1]: 4.0 → -4.0"],
    ),
    "many elements": (
        {"w": np.zeros(100_000, "f4")},
        {"w": np.ones(100_000, "f4")},
        ['["w"]: 100,000 of 100,000 elements differ', *(f'["w"][{at}]: 0.0 → 1.0' for at in range(3))],
    ),
    "shape and dtype": (
        np.zeros((2, 3)),
        np.zeros((3, 2), "i4"),
        [".shape: (2, 3) → (3, 2)", ".dtype: float64 → int32"],
    ),
    "a NumPy scalar": (np.float32(1.5), np.float32(2.5), [": 1.5 (<f4) → 2.5 (<f4)"]),
    "a frame": (
        FRAME,
        FRAME.assign(n=[1, 9, 3], kind=FRAME.kind.astype(str), more=1.5).drop(columns="name"),
        [
            "['more']: added column of float64",
            "['name']: removed column of large_string",
            "['n']: 1 of 3 rows differ",
            "['n'][1]: 2 → 9",
            "['kind']: type category → large_string",
        ],
    ),
    "rows of a frame": (FRAME, FRAME.iloc[:2], [": 3 × 3 → 2 × 3 (rows × columns)"]),
    "an index": (
        FRAME,
        FRAME.set_index("name"),
        [
            ": 3 × 3 → 3 × 2 (rows × columns)",
            "['name']: removed column of large_string",
            ".index: RangeIndex → Index",
        ],
    ),
    "a series": (FRAME.n, FRAME.n * 2, [": 3 of 3 rows differ", "[0]: 1 → 2", "[1]: 2 → 4", "[2]: 3 → 6"]),
    "rows of a table": (TABLE.clear(), TABLE, [": 0 × 2 → 3 × 2 (rows × columns)"]),
    "missing elements": (
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="Int64"),
        [": 1 of 3 rows differ", "[1]: None → 2"],
    ),
    "moments of a zone": (
        pd.Series(pd.to_datetime(["2024-01-07 12:00"]).tz_localize("UTC")),
        pd.Series(pd.to_datetime(["2024-01-07 13:00"]).tz_localize("UTC")),
        ["[0]: 2024-01-07T12:00:00.000000 → 2024-01-07T13:00:00.000000"],
    ),
    "a table": (
        TABLE,
        TABLE.with_columns(name=pl.lit("x"), new=pl.lit(1.5)),
        [
            ": 3 × 2 → 3 × 3 (rows × columns)",
            "['new']: added column of double",
            "['name']: 2 of 3 rows differ",
            "['name'][1]: None → 'x'",
            "['name'][2]: 'z' → 'x'",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_told_by_its_path(case: str) -> None:
    before, now, expected = CASES[case]
    assert told(before, now) == expected


def test_a_file_is_named_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    before = data_of({"in": File(str(path))})[0]
    path.write_text("two")
    now = data_of({"in": File(str(path))})[0]
    [one] = compare_values(before, now).differences
    assert (one.path, one.words) == ('["in"]', f"the content of {path} changed")
    [one] = inside([Dir("a")], [Dir("b")]).differences
    assert one.words == "Dir('a') → Dir('b')"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kind_of_value_can_be_read_and_does_not_differ_from_itself(name: str) -> None:
    value = EXAMPLES[name]
    assert not inside(value, value)
    found = inside([value, 1], [value, 2])
    assert [one.path for one in found.differences] == ["[1]"]


# -- whatever the value ------------------------------------------------------------------------------

atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
keys = st.text(st.characters(codec="ascii", min_codepoint=97, max_codepoint=122), min_size=1, max_size=3)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(Params, inner, inner)
        | st.frozensets(atoms, max_size=3)
    )


values = st.recursive(atoms, containers, max_leaves=15)


@given(values)
@settings(max_examples=100, deadline=None)
def test_nothing_differs_between_a_value_and_itself(value: object) -> None:
    data = data_of(value)[0]
    assert compare_values(data, data) == Inside()


def places(value: Any, path: str = "") -> list[tuple[str, Callable[[object], Any]]]:
    """Every place inside a value: its path, and the value with something else put there."""
    found: list[tuple[str, Callable[[object], Any]]] = [(path, lambda new: new)]

    def below(label: str, part: object, put: Callable[[object], Any]) -> None:
        found.extend((where, lambda new, make=make: put(make(new))) for where, make in places(part, f"{path}{label}"))

    if isinstance(value, (list, tuple)):
        for at, part in enumerate(value):
            kind = type(value)
            below(f"[{at}]", part, lambda new, at=at, kind=kind: kind([*value[:at], new, *value[at + 1 :]]))
    elif isinstance(value, dict):
        for key, part in value.items():
            below(f'["{key}"]', part, lambda new, key=key: {**value, key: new})
    elif isinstance(value, Params):
        for name in ("lr", "layers"):
            below(f".{name}", getattr(value, name), lambda new, name=name: replace(value, **{name: new}))
    return found


@given(values, atoms, st.data())
@settings(max_examples=200, deadline=None)
def test_a_part_that_changed_is_named_by_exactly_its_path(value: object, new: object, data: Any) -> None:
    path, put = data.draw(st.sampled_from(places(value)))
    changed = put(new)
    before, now = data_of(value)[0], data_of(changed)[0]
    assume(before != now)
    found = compare_values(before, now)
    assert [one.path for one in found.differences] == [path]
    assert found.more == 0
    assert found.unseen == ""


def packed(value: object) -> bytes:
    return cast(bytes, packb(value))


# -- bytes that mean harm ----------------------------------------------------------------------------


class Trap:
    sprung: ClassVar[list[str]] = []

    def __reduce__(self) -> Any:
        return exec, ("import tests.test_inside_values as t; t.Trap.sprung.append('!')",)


def test_nothing_that_bytes_name_is_run_or_imported() -> None:
    named = "redux_no_such_module:Thing"
    wicked = [
        wire.PICKLED + pickle.dumps(Trap()),
        wire.REDUCED + packed([wire.REDUCED_MARK, [wire.REFERENCE, "builtins:exec", None], ["1/0"], None, None, None]),
        wire.REDUCED + packed([wire.OBJECT, "antigravity:Thing", [], {"a": 1}, None, None]),
        wire.MSGPACK + packed([wire.RECORD, named, {"\x1b[31m": "\x07"}]),
        wire.MSGPACK + packed([wire.ENUM, "this:Colour", "RED", 1]),
        wire.MSGPACK + packed(ExtType(wire.Code.PICKLED, pickle.dumps(Trap()))),
    ]
    before = set(sys.modules)
    for one in wicked:
        for other in (*wicked, data_of([1])[0]):
            found = compare_values(one, other)
            said = json.dumps([str(found), [each.words for each in found.differences]], ensure_ascii=False)
            assert said.isprintable()
    assert not Trap.sprung
    assert not {"antigravity", "this"} & (set(sys.modules) - before)


def nested_sets(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = packed(ExtType(wire.Code.SET, data))
    return wire.MSGPACK + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"mp1\n",
        b"mp1\n\xc1",
        b"what\n",
        wire.MSGPACK + b"\x91" * 900 + b"\x01",
        wire.MSGPACK + b"\x91" * 5000 + b"\x01",
        nested_sets(400),
        wire.MSGPACK + packed([wire.RECORD]),
        wire.MSGPACK + packed([wire.NAMED, "uuid.UUID", 3]),
        wire.MSGPACK + packed([wire.NAMED, "pandas.DataFrame", {"blocks": [[1, 2]], "columns": 3}]),
        wire.MSGPACK + packed([wire.NAMED, "datetime.datetime", ["x", None]]),
        wire.ARRAY + packed(["|O", [1]]) + bytes(200),
        wire.ARRAY + packed(["<f8", [1 << 62]]) + bytes(200),
        wire.ARRAY + packed(["<U0", [1 << 40]]) + bytes(200),
        wire.ARRAY + packed([["fields", [["a", "|O", 0]], 8, False], [1]]) + bytes(200),
        wire.TABLE + packed(["pyarrow.Table", 1, None, None]) + bytes(200),
    ],
)
def test_bytes_that_say_nothing_are_told_so(data: bytes) -> None:
    for sound in ([1, [2]], np.zeros(3), FRAME, TABLE, datetime.datetime(2024, 1, 1)):
        assert compare_values(data, data_of(sound)[0])
        assert compare_values(data_of(sound)[0], data)
    assert compare_values(data, data + b"\x00")


def test_without_the_library_that_reads_them_values_are_told_to_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    before, now = data_of(np.zeros(3))[0], data_of(np.ones(3))[0]
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "redux.explain.arrays", raising=False)
    assert compare_values(before, now).unseen == "numpy is not installed here, which compares them"


def test_what_is_large_is_compared_within_bounds() -> None:
    before, now = [[i, math.pi] for i in range(300_000)], [[i, math.e] for i in range(300_000)]
    found = inside(before, now)
    assert len(found.differences) == 10
    assert found.unseen == "only the first 500,000 parts were compared"
    assert found.differences[0].path == "[0][1]"
