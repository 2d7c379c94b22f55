"""What an expression evaluates to, and what runs for it."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import attrs
import pytest

from redux.expression import Expression
from redux.nested import HiddenExpression
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux.scheduler.lookout import CyclicCall
from redux.task import task
from redux.value import CannotEncode

redux_namespace = "test_scheduler"

Pair = namedtuple("Pair", "left right")


@dataclass(frozen=True)
class Box:
    inside: object


@task
def add(x: int, y: int = 10) -> int:
    return x + y


@task
def same(value: object) -> object:
    return value


@task
def describe(first: object, *rest: object, key: str = "k", **others: object) -> str:
    return repr((first, rest, key, sorted(others.items())))


@task
def fib(n: int) -> object:
    return n if n < 2 else plus(fib(n - 1), fib(n - 2))


@task
def plus(x: int, y: int) -> int:
    return x + y


@task
def count_down(n: int) -> object:
    return count_down(n - 1) if n else "down"


@task
def fan(n: int) -> object:
    return total([add(i, 1) for i in range(n)])


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def forever(n: int) -> object:
    return forever(n)


def ran(report: Report, name: str) -> int:
    counts = report.counts.get(f"test_scheduler.{name}")
    return counts.done if counts else 0


def test_operators_indexing_and_attributes_wait_for_their_operands():
    run = Scheduler().run
    one = add(0, 1)
    assert run((one + 2) * 3 - 1 // one) == 8
    assert run(5 - one) == 4
    assert run(-one) == -1
    assert run(abs(same(-3))) == 3
    assert run(same([4, 5])[one]) == 5
    assert run(same({"a": {"b": 7}})["a"]["b"]) == 7
    assert run(same(3 + 4j).imag) == 4.0
    assert run(same("a,b").split(",")) == ["a", "b"]
    assert run(one == 1) is True
    assert run((one > 5) | "else") == "else"
    assert run((one < 5) & "then") == "then"


def test_expressions_nested_in_containers_are_found_in_arguments_and_results():
    run = Scheduler().run
    one = add(0, 1)
    nested = [one, (one, {"k": one}), Pair(one, [one]), Box(one), {one: "key"}]
    plain = [1, (1, {"k": 1}), Pair(1, [1]), Box(1), {1: "key"}]
    assert run(nested) == plain
    assert run(same(nested)) == plain
    assert type(run(same(nested))[2]) is Pair


def test_an_expression_has_no_truth_and_no_length():
    with pytest.raises(TypeError, match="no truth value"):
        bool(add(1, 2))
    with pytest.raises(TypeError, match="no elements"):
        list(add(1, 2))


def test_a_call_that_does_not_fit_the_signature_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match=r"test_scheduler\.add\(x, y=10\)"):
        add(1, 2, 3)


def test_however_a_call_is_written_it_is_one_call(repo: Repo):
    report = Scheduler(repo).execute([add(1), add(1, 10), add(x=1, y=10), add(y=10, x=1)])
    assert report.value == [11] * 4
    assert ran(report, "add") == 1
    assert report.counts["test_scheduler.add"].cached == 3


@task
def position_and_names(x: int, /, **others: int) -> object:
    return x, others


def test_a_positional_argument_and_a_keyword_may_share_a_name(repo: Repo):
    for _ in range(2):
        assert Scheduler(repo).run(position_and_names(1, x=2, a=3)) == (1, {"x": 2, "a": 3})


@attrs.define
class Crate:
    content: object


class Subclass(dict[str, object]):
    pass


class Hidden:
    def __init__(self, content: object) -> None:
        self.content = content


def test_an_expression_in_an_attrs_class_is_found_and_one_in_another_object_is_an_error(repo: Repo):
    assert Scheduler(repo).run(same(Crate(add(0, 1)))) == Crate(1)
    for hiding in (Hidden(add(0, 1)), Subclass(one=add(0, 1)), [Hidden(add(0, 1))]):
        for expression in (same(hiding), hiding):
            with pytest.raises(HiddenExpression, match=r"add\(0, 1\) is inside a (Hidden|Subclass),"):
                Scheduler(repo).run(expression)


def test_variadic_and_keyword_arguments_arrive_as_given(repo: Repo):
    call = describe(1, add(1, 1), 3, key="q", b=add(2, 2), a=0)
    expected = repr((1, (2, 3), "q", [("a", 0), ("b", 4)]))
    assert Scheduler(repo).run(call) == expected
    again = Scheduler(repo).execute(describe(1, 2, 3, key="q", a=0, b=4))
    assert again.value == expected
    assert ran(again, "describe") == 0


def test_recursion_runs_each_distinct_call_once(repo: Repo):
    report = Scheduler(repo).execute(fib(15))
    assert report.value == 610
    assert ran(report, "fib") == 16
    again = Scheduler(repo).execute(fib(15))
    assert again.value == 610
    assert ran(again, "fib") == ran(again, "plus") == 0


def test_ten_thousand_deep_and_wide_without_recursion_errors(sqlite_repo: Repo):
    scheduler = Scheduler(sqlite_repo)
    deep: object = 0
    for _ in range(10_000):
        deep = plus(deep, 1)
    assert scheduler.run(deep) == 10_000
    assert scheduler.run(count_down(10_000)) == "down"
    assert scheduler.run(fan(10_000)) == sum(range(1, 10_001))
    again = scheduler.execute([count_down(10_000), fan(10_000)])
    assert again.value == ["down", sum(range(1, 10_001))]
    assert sum(counts.done for counts in again.counts.values()) == 0


def test_a_call_that_waits_for_itself_is_an_error_that_says_so():
    with pytest.raises(CyclicCall, match=r"test_scheduler\.forever.*cache_scope='NONE'"):
        Scheduler().run(forever(1))


def test_a_result_that_cannot_be_encoded_fails_its_job_and_names_the_place():
    with pytest.raises(CannotEncode) as caught:
        Scheduler().run(make_generator())
    text = "\n".join([str(caught.value), *caught.value.__notes__])
    assert "generator" in text
    assert "['deep'][1]" in text
    assert "result of task test_scheduler.make_generator" in text


@task
def make_generator() -> object:
    return {"deep": [0, (i for i in range(3))]}


def test_an_argument_that_cannot_be_encoded_is_named():
    with pytest.raises(CannotEncode) as caught:
        Scheduler().run(same(i for i in range(3)))
    assert "argument value of task test_scheduler.same" in "\n".join(caught.value.__notes__)


def test_a_task_can_return_a_task_and_expressions_stay_lazy(repo: Repo):
    assert isinstance(add(1, 2), Expression)
    assert Scheduler(repo).run(apply(add, 4)) == 14
    again = Scheduler(repo).execute(apply(add, 4))
    assert again.value == 14
    assert ran(again, "apply") == 0


@task
def apply(function: object, x: int) -> object:
    return function(x)
