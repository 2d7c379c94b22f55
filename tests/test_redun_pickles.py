"""What an import from redun reads without running it: pickles, sources; and the order in which it takes rows."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from redux.redun.known import open_book
from redux.redun.order import in_order
from redux.redun.pickles import Made, NotRead, Pairs, read_pickle
from redux.redun.showing import show_pickle, traceback_of
from redux.redun.tasks import read_parameters

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda parts: (
        st.lists(parts) | st.tuples(parts, parts) | st.dictionaries(st.text(), parts) | st.sets(st.integers())
    ),
    max_leaves=20,
)


def undone(part: object) -> object:
    """What was read, as the value that it stands for."""
    if isinstance(part, Pairs):
        return {undone(key): undone(value) for key, value in part.items}
    if isinstance(part, Made):
        assert part.full in ("builtins.set", "_codecs.encode", "builtins.bytes"), part.full
        arguments: Any = part.arguments
        if part.full == "builtins.set":
            return set(part.parts or (arguments[0] if arguments else ()))
        return arguments[0].encode(arguments[1]) if arguments else b""
    if isinstance(part, (list, tuple)):
        return type(part)(undone(one) for one in part)  # pyright: ignore
    return part


@given(plain, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_plain_data_is_read_from_any_pickle(value: object, protocol: int):
    said = pickle.dumps(value, protocol)
    assert undone(read_pickle(said)) == value
    assert len(show_pickle(said, "x", len(said))) <= 120


@given(st.binary(max_size=200), plain)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(noise: bytes, value: object):
    whole = pickle.dumps(value, 3)
    for said in (noise, whole[: len(whole) // 2] + noise, b"\x80\x03" + noise + b"."):
        with suppress(NotRead):
            read_pickle(said)
        assert show_pickle(said, "x", len(said)).isprintable()


def test_arguments_have_the_names_of_the_signature():
    parameters = read_parameters("@deco(1)\nasync def f(a, b=2, *rest, c, **options):\n    pass\n")
    names = [parameters.name(0, None), parameters.name(1, None), parameters.name(3, None)]
    assert [name for _, name in names] == ["a", "b", "rest[1]"]
    assert [parameters.name(None, key)[1] for key in ("c", "d")] == ["c", "options[d]"]
    assert read_parameters("not python (").name(1, None)[1] == "1"


# -- the order ---------------------------------------------------------------------------------------


class _Row:
    def __init__(self, key: str, names: frozenset[str]) -> None:
        self.key, self.names = key, names


@given(st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 35), max_size=4), max_size=25), st.randoms())
@settings(max_examples=200, deadline=None)
def test_each_row_comes_after_those_it_names(graph: dict[int, set[int]], dice: Any):
    """What is nowhere, or goes in circles, does not keep the rest from coming."""
    rows = {str(key): _Row(str(key), frozenset(map(str, names))) for key, names in graph.items()}
    order = sorted(rows)
    dice.shuffle(order)
    settled: list[str] = []
    with open_book() as book:

        def settle(some: Any) -> None:
            settled.extend(row.key for row in some)
            book.calls.add((row.key, b"") for row in some)

        pages = [[rows[key] for key in order[start : start + 4]] for start in range(0, len(order), 4)]
        lost = in_order(pages, lambda keys: [[rows[key] for key in keys]], book.calls, settle)
    assert sorted(settled) == sorted(rows)
    if all(int(name) < int(key) and name in rows for key, row in rows.items() for name in row.names):
        assert lost == 0
        at = {key: number for number, key in enumerate(settled)}
        assert all(at[name] < at[key] for key, row in rows.items() for name in row.names)


def test_what_holds_itself_is_shown_all_the_same():
    holding = b"\x80\x02c%b\n%b\n)\x81q\x00}X%b%bh\x00sb."
    for module, name, field in (
        (b"redun.scheduler", b"ErrorValue", b"error"),
        (b"redun.file", b"File", b"path"),
        (b"builtins", b"ValueError", b"args"),
    ):
        pickled = holding % (module, name, len(field).to_bytes(4, "little"), field)
        assert len(show_pickle(pickled, "x", 1)) < 60
        told = traceback_of(pickled)
        assert told is None or told == "redun.scheduler.ErrorValue"
