"""A context of its own for a call, and for all below it."""

from __future__ import annotations

from typing import Any

import pytest

from redux import Scheduler, get_context, task
from redux.functools import catch
from redux.task import TaskError

redux_namespace = "context_of_calls"
NAME = get_context("place.name", "nowhere")
SIZE = get_context("size")


@task
def show(value: Any) -> Any:
    return value


@task
def by_default(value: Any = NAME) -> Any:
    return value


@task
def below() -> list[Any]:
    return [by_default(), show(get_context("place.name")), show(get_context("size", 0))]


@task
def refuse(value: Any = SIZE) -> Any:
    raise ValueError(value)


def test_a_call_sees_the_context_it_is_given_and_so_does_all_below_it():
    scheduler = Scheduler(context={"place": {"name": "home", "number": 1}})
    there = below.update_context({"place": {"name": "away"}}, size=3)
    here = ["home", "home", 0]
    assert scheduler.run([below(), there(), below()]) == [here, ["away", "away", 3], here]


def test_default_arguments_are_evaluated_in_the_calls_own_context():
    scheduler = Scheduler(context={"place": {"name": "home"}})
    away = by_default.update_context(place={"name": "away"})
    assert scheduler.run([by_default(), away(), away("given"), by_default()]) == ["home", "away", "given", "home"]
    with pytest.raises(ValueError, match="7"):
        scheduler.run(refuse.update_context(size=7)())
    assert scheduler.run(catch(refuse.update_context(size=8)(), ValueError, str)) == "8"


def test_contexts_are_laid_over_each_other_and_take_plain_values():
    twice = below.update_context(size=1).update_context(place={"name": "there"})
    assert Scheduler().run(twice()) == ["there", "there", 1]
    with pytest.raises(TaskError, match="takes plain values; pass expressions as arguments"):
        below.update_context(size=show(1))
