"""Fixtures for the tests of workflows, and assertions on what is answered from the cache.

Say `pytest_plugins = ["redux.pytest_plugin"]` in the topmost `conftest.py`, or import the fixtures there one by one.
`redux.pytest` is another name of this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from redux.errors import ProjectMissing
from redux.nested import lazies_in
from redux.planning.foreseen import Foreseen, describe_foreseen, foresee
from redux.scheduler import Scheduler, get_current_scheduler
from redux.scheduler.current import being_current
from redux.session import open_scheduler
from redux.settings.precedence import Sources, needs_project, user_file
from redux.task import Task, TaskRegistry, get_task_registry
from redux.value import preview

__all__ = ["assert_cached", "assert_reruns", "own_tasks", "project_scheduler", "scheduler"]


@pytest.fixture
def own_tasks() -> Iterator[TaskRegistry]:
    """The registry of tasks, which has after the test what it had before it.

    So a test may define tasks under names that other tests, or the workflow, use too.
    """
    registry = get_task_registry()
    before = list(registry)
    yield registry
    registry.replace_all(before)


@pytest.fixture
def scheduler(own_tasks: TaskRegistry, request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    """A scheduler whose record and values are in memory, new for each test, with the registry as `own_tasks` keeps it.

    `scheduler.run(main(3))` gives the value; equal calls of one test are remembered, those of other tests are not. What
    counts in task hashes is the project that the test's file is in (`request` knows it). `own_tasks` is the registry.
    `assert_cached` and `assert_reruns` ask it.
    """
    made = Scheduler(folder=request.path.parent)
    with being_current(made):
        yield made


@pytest.fixture
def project_scheduler(request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    """A scheduler on the project's own repository: the `.redux` and the settings found from the test's folder upward.

    `request` knows that folder. `assert_cached` and `assert_reruns` ask it, so a test can tell that what is recorded
    still holds. Errors: ProjectMissing where there is none, and those of `open_scheduler`.
    """
    folder = request.path.parent
    if needs_project(Sources(folder, os.environ, user_file())):
        raise ProjectMissing(folder)
    with open_scheduler(folder) as made, being_current(made):
        yield made


def assert_cached(call: object, *, scheduler: Scheduler | None = None) -> None:
    """Assert that a `call`, or calls in a container, would be answered from the cache, with all below; nothing runs.

    Asked is the `scheduler`, else the one of the test's fixture. Raises AssertionError with what would run and why,
    TypeError where there is no call in what is given, NoScheduler, and the error of what fails on the way.
    """
    __tracebackhide__ = True
    would_run = _would_run(call, scheduler)
    if would_run:
        shown = "\n".join(_described(would_run))
        raise AssertionError(f"{_shown(call)} is not answered from the cache; what runs first:\n{shown}")


def assert_reruns(
    call: object,
    *,
    because: str | None = None,
    task: Task[..., Any] | str | None = None,
    scheduler: Scheduler | None = None,
) -> None:
    """Assert that a `call`, one of those in a container, or one below it would run; nothing does now.

    `because` are words that the reason of one that runs must contain, as `redux explain-miss` says it: what changed
    and its kind ("function flow.clean changed", "lr: 0.1 → 0.2"), words of the diff, or the kind of the reason
    ("code changed"). With `task`, it must be a call of this task, given itself or by its full name. What would only
    run after others, and may be spared then, does not count. Asked is the `scheduler`, else the one of the test's
    fixture. Raises AssertionError that says what would run and why, and else what `assert_cached` raises.
    """
    __tracebackhide__ = True
    would_run = _would_run(call, scheduler)
    fullname = task.fullname if isinstance(task, Task) else task
    meant = [one for one in would_run if fullname in (None, one.fullname)]
    if any(because is None or because in one.text for one in meant):
        return
    raise AssertionError("\n".join(_missing(call, because, fullname, would_run, meant)))


def _would_run(call: object, scheduler: Scheduler | None) -> list[Foreseen]:
    if not lazies_in(call):
        raise TypeError(f"there is no call of a task in {preview(call)}; give the call itself, as in main(3)")
    return foresee(scheduler or get_current_scheduler(), call)


def _missing(
    call: object, because: str | None, fullname: str | None, would_run: Sequence[Foreseen], meant: Sequence[Foreseen]
) -> Iterator[str]:
    if not would_run:
        yield f"{_shown(call)} is answered from the cache: nothing runs"
        return
    what = _shown(call) if fullname is None else f"a call of {fullname}"
    if meant:
        yield f"{what} runs, but no reason says {because!r}; what runs first:"
    else:
        yield f"{what} would not run; what runs first:"
    yield from _described(meant or would_run)


def _described(would_run: Sequence[Foreseen]) -> list[str]:
    return [f"  {line}" for line in describe_foreseen(would_run)]


def _shown(call: object) -> str:
    return repr(call) if len(repr(call)) < 200 else preview(call)
