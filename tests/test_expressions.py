"""What can be said of a value that is not there yet, and what is answered where Python wants it at once."""

from __future__ import annotations

import math
import operator
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pytest

from redux import Scheduler, task
from redux.counts import WrongCount, count_in_annotation
from redux.expression import (
    Expression,
    Operation,
    RuleCall,
    SchedulerExpression,
    SimpleExpression,
    TaskCall,
    TaskExpression,
    ValueExpression,
    lazy_operation,
)
from redux.functools import Literal, in_, not_
from redux.operations import OperationExists, UnknownOperation
from redux.repo import Repo
from redux.value import encode

from .error_texts import hold_to_golden
from .typed.calls import workflow

redux_namespace = "expressions"


@task
def same(value: Any) -> Any:
    return value


@task
def divide(value: int, by: int) -> tuple[int, int]:
    return value // by, value % by


class Range(NamedTuple):
    low: int
    high: int


@task
def bounds(values: list[int]) -> Range:
    return Range(min(values), max(values))


@task(nout=3)
def split(text: str) -> list[str]:
    return text.split(",")


@task(nout=2)
def handed_on(value: Any) -> Any:
    return same(value)


def run(expression: Any) -> Any:
    return Scheduler().run(expression)


OPERATORS: list[Callable[[Any, Any], Any]] = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lshift, operator.rshift, operator.xor, divmod, operator.eq, operator.ne, operator.lt, operator.le,
    operator.gt, operator.ge,
]  # fmt: skip
ONE_SIDED: list[Callable[[Any], Any]] = [
    operator.neg, operator.pos, operator.invert, abs, round, math.trunc, math.floor, math.ceil,
]  # fmt: skip


def test_every_operator_of_python_says_later_what_it_says_now():
    lazy = [sign(same(7), 2) for sign in OPERATORS] + [sign(7, same(2)) for sign in OPERATORS]
    assert run(lazy) == [sign(7, 2) for sign in OPERATORS] * 2
    assert run([sign(same(-7)) for sign in ONE_SIDED]) == [sign(-7) for sign in ONE_SIDED]
    assert run([round(same(2.345), 2), pow(same(7), 2, 5), same(7) % 4]) == [2.35, 4, 3]
    assert (run(same(np.eye(2)) @ same(np.ones(2))) == np.ones(2)).all()


def test_and_and_or_are_the_logical_ones_and_in_and_not_are_functions_or_methods():
    assert run([same(6) & 3, same(0) & 3, same([]) | "else", 0 | same(3), 0 & same(3)]) == [3, 0, "else", 3, 0]
    assert run([in_(same(2), [1, same(2)]), in_(3, same([1, 2])), not_(same([])), not_(same(1))]) == [
        True, False, True, False,
    ]  # fmt: skip
    two = cast(Expression, same(2))
    assert run([two.in_([1, 2]), two.not_()]) == [True, False]


def test_slices_have_plain_or_lazy_bounds_and_survive_in_a_task_result(sqlite_repo: Repo):
    letters = same("abcdef")
    two = same(2)
    lazy = [letters[1:3], letters[two:], letters[: two + 1], letters[::-two], letters[-two:None:1]]
    plain = ["bc", "cdef", "abc", "fdb", "ef"]
    for _ in range(2):
        assert Scheduler(sqlite_repo).run(lazy) == plain
        assert Scheduler(sqlite_repo).run(same(lazy)) == plain
        assert Scheduler(sqlite_repo).run(sliced("abcdef")) == "bc"


@task
def sliced(text: str) -> str:
    return same(text)[same(1) : 3]


def test_attributes_and_methods():
    assert run(same(" a,b ").strip().split(",", maxsplit=same(1))) == ["a", "b"]
    assert run(same(3 + 4j).imag) == 4.0


def test_a_literal_begins_an_expression():
    name = same("b")
    assert run(Literal({"a": 1, "b": 2})[name]) == 2
    assert run(Literal("{} of {}").format(name, 3)) == "b of 3"
    assert run(Literal([name, 2])) == ["b", 2]
    assert repr(Literal(5)) == "Literal(5)"


def test_numpy_and_pandas_leave_operators_to_the_expression():
    assert (run(np.array([1, 2]) + same(3)) == [4, 5]).all()
    assert run(np.float64(2) * same(3)) == 6
    assert run(pd.Series([1, 2]) * same(2)).to_list() == [2, 4]


def test_a_call_is_unpacked_where_the_task_says_how_many_things_it_returns():
    quotient, rest = divide(17, 5)
    low, high = bounds([3, 1, 2])
    first, *others = split("a,b,c")
    assert run([quotient, rest, low, high, first, others]) == [3, 2, 1, 3, "a", ["b", "c"]]
    assert [len(divide(1, 1)), len(bounds([])), len(split(""))] == [2, 2, 3]
    assert run([*divmod(same(7), 4), *divide(9, 2)]) == [1, 3, 4, 1]
    with pytest.raises(ValueError, match="too many values to unpack"):
        _first, _last = split("a,b,c")


def test_calls_unpack_as_a_type_checker_says():
    assert run(workflow()) == [3, "2", 3, "ab", "cd", 2, True, False]


def test_annotations_say_how_many_things():
    def of(annotation: object) -> int | None:
        def function() -> Any: ...

        function.__annotations__["return"] = annotation
        return count_in_annotation(function)

    assert [of(tuple[int, str]), of(tuple[int]), of(tuple[()]), of(Range), of(Annotated[tuple[int, int], "x"])] == [
        2, 1, 0, 2, 2,
    ]  # fmt: skip
    assert [of("tuple[int, str]"), of("Range"), of("'tuple[int, int]'"), of("typing.Tuple[Unknown, int]")] == [
        2,
        2,
        2,
        2,
    ]
    nothing = [tuple, tuple[int, ...], "tuple[Unknown, ...]", "tuple[*Unknown]", "Unknown", "list[int]", int, None, "("]
    assert [of(annotation) for annotation in nothing] == [None] * len(nothing)


