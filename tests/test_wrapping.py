"""Tasks around tasks, rules under names of one's own, and evaluations that go on beside what began them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redux import Scheduler, task
from redux.functools import catch, fork_thread, join_thread
from redux.rules import Settle, Steps
from redux.task import get_task_registry, scheduler_task, wraps_task

from . import commands

redux_namespace = "wrapping"
ran: list[str] = []


@wraps_task(wrapper_name="doubled")
def doubled(inner: Any) -> Any:
    def call_twice(*args: Any, **kwargs: Any) -> Any:
        return [inner(*args, **kwargs), inner.func(*args, **kwargs)]

    return call_twice


@doubled
@task
def greet(name: str, greeting: str = "hello") -> str:
    return f"{greeting} {name}"


@task(version="1")
def note(text: str) -> str:
    ran.append(text)
    return text


@task(version="1")
def boom(text: str) -> str:
    raise ValueError(text)


@task(version="1")
def pair(one: Any, other: Any) -> list[Any]:
    return [one, other]


@scheduler_task(name="either")
def either(*exprs: Any) -> Steps[Any]:
    for settled in (yield Settle(*exprs)):
        if settled.error is None:
            return settled.value
    raise LookupError("none of them")


def test_a_wrapped_task_keeps_its_name_and_arguments_and_the_inner_one_moves():
    report = Scheduler().execute(greet("you", greeting="hi"))
    assert report.value == ["hi you", "hi you"]
    assert sorted(report.counts) == ["wrapping.doubled.greet", "wrapping.greet"]
    assert greet.fullname == "wrapping.greet"
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        greet()
    assert get_task_registry().get("wrapping.doubled.greet") is not None


def test_an_edit_of_the_wrapper_or_of_what_it_wraps_makes_another_task(tmp_path: Path):
    text = """
from redux import task
from redux.task import wraps_task

@wraps_task(wrapper_name="loud")
def loud(inner):
    def shout(*args):
        return inner.func(*args) + "!"
    return shout

@loud
@task
def main():
    return "a"
"""

    def outcome(source: str) -> tuple[str, bool]:
        (tmp_path / "flow.py").write_text(source)
        done = commands.redux(tmp_path, "run", "flow.py", "main")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), "why they ran:" in done.stderr

    assert outcome(text) == ("'a!'", True)
    assert outcome(text) == ("'a!'", False)
    assert outcome(text.replace('"!"', '"?"')) == ("'a?'", True)
    assert outcome(text.replace('"a"', '"b"')) == ("'b!'", True)


def test_a_rule_of_ones_own_has_a_full_name():
    assert Scheduler().run(either(boom("x"), note("second"))) == "second"
    assert repr(either(1)) == "wrapping.either(1)"


def test_a_forked_evaluation_goes_on_and_is_joined_without_running_again():
    ran.clear()
    assert Scheduler().run(join_thread(fork_thread(note("once")))) == "once"
    thread = fork_thread(note("twice"))
    assert Scheduler().run(pair(join_thread(thread), join_thread(thread))) == ["twice", "twice"]
    assert ran == ["once", "twice"]


def test_an_error_of_a_fork_is_nobodys_until_it_is_joined():
    thread = fork_thread(boom("late"))
    assert Scheduler().run(pair(1, thread))[0] == 1
    assert Scheduler().run(catch(join_thread(thread), ValueError, repr)) == "ValueError('late')"
    with pytest.raises(TypeError, match="join_thread takes what fork_thread gave, not 3"):
        Scheduler().run(join_thread(3))
