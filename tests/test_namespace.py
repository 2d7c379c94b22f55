"""Namespaces: a task's own, else its module's, said by a name or by a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import redux
from redux.namespace import compute_namespace
from redux.tasks.options import TaskError

TEXT = """\
from redux import get_current_namespace, namespace, task

before = get_current_namespace()
{said}
now = get_current_namespace()


@task
def plain():
    return 1


@task(namespace="own.one")
def own():
    return 1


@task(namespace="")
def bare():
    return 1


namespace()


@task
def after():
    return 1
"""


@pytest.mark.parametrize("said", ['namespace("said")', 'redux_namespace = "said"', 'redun_namespace = "said"'])
def test_the_nearest_word_counts(
    said: str, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
) -> None:
    made = load(workflow(TEXT.format(said=said)))
    assert (made.before, made.now) == ("", "said")
    names = [task.fullname for task in (made.plain, made.own, made.bare, made.after)]
    assert names == ["said.plain", "own.one.own", "bare", "after"]


def test_it_concerns_the_module_that_says_it_alone() -> None:
    assert redux.get_current_namespace() == ""
    assert compute_namespace(test_it_concerns_the_module_that_says_it_alone) == ""
    assert compute_namespace(len, "given") == "given"
    for wrong in ("a b", "1", ".x"):
        with pytest.raises(TaskError, match="can't be a namespace"):
            redux.namespace(wrong)