def test_another_number_of_things_is_that_jobs_error(repo: Repo):
    for given in ("a,b", "a,b,c,d"):
        for _ in range(2):
            report = Scheduler(repo).execute(split(given)[0])
            assert isinstance(report.failure and report.failure.error, WrongCount)
            assert report.failure.chain[-1][0] == "expressions.split"
    with pytest.raises(WrongCount, match="is declared to return 3 things"):
        Scheduler(repo, executor="processes", workers=1).run(split("a,b"))
    report = Scheduler(repo).execute(handed_on([1]))
    assert [name for name, _ in report.failure.chain] == ["expressions.handed_on"] if report.failure else False
    assert Scheduler(repo).run(handed_on([1, 2])) == [1, 2]


COUNTED = """
from redux import task

@task
def pair() -> tuple[{types}]:
    return 1, 2, 3
"""


def test_what_was_remembered_under_another_number_is_not_taken(
    workflow: Callable[[str], Path], load: Callable[[Path], ModuleType], repo: Repo
):
    def outcome(types: str) -> Any:
        path = workflow(COUNTED.format(types=types))
        return Scheduler(repo, folder=path.parent).run(load(path).pair())

    assert outcome("int, int, int") == (1, 2, 3)
    with pytest.raises(WrongCount):
        outcome("int, int")
    assert outcome("int, ...") == (1, 2, 3)


def test_an_operation_of_ones_own():
    @lazy_operation("expressions.clip")
    def clip(value: int, low: int, high: int = 9) -> int:
        return max(low, min(value, high))

    assert run([clip(same(12), 0), clip(same(-3), low=same(1)), clip(5, 0, 3)]) == [9, 1, 3]
    with pytest.raises(UnknownOperation, match=r"no operation is named expressions\.unheard; import"):
        run(Operation("expressions.unheard", (1,)))
    with pytest.raises(OperationExists, match=r"the operation add is _operator\.add already"):
        lazy_operation("add")(max)


def test_redun_s_names_are_ours():
    kinds = (TaskExpression, SimpleExpression, SchedulerExpression, ValueExpression)
    assert kinds == (TaskCall, Operation, RuleCall, Literal)
    assert isinstance(same(1), TaskExpression)
    assert isinstance(ValueExpression(1) + 1, SimpleExpression)


def test_expressions_in_containers_of_the_standard_library_are_found():
    one = same(1)
    plain = [OrderedDict(a=1), defaultdict(list, {1: 1}), deque([1], maxlen=3)]
    lazy = [OrderedDict(a=one), defaultdict(list, {one: one}), deque([one], maxlen=3)]
    for expression in (lazy, same(lazy), same(same(lazy))):
        found = run(expression)
        assert found == plain
        assert [type(part) for part in found] == [OrderedDict, defaultdict, deque]
        assert found[1].default_factory is list
        assert found[2].maxlen == 3


def test_an_operation_is_written_the_same_in_every_process():
    assert encode([same(1)[1:], in_(1, same([])), Literal(3)]).hash.hex()[:16] == "56071a8549cd42d3"


class Hiding:
    def __init__(self, inside: object) -> None:
        self.inside = inside


def attempts() -> dict[str, Callable[[], object]]:
    """What people write first, each as text and as code."""
    one = cast(Any, same(1))
    return {
        "if f(1): …": lambda: bool(one),
        "a and b, of operations": lambda: one + 1 and 2,
        "int(f(1))": lambda: int(one),
        "float(f(1))": lambda: float(one),
        "complex(f(1))": lambda: complex(one),
        "range(f(1))": lambda: range(one),
        "items[f(1)]": lambda: [1, 2][one],
        "len(f(1))": lambda: len(one),
        "for x in f(1)": lambda: list(one),
        "a, b = g(1)[0]": lambda: list(cast(Any, divide(1, 1)[0])),
        "2 in f(1)": lambda: 2 in one,
        "reversed(f(1))": lambda: reversed(one),
        "f'{f(1)}'": lambda: f"{one}",
        "str(f(1)), print(f(1))": lambda: str(one),
        "f(1)[0] = 2": lambda: operator.setitem(one, 0, 2),
        "f(1)._private": lambda: one._private,
        "f(Hiding(f(1)))": lambda: run(same(Hiding(one))),
        "f([{1: Hiding(f(1))}])": lambda: run(same([{1: Hiding(one + 1)}])),
        "f(dict subclass)": lambda: run(same(type("Settings", (dict,), {})(a=one))),
        "split('a,b')": lambda: run(split("a,b")),
        "handed_on(5)": lambda: run(handed_on(5)),
        "handed_on({1, 2})": lambda: run(handed_on({1, 2})),
        "nout=3 -> tuple[int, str]": lambda: task(nout=3)(wrongly_declared),
        "split(…) handed on as two": lambda: run(handed_on_wrongly()),
        "operation nobody knows": lambda: run(Operation("project.clip", (1,))),
        "operation that exists": lambda: lazy_operation("add")(max),
        "rule nobody knows": lambda: run(RuleCall("project.retry", (1,), {})),
    }


@task
def handed_on_wrongly() -> tuple[str, str]:
    return cast(Any, split("a,b,c"))


def wrongly_declared() -> tuple[int, str]:
    return 1, ""


def test_every_error_says_what_to_write_instead():
    hold_to_golden("expression_errors", attempts())
