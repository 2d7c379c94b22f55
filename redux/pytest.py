"""Fixtures for the tests of workflows.

Say `pytest_plugins = ["redux.pytest"]` in the topmost `conftest.py`, or import the fixtures there one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from redux.scheduler import Scheduler
from redux.task import TaskRegistry, get_task_registry

__all__ = ["own_tasks", "scheduler"]


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
def scheduler(own_tasks: TaskRegistry, request: pytest.FixtureRequest) -> Scheduler:
    """A scheduler whose record and values are in memory, new for each test, with the registry as `own_tasks` keeps it.

    `scheduler.run(main(3))` gives the value; equal calls of one test are remembered, those of other tests are not. What
    counts in task hashes is the project that the test's file is in (`request` knows it). `own_tasks` is the registry.
    """
    return Scheduler(folder=request.path.parent)
