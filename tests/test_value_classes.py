"""Values of classes: what comes back, what changed since, what runs code, and what cannot be encoded at all."""

from __future__ import annotations

import copyreg
import enum
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.expression import TaskCall
from redux.serializers.registry import registry
from redux.value import (
    CannotDecode,
    CannotEncode,
    allow_pickle,
    decode,
    encode,
    hash_value,
    set_code_hasher,
)
from redux_backends.records import Traits
from redux_valuestore.errors import ReduxError

from .value_examples import (
    EXAMPLES,
    HERE,
    Colour,
    Metres,
    Pair,
    Plain,
    Point,
    Stubborn,
    Tagged,
    Trouble,
    cycle,
    nested,
    no_subvalues,
    round_trip,
    top_level,
)

# -- classes ---------------------------------------------------------------------------------------


def test_errors_come_back_with_arguments_attributes_and_notes() -> None:
    error = Trouble("a.txt", "torn")
    error.add_note("look there")
    back = round_trip(error)
    assert (str(back), back.path, back.__notes__) == ("a.txt: torn", "a.txt", ["look there"])
    group = round_trip(ExceptionGroup("both", [ValueError(1), OSError(2, "gone", "x")]))
    assert group.exceptions[1].filename == "x"
    assert isinstance(group.exceptions[1], FileNotFoundError)
    decoding = round_trip(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"))
    assert str(decoding).startswith("'utf-8' codec")


def test_a_subclass_of_a_builtin_keeps_its_class_content_and_attributes() -> None:
    value = Tagged([1, 2])
    value.tag = "t"
    back = round_trip([value])[0]
    assert (type(back), list(back), back.tag) == (Tagged, [1, 2], "t")
    assert hash_value(value) != hash_value([1, 2])


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (Point(1), ("Point", dataclass(type("Point", (), {"__annotations__": {"z": int}})))),
        (Colour.RED, ("Colour", enum.Enum("Colour", {"RED": 2}))),
        (Pair(1, 2), ("Pair", namedtuple("Pair", "one"))),
        (Metres(1), ("Metres", str)),
        (KeyError, None),
        (top_level, ("top_level", None)),
    ],
)
def test_a_class_that_changed_since_is_told_and_never_filled_wrongly(
    value: object, change: tuple[str, object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(value).chunks[0]
    if change is None:
        data = bytes(data).replace(b"KeyError", b"NoError!")
    elif change[1] is None:
        monkeypatch.delattr(sys.modules[HERE], change[0])
    else:
        monkeypatch.setattr(sys.modules[HERE], *change)
    with pytest.raises(CannotDecode, match=r"any more|other fields|not what it was"):
        decode(data, no_subvalues)


def test_only_what_runs_code_when_decoded_needs_trust() -> None:
    trusted = [name for name, value in EXAMPLES.items() if encode(value).traits & Traits.TRUST]
    assert trusted == ["object", "reduce", "getstate", "method", "ints"]
    data = bytes(encode(Stubborn(1)).chunks[0])
    assert data.startswith(b"rdc1\n")
    with pytest.raises(CannotDecode):  # bytes that only claim to be harmless
        decode(b"mp1\n" + data.removeprefix(b"rdc1\n"), no_subvalues)


class Code:
    """Hashes all code of this module alike."""

    digest: bytes | None = None

    def code_hash(self, thing: object) -> bytes | None:
        return self.digest if getattr(thing, "__module__", "") == HERE else None

    def class_hash(self, kind: type) -> bytes | None:
        return self.code_hash(kind)


@pytest.fixture
def code() -> Iterator[Code]:
    before, made = registry.code, Code()
    set_code_hasher(made)
    yield made
    set_code_hasher(before)


def test_a_function_inside_a_value_counts_by_its_code_where_somebody_hashes_code(code: Code) -> None:
    first = hash_value([top_level])
    code.digest = b"one"
    second = hash_value([top_level])
    code.digest = b"two"
    assert len({first, second, hash_value([top_level])}) == 3
    assert round_trip([top_level]) == [top_level]


# -- what cannot be encoded ------------------------------------------------------------------------


def _local_class() -> object:
    @dataclass
    class Local:
        x: int

    return Local(1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"model": Plain(layers=[1, 2, threading.Lock()])}, r"value\['model'\]\.layers\[2\] .*_thread.lock"),
        ([Point(1, lambda x: x)], r"value\[0\]\.y .*lambda.* top of a module"),
        ((Pair(1, (i for i in "ab")),), r"value\[0\]\.right .*generator.* pass list"),
        ({"a": {3: _local_class()}}, r"value\['a'\]\[3\] .*Local .*inside a function"),
        ({1: memoryview(b"x")}, r"value\[1\] .*memoryview.* bytes\(view\)"),
        (cycle(), r"value\.child\.parent\[0\] .*Plain contains itself"),
        (nested(5000), r"the value .*list is nested deeper"),
        (
            [TaskCall("f", (1, {"x": sys}), {}), 1],
            r"argument 2\['x'\] of \S+ .*module.* import it",
        ),
    ],
)
def test_what_cannot_be_encoded_is_named_by_path_type_and_remedy(value: object, words: str) -> None:
    with pytest.raises(CannotEncode, match=words) as caught:
        encode(value)
    assert len(str(caught.value)) < 400


def test_pickle_by_opting_in_leaves_all_else_as_it_was() -> None:
    value = {"f": lambda x: x + 1, "call": TaskCall("f", (), {}), "cycle": cycle()}
    allow_pickle(True)
    try:
        encoded = encode(value)
        assert encoded.traits == Traits.TRUST | Traits.EXPRESSIONS
        back: Any = decode(b"".join(encoded.chunks), no_subvalues)
        assert back["f"](1) == 2
        assert back["cycle"].child.parent[0] is back["cycle"]
        assert encode(Point(1)).chunks == (encode_strictly := encode(Point(1))).chunks
        assert not encode_strictly.traits
    finally:
        allow_pickle(False)
    with pytest.raises(CannotEncode):
        encode(value)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_damaged_bytes_end_in_an_error_of_ours_or_a_value(name: str, data: st.DataObject) -> None:
    whole = bytearray(b"".join(encode(EXAMPLES[name]).chunks))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ReduxError, AssertionError):
        decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]), no_subvalues)


def test_errors_have_the_same_bytes_whatever_a_library_registers_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    before = encode(LookupError("a", 1)).hash
    monkeypatch.setitem(copyreg.dispatch_table, LookupError, lambda error: (LookupError, ("other",)))
    registry.changed()
    assert encode(LookupError("a", 1)).hash == before
