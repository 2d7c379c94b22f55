"""Command-line words become a task's arguments, typed by its signature."""

from __future__ import annotations

import json
import math
import os
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any, Literal, LiteralString, NamedTuple, NewType, Optional, TypedDict, Union
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.cli.arguments import read_arguments, read_form, wants_help
from redux.cli.task_help import task_help
from redux.errors import UsageError
from redux.file import ContentDir, File
from redux.task import Task
from redux.value import Function, Value

Metres = NewType("Metres", float)


class Colour(Enum):
    RED = "r"
    BLUE = 2


@dataclass
class Depth:
    depth: int
    path: Path = Path("x")


class Rights(Flag):
    READ = 1
    WRITE = 2


def not_below_zero(made: object, attribute: object, value: int) -> None:
    if value < 0:
        raise ValueError("too small")


@attrs.define
class Made:
    size: int = attrs.field(validator=not_below_zero)
    _name: str = "m"


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Table(File):
    """A user's own kind of file."""


class Named(TypedDict):
    name: str


@dataclass
class Span(Value):
    """Reads itself, as `3..5`."""

    first: int
    last: int

    @classmethod
    def parse_arg(cls, raw_type: type[Any], arg: str) -> Span:
        first, _, last = arg.partition("..")
        return raw_type(int(first), int(last))


class Letter(Value):
    @classmethod
    def parse_arg(cls, arg: str) -> Letter:  # type: ignore[override] - it need not want the type
        raise RuntimeError(f"{arg} is no letter")


def call(func: Any, *words: str) -> tuple[tuple[object, ...], dict[str, object]]:
    made = read_arguments(read_form(func.__name__, func), words)
    return made.args, made.kwargs


def value_of(hint: Any, *words: str) -> object:
    def task(x): ...

    task.__annotations__["x"] = hint
    return call(task, *words)[1]["x"]


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "-5", -5),
        (float, "1e3", 1000.0),
        (str, "5", "5"),
        (bytes, "é", "é".encode()),
        (bool, "no", False),
        (Path, "a/b", Path("a/b")),
        (File, "a.csv", File("a.csv")),
        (ContentDir, "s3://b/a", ContentDir("s3://b/a")),
        (Table, "a.csv", Table("a.csv")),
        (date, "2026-01-31", date(2026, 1, 31)),
        (datetime, "2026-01-31T12:00:00+01:00", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        (time, "12:30", time(12, 30)),
        (timedelta, "90s", timedelta(seconds=90)),
        (timedelta, "1d 2h30m", timedelta(days=1, hours=2, minutes=30)),
        (timedelta, "-01:30", -timedelta(hours=1, minutes=30)),
        (timedelta | None, "none", None),
        (ZoneInfo, "Europe/Paris", ZoneInfo("Europe/Paris")),
        (re.Pattern[str], "a+", re.compile("a+")),
        (os.PathLike[str], "a/b", Path("a/b")),
        (Callable[[float], float], "math.sqrt", math.sqrt),
        (Callable | None, "os.path:join", os.path.join),
        (type[dict[str, int]], "collections.Counter", Counter),
        (type, "int", int),
        (Decimal, "1.10", Decimal("1.10")),
        (Rights, "READ|WRITE", Rights.READ | Rights.WRITE),
        (Colour, "RED", Colour.RED),
        (Colour, "2", Colour.BLUE),
        (Literal["a", 1], "1", 1),
        (int | None, "7", 7),
        (int | None, "none", None),
        (Optional[File], "none", File("none")),  # noqa: UP045 - people write it
        (Optional[str], "none", "none"),  # noqa: UP045 - people write it
        (Union[int, str], "7", 7),  # noqa: UP007 - people write it
        (str | int, "seven", "seven"),
        (Annotated[int, "metres"], "7", 7),
        (Metres, "1.5", 1.5),
        (Any, "[1, 2]", [1, 2]),
        (Any, "plain", "plain"),
        (list[int], "[1, 2]", [1, 2]),
        (list[str], "one", ["one"]),
        (Sequence[float], "[1]", [1.0]),
        (tuple[int, str], '[1, "b"]', (1, "b")),
        (tuple[int, ...], "3", (3,)),
        (set[int], "[1, 1]", {1}),
        (AbstractSet[str], "one", {"one"}),
        (LiteralString, "5", "5"),
        (Made, '{"size": 2, "name": "n"}', Made(2, "n")),
        (dict[str, Path], "k=a/b", {"k": Path("a/b")}),
        (dict[int, list[int]], '{"1": [2]}', {1: [2]}),
        (Depth, '{"depth": 2, "path": "p"}', Depth(2, Path("p"))),
        (Depth | None, '{"depth": 2}', Depth(2)),
        (Point, '{"x": 1}', Point(1)),
        (Named, '{"name": "n"}', {"name": "n"}),
        (list[Depth], '[{"depth": 1}]', [Depth(1)]),
        (Span, "3..5", Span(3, 5)),
        (Span | None, "3..5", Span(3, 5)),
        (list[Span], '["3..5", "1..2"]', [Span(3, 5), Span(1, 2)]),
        (dict[str, Span], "k=3..5", {"k": Span(3, 5)}),
        (Callable[[str], str], "posixpath.basename", posixpath.basename),
        (FunctionType, "posixpath.basename", posixpath.basename),
        (Function, "posixpath.basename", posixpath.basename),
    ],
)
def test_a_text_becomes_a_value_of_the_annotated_type(hint: Any, text: str, value: object) -> None:
    read = value_of(hint, f"--x={text}")
    assert read == value
    assert type(read) is type(value)
    assert value_of(hint, text) == value


