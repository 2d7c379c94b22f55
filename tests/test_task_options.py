"""Options: what a declaration, the jobs above and a call say, and which of them holds."""

from __future__ import annotations

from typing import Any

import pytest

from redux import PartialTask, Scheduler, task
from redux.functools import map_
from redux.tasks.options import CacheResult, CacheScope, Retry, TaskError, TaskOptions, declare, given_for_call

redux_namespace = "options"
ran: list[str] = []


@task(version="1")
def note(text: str) -> str:
    ran.append(text)
    return text


@task
def add(a: int, b: int, c: int = 0) -> int:
    return a + b + c


@task
def apply(func: Any, value: Any) -> Any:
    return func(value)


@task
def twice(text: str) -> list[str]:
    return [note(text), note(text)]


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def run(expression: Any) -> Any:
    return Scheduler().run(expression)


def test_a_declaration_says_everything_and_the_rest_is_for_the_executor():
    declared = declare(
        {
            "cache": False, "limits": ["gpu"], "retries": 2, "retry_delay": 1, "retry_on": OSError, "timeout": 5,
            "packages": ["numpy", "click"], "export_options": {"queue": "big"}, "memory": 4,
            "allowed_cache_results": {"CSE"},
        }
    )  # fmt: skip
    assert declared == TaskOptions(
        cache_scope=CacheScope.CSE, limits=(("gpu", 1),), retry=Retry(2, 1.0, (OSError,)), timeout=5.0,
        packages=("click", "numpy"), exported=(("queue", "big"),), for_executor=(("memory", 4),),
        cache_results=frozenset({CacheResult.CSE}),
    )  # fmt: skip


def test_the_call_wins_over_what_is_exported_and_that_over_the_declaration():
    declared = declare({"executor": "a", "limits": ["x"], "memory": 1})
    exported = given_for_call(declared, {"executor": "b", "memory": 2})
    called = given_for_call(exported, {"memory": 3})
    assert (called.executor, called.limits, dict(called.for_executor)) == ("b", (("x", 1),), {"memory": 3})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chache": False}, "no option is named 'chache'; did you mean 'cache'?"),
        ({"cache_scope": "some"}, "cache_scope='some': it is one of 'NONE', 'CSE', 'BACKEND'"),
        ({"limits": "gpu"}, "limits='gpu': give a list of names, as in ['gpu']"),
        ({"limits": {"gpu": 0}}, "limits={'gpu': 0}: it is how much of it a job takes, 1 or more"),
        ({"retries": -1}, "retries=-1: it is how often to try again, 0 or more"),
        (
            {"retry_on": "OSError"},
            "retry_on='OSError': it is an exception class (as in retry_on=OSError), or a tuple of several",
        ),
        ({"timeout": 0}, "timeout=0: it is a number of seconds above 0"),
        ({"nout": "2"}, "nout='2': it is how many things the task returns, a whole number from 0 on"),
        (
            {"export_options": {"version": 2}},
            "option version belongs to the task's declaration: give it to @task, not to a call",
        ),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_where_it_is_given(given: dict[str, Any], said: str):
    with pytest.raises(TaskError) as caught:
        declare(given)
    assert str(caught.value) == said


def test_options_of_a_call_hold_for_that_call():
    assert run([note("a"), note("a")]) == ["a", "a"]
    assert ran == ["a"]
    always = note.options(cache_scope="NONE")
    assert run([always("b"), always("b")]) == ["b", "b"]
    assert ran == ["a", "b", "b"]
    assert note("a")._options == {}, "the task itself is as it was"


def test_options_can_be_expressions_and_are_inherited_where_they_are_exported():
    assert run(note.options(cache_scope=apply(str.upper, "none"))("c")) == "c"
    assert run(twice.export_options(cache_scope="NONE")("d")) == ["d", "d"]
    assert ran == ["c", "d", "d"]


def test_a_wrong_option_of_a_call_fails_that_call():
    with pytest.raises(TaskError, match="cache_scope='never'"):
        run(note.options(cache_scope=apply(str.lower, "NEVER"))("e"))
    with pytest.raises(TaskError, match="belongs to the task's declaration"):
        note.options(version="2")


def test_a_partial_task_is_a_value():
    partial = add.partial(1, c=10)
    assert isinstance(partial, PartialTask)
    assert run(partial(2)) == 13
    assert run(partial.partial(5)(c=0)) == 6
    assert run(apply(partial, 2)) == 13
    assert run(map_(add.partial(add(1, 1)), [1, 2])) == [3, 4]


def test_a_task_with_options_is_a_value_that_keeps_them():
    assert run([apply(note.options(cache_scope="NONE"), "f"), note("f")]) == ["f", "f"]
    assert ran == ["f", "f"]


@task(version="1")
def noted_twice(text: str) -> list[str]:
    return [note(text), note(text)]


def test_only_hits_that_are_allowed_are_taken():
    scheduler = Scheduler()
    scheduler.run(note("g"))
    assert ran == ["g"]
    scheduler.run(note.options(allowed_cache_results=["CSE"])("g"))
    assert ran == ["g", "g"], "a remembered reduction is not taken"
    scheduler.run([note.options(allowed_cache_results=["SINGLE"])("h") for _ in range(2)])
    assert ran == ["g", "g", "h", "h"], "nor what an equal call of the same execution comes to"
    shallow = noted_twice.options(check_valid="shallow", allowed_cache_results=["CSE", "ULTIMATE"])
    counts = [scheduler.execute(shallow("i")).counts for _ in range(2)]
    assert [count["options.noted_twice"].done for count in counts] == [1, 0]
