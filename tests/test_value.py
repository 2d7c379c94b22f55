"""What values promise: equal ones have equal bytes everywhere, others never, and what went in comes back."""

from __future__ import annotations

import collections
import datetime
import decimal
import itertools
import math
import os
import struct
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.expression import TaskCall
from redux.serializers.registry import registry
from redux.value import (
    CannotDecode,
    SerializerError,
    decode,
    encode,
    hash_value,
    preview,
    register_serializer,
    set_task_resolver,
)
from redux_backends.records import Traits
from redux_valuestore.digest import digest_bytes

from .value_examples import (
    EXAMPLES,
    GOLDEN,
    HERE,
    PARIS,
    Circle,
    Colour,
    Metres,
    Pair,
    Plain,
    Point,
    Shape,
    nested,
    no_subvalues,
    round_trip,
)

# -- sameness --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_values_come_back_as_they_were_and_their_hashes_never_change(name: str) -> None:
    value = EXAMPLES[name]
    back = round_trip(value)
    if name not in ("nan", "exception", "getstate"):
        assert back == value
    assert encode(value).hash.hex()[:16] == GOLDEN[name], "stored values would all be lost: this must never change"


def test_no_two_different_values_share_a_hash() -> None:
    near = [
        *EXAMPLES.values(), 0, False, "", b"", (), [], {}, set(), frozenset(), "1", b"1", [1], (1,), {1}, {1: 1},
        "None", bytearray(), complex(0), -1, decimal.Decimal("-1.2"), [1, (2, [])], Pair(1, [2]), [None], [[None]],
        "RED", {"a": {2: (3,)}, "b": 1, (1, 2): None}, Point(1, (2,)), Shape(4), {"sides": 3, "name": "shape"},
        Metres(2.25),
        datetime.datetime(2024, 10, 27, 2, 30, tzinfo=PARIS), collections.OrderedDict(a=2, b=1), Plain(b=1, a=1),
    ]  # fmt: skip
    hashes = {hash_value(value) for value in near}
    assert len(hashes) == len(near)


ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.binary(max_size=8),
    st.complex_numbers(),
    st.decimals().filter(lambda number: not number.is_snan()),  # which cannot even be hashed
    st.fractions(),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, PARIS, datetime.UTC])),
    st.timedeltas(),
    st.uuids(),
)
HASHABLE = st.recursive(
    ATOMS, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=3)), max_leaves=4
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
        st.builds(Point, st.integers(), inner),
        st.builds(Pair, inner, inner),
        st.builds(Plain, a=inner),
        st.binary(max_size=5).map(bytearray),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_any_value_comes_back_bit_for_bit(value: object) -> None:
    round_trip(value)


@settings(max_examples=60, deadline=None)
@given(st.lists(HASHABLE, max_size=6, unique=True), st.randoms())
def test_a_set_is_its_elements_whatever_their_order(elements: list[object], shuffler: Any) -> None:
    expected = hash_value(set(elements))
    shuffler.shuffle(elements)
    assert hash_value(set(elements)) == expected


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_sharing_inside_a_value_is_not_content(value: object) -> None:
    copy = decode(b"".join(encode(value).chunks), no_subvalues)
    assert hash_value([value, value]) == hash_value([value, copy])


def test_hashes_do_not_depend_on_the_process() -> None:
    script = (
        "from redux.value import hash_value\n"
        "words = {f'word {i}' for i in range(50)}\n"
        "print(hash_value([words, {frozenset(words): words}, {w: {w} for w in sorted(words)}]).hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.parametrize("value", [range(3), slice(1, 3), datetime.date(2026, 1, 31)])
def test_a_process_that_met_no_such_value_yet_reads_it(value: object) -> None:
    script = "import sys\nfrom redux.value import decode\nprint(repr(decode(sys.stdin.buffer.read(), None)))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    data = b"".join(encode(value).chunks)
    done = subprocess.run([sys.executable, "-c", script], input=data, env=environment, capture_output=True)
    assert done.stdout.decode().strip() == repr(value), done.stderr.decode()


def test_bits_of_floats_are_kept() -> None:
    odd = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]
    assert struct.pack(">d", round_trip(odd)) == struct.pack(">d", odd)
    assert math.copysign(1, round_trip([-0.0])[0]) == -1


def test_large_byte_strings_inside_a_value_become_values_of_their_own() -> None:
    large = bytes(100_000)
    value = {"a": [large, large], "b": bytearray(large), "c": (large,)}
    encoded = encode(value)
    assert encoded.traits == Traits.SUBVALUES
    assert encoded.size < 300
    assert {part.hash for part in encoded.subvalues} == {hash_value(large), hash_value(bytearray(large))}
    assert round_trip(value) == value
    assert encode(large).chunks[1].obj is large  # type: ignore[union-attr]