@pytest.mark.parametrize(
    ("hint", "text", "says"),
    [
        (int, "1.5", "--x of task task must be a whole number, not '1.5'"),
        (float, "much", "must be a number"),
        (bool, "maybe", "must be yes or no"),
        (date, "31.1.", "must be a date such as 2026-01-31"),
        (Colour, "GREEN", "must be one of RED, BLUE"),
        (Literal["a", "b"], "c", "must be one of a, b"),
        (int | bool, "x", "must be int|bool"),
        (list[int], "[1", "must be a JSON array, or single elements"),
        (list[int], '["a"]', "must be of type int (in JSON)"),
        (list[int], "[true]", "must be of type int (in JSON)"),
        (tuple[int, str], "[1]", "must be 2 values (tuple[int, str])"),
        (dict[str, int], "a", "must be KEY=VALUE or a JSON object"),
        (Depth, "{}", "must be of type Depth, with depth too"),
        (Depth, '{"depth": 1, "x": 2}', "which has no x but depth, path"),
        (Depth, "[]", "must be a JSON object"),
        (Span, "3", "must be of type Span, not '3': invalid literal for int() with base 10: ''"),
        (list[Span], "[1]", "must be of type Span (in JSON)"),
        (Letter, "7", "must be of type Letter, not '7': 7 is no letter"),
        (Callable[[str], str], "basename", "must be a function by its dotted name, package.module.name"),
        (FunctionType, "posixpath.sep", "not 'posixpath.sep': that is a str"),
        (Function, "posixpath.nothing", "not 'posixpath.nothing': posixpath has no nothing"),
        (memoryview, "x", "of type memoryview"),
        (timedelta, "soon", "must be a duration such as 90s, 1h30m, 2d or 01:30:00, not 'soon'"),
        (datetime, "soon", "must be a datetime such as 2026-01-31T12:00, not 'soon'"),
        (ZoneInfo, "Mars/North", "must be a time zone such as Europe/Paris"),
        (re.Pattern, "(", "must be a regular expression, not '('"),
        (Rights, "READ|RUN", "must be one of READ, WRITE, not 'READ|RUN'"),
        (Callable, "a b", "must be a function by its dotted name, package.module.name, not 'a b'"),
        (Callable, "os.jion", "not 'os.jion': os has no jion"),
        (Callable, "noware.x", "not 'noware.x': there is no module noware"),
        (Callable, "math.pi", "not 'math.pi': that is a float"),
        (type, "math.sqrt", "must be a class by its dotted name"),
        (Task, "math.sqrt", "must be a task by its dotted name"),
        (Made, "{}", "must be of type Made, with size too"),
        (Made, '{"size": -1}', "must be of type Made, not '{\"size\": -1}': ValueError: too small"),
    ],
)
def test_a_text_of_another_type_is_refused_with_what_it_must_be(hint: Any, text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        value_of(hint, f"--x={text}")
    assert says in str(refused.value)
    assert refused.value.exit_code == 2


def test_repeated_options_gather() -> None:
    assert value_of(list[int], "--x", "1", "--x", "2") == [1, 2]
    assert value_of(dict[str, int], "--x", "a=1", "--x=b=2") == {"a": 1, "b": 2}
    assert value_of(tuple[int, str], "--x", "1", "--x", "b") == (1, "b")
    with pytest.raises(UsageError, match="--x of task task is given twice"):
        value_of(int, "--x", "1", "--x", "2")


def sales(
    region: str = "north", months: list[str] | None = None, *years: int, pair: tuple[int, str] = (1, "a"), **more: str
): ...


def needs(region: str, months: set[int]): ...


def test_words_after_an_option_of_several_values_belong_to_it() -> None:
    assert call(sales, "--months", "jan", "feb")[1] == {"months": ["jan", "feb"]}
    assert call(sales, "--months", "jan", "feb", "--region", "south", "--months", "mar")[1] == {
        "region": "south", "months": ["jan", "feb", "mar"]
    }  # fmt: skip
    assert call(sales, "south", "--months", "jan", "feb")[1] == {"region": "south", "months": ["jan", "feb"]}
    assert call(sales, "--months", "jan", "--", "south")[1] == {"region": "south", "months": ["jan"]}
    assert call(sales, "--months=jan", "south")[1] == {"region": "south", "months": ["jan"]}
    assert call(sales, "--pair", "2", "b", "south")[1] == {"region": "south", "pair": (2, "b")}
    assert value_of(list[int] | None, "--x", "-1", "-2") == [-1, -2]
    assert value_of(list[list[int]], "--x", "[1]", "[2]") == [[1], [2]]
    assert value_of(dict[str, int], "--x", "a=1", "b=2") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("task", "words", "says"),
    [
        (
            sales,
            ("--months", '["jan"]', "south"),
            "has all of its value in '[\"jan\"]', so 'south' could be for another",
        ),
        (needs, ("--months", "1", "2"), "needs --region str; --months took '1' '2' (values without a name go before"),
        (
            needs,
            ("--months", "1", "south"),
            "not '1' 'south' (values without a name go before such an option, or after",
        ),
    ],
)
def test_a_word_that_could_be_for_two_arguments_is_never_silently_either(task: Any, words: Any, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        call(task, *words)
    assert says in str(refused.value)


def test_the_help_marks_options_that_take_several_words() -> None:
    usage = task_help(read_form("needs", needs), "redux run s.py needs").splitlines()[0]
    assert usage == "Usage: redux run s.py needs --region REGION --months MONTHS…"


def sample(
    first: int, second_name: str = "s", *, flag: bool = False, limit: int | None = 3, loose=None, size=1.5
) -> None:
    """What it does.

    More of it.
    """


def test_flags_defaults_and_negations() -> None:
    assert call(sample, "1", "two", "--flag") == ((), {"first": 1, "second_name": "two", "flag": True})
    assert call(sample, "--second_name=two", "-1") == ((), {"first": -1, "second_name": "two"})
    assert call(sample, "--no-flag", "--no-limit", "1")[1] == {"first": 1, "flag": False, "limit": None}
    assert call(sample, "1", "--loose", '{"a": 1}', "--size", "2")[1]["loose"] == {"a": 1}
    assert call(sample, "1", "--size", "2")[1]["size"] == 2.0
    assert call(sample, "--flag", "false", "1")[1] == {"first": 1, "flag": False}
    assert call(sample, "--flag", "TRUE", "1")[1] == {"first": 1, "flag": True}
    assert call(sample, "--flag=no", "1")[1] == {"first": 1, "flag": False}
    assert call(sample, "--limit", "none", "1")[1] == {"first": 1, "limit": None}
    assert call(sample, "1", "--", "--flag")[1]["second_name"] == "--flag"
    assert call(sample, "1", "--second-name=--flag")[1]["second_name"] == "--flag"


def variadic(a, /, b: int = 2, *rest: float, key: str = "k", **more: int) -> None: ...


def test_variadic_signatures() -> None:
    assert call(variadic, "x") == (("x",), {})
    assert call(variadic, "x", "1", "2", "3.5", "--key", "q") == (("x", 1, 2.0, 3.5), {"key": "q"})
    assert call(variadic, "--a", "x", "--extra", "7") == (("x",), {"extra": 7})
    with pytest.raises(UsageError, match="--extra of task variadic must be a whole number"):
        call(variadic, "x", "--extra", "z")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "task sample needs --first int; `--help` after its name shows all"),
        (("1", "--secnd-name", "x"), "no option --secnd-name; did you mean '--second-name'?"),
        (("1", "-v"), "no option -v"),
        (("1", "2", "3"), "takes at most 2 values, so '3' has no place"),
        (("--first",), "--first of task sample needs a value: int"),
        (("--second-name", "--flag", "1"), "a value that begins with -- goes as --second-name=--flag"),
        (("1", "--flag", "--no-flag"), "--flag of task sample is given twice"),
        (("1", "--quiet"), "--quiet is an option of `redux run` and goes before the file"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_nearest_names(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_arguments(read_form("sample", sample), words, ["--quiet"])
    assert says in str(refused.value)


def test_help_shows_signature_doc_types_and_defaults() -> None:
    form = read_form("ns.sample", sample)
    assert wants_help(form, ["1", "--help"])
    assert not wants_help(form, ["1", "--", "--help"])
    assert (
        task_help(form, "redux run wf.py sample")
        == """\
Usage: redux run wf.py sample --first FIRST [--ARGUMENT VALUE …]

  sample(
      first: int,
      second_name: str = 's',
      *,
      flag: bool = False,
      limit: int | None = 3,
      loose=None,
      size=1.5,
  ) -> None

  What it does.

  More of it.

Arguments:
  --first int         required
  --second-name str   default: 's'
  --flag / --no-flag  default: no
  --limit int         default: 3
  --loose value       default: None
  --size float        default: 1.5
"""
    )


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(st.lists(st.integers()), st.text(), st.dictionaries(st.text(), st.integers(), max_size=4), JSON)
@settings(max_examples=60, deadline=None)
def test_what_json_can_say_comes_back(xs: list[int], text: str, table: dict[str, int], anything: object) -> None:
    def task(xs: list[int], text: str, table: dict[str, int], anything): ...

    words = [f"--xs={json.dumps(xs)}", f"--text={text}", f"--table={json.dumps(table)}"]
    made = call(task, *words, f"--anything={json.dumps(anything)}")[1]
    assert made == {"xs": xs, "text": text, "table": table, "anything": anything}