# -- serializers of one's own ----------------------------------------------------------------------


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "by_type", dict(registry.by_type))
    monkeypatch.setattr(registry, "by_name", dict(registry.by_name))
    monkeypatch.setattr(registry, "_plugins_loaded", False)
    registry.changed()


@pytest.mark.usefixtures("clean_registry")
def test_a_type_can_bring_its_own_encoding() -> None:
    register_serializer(Circle, "test.Circle/1", lambda circle: {"radius": circle.radius}, lambda part: Circle(**part))
    back = round_trip([Circle(2.0), {"c": Circle(3.0)}])
    assert (back[0].radius, back[1]["c"].radius) == (2.0, 3.0)
    assert encode(Circle(2.0)).traits == Traits.PLAIN
    with pytest.raises(SerializerError, match=r"test\.Circle/1"):
        register_serializer(Plain, "test.Circle/1", vars, lambda part: Plain(**part))


@pytest.mark.usefixtures("clean_registry")
def test_installed_serializers_are_loaded_when_an_unknown_type_or_name_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    def register() -> None:
        loads.append("loaded")
        register_serializer(Circle, "test.Circle/2", lambda circle: circle.radius, Circle)

    monkeypatch.setattr(sys.modules[HERE], "register", register, raising=False)
    point = EntryPoint("test", f"{HERE}:register", "redux.serializers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if "serializers" in group else [])
    encode([1, Point(2), {"a": datetime.date(2024, 1, 1)}])
    assert loads == []
    data = bytes(encode(Circle(1.5)).chunks[0])
    assert loads == ["loaded"]
    assert b"test.Circle/2" in data
    back: Any = decode(data, no_subvalues)
    assert back.radius == 1.5


# -- expressions and tasks -------------------------------------------------------------------------


def test_expressions_come_back_with_their_sharing_however_deep() -> None:
    call: Any = TaskCall("leaf", (1,), {"k": (2, {3})})
    for _ in range(5_000):
        call = TaskCall("join", (call, [call]), {})
    encoded = encode({"root": call, "again": call})
    assert encoded.traits == Traits.EXPRESSIONS
    assert encoded.size < 5_000 * 60
    back: Any = decode(encoded.chunks[0] if len(encoded.chunks) == 1 else b"".join(encoded.chunks), no_subvalues)
    assert back["root"] is back["again"]
    assert hash_value(back) == encoded.hash
    inner = back["root"]
    for _ in range(5_000):
        _, (_, (left, (right,)), _, _) = inner.to_node()
        assert left is right
        inner = left


def test_a_set_of_expressions_has_one_hash() -> None:
    def made(order: tuple[int, ...]) -> object:
        calls = {number: TaskCall("f", (number, (TaskCall("g", (number,), {}),)), {}) for number in order}
        return [set(calls.values()), frozenset(calls.values())]

    assert len({hash_value(made(order)) for order in itertools.permutations(range(4))}) == 1


def test_a_task_inside_a_value_is_noted_with_its_hash() -> None:
    class FakeTask:
        __redux_task__ = "ns.fake"
        task_hash = digest_bytes(b"code")
        overrides: ClassVar[dict[str, object]] = {}

    fake = FakeTask()
    before = registry.find_task
    set_task_resolver({"ns.fake": fake}.get)
    try:
        encoded = encode({"task": [fake]})
        assert [(fact.fullname, fact.task_hash) for fact in encoded.tasks] == [("ns.fake", digest_bytes(b"code"))]
        assert encoded.traits == Traits.TASKS
        assert decode(encoded.chunks[0], no_subvalues) == {"task": [fake]}
        set_task_resolver(lambda fullname: None)
        with pytest.raises(CannotDecode, match=r"ns\.fake .*import"):
            decode(encoded.chunks[0], no_subvalues)
    finally:
        registry.find_task = before


# -- previews --------------------------------------------------------------------------------------


class Rude:
    def __repr__(self) -> str:
        raise AssertionError("a preview ran somebody's code")

    __str__ = __repr__


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, (2,)], "b": {None}}, "{'a': [1, (2,)], 'b': {None}}"),
        ("line\n" * 100, r"'line\nline\n"),
        ([Rude(), Point(1, Rude())], f"[<{__name__}.Rude>, Point(x=1, y=<{__name__}.Rude>)]"),
        (list(range(10**6)), "[0, 1, 2"),
        pytest.param(2**100_000, "<int of 100001 bits>", id="huge"),
        (nested(400), "[[[["),
        (Colour.RED, "Colour.RED"),
        (KeyError("x"), "KeyError('x')"),
        (datetime.date(2024, 1, 2), "date(2024, 1, 2)"),
        (TaskCall("f", (1,), {}), "f(1)"),
    ],
)
def test_previews_are_one_short_line_and_run_nobodys_code(value: object, shown: str) -> None:
    text = preview(value)
    assert text.startswith(shown)
    assert len(text) <= 120
    assert text.isprintable()
    assert len(preview(value, 10)) <= 10
