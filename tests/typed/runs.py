"""Runs: the value of an expression has its type; a report says how it went."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

import redux
from redux import ExecutionFailed, Report, Scheduler, open_scheduler, run, task
from redux.pytest import own_tasks, scheduler
from redux.release import installed_version
from redux.repo import Repo, open_repo
from redux.scheduler import DryRunResult, ErrorValue, Failure, JobInfo, TaskProgress, WouldRun
from redux.session import execution_tags
from redux.sphinx import setup
from redux.tags import TagsGiven
from redux_backends.records import ExecutionId

assert_type(redux.version, str)
assert_type(installed_version(), str | None)
fixtures_and_extensions = [own_tasks, scheduler, setup]


@task
def size(path: str) -> int:
    return len(path)


def values_have_their_types(folder: Path) -> None:
    assert_type(run(size("a"), executor="processes", tags={"a": 1}), int)
    assert_type(run([size("a")], cache=False, keep_going=True), list[int])
    assert_type(Scheduler(workers=2).run({"a": size("a")}), dict[str, int])
    with open_scheduler(folder) as opened:
        assert_type(opened.run(size("a"), context={"a": 1}), int)
    Scheduler(executor=3)  # pyright: ignore[reportArgumentType]
    assert_type(execution_tags(size("a"), folder, ()), TagsGiven)


def reports(repo: Repo) -> None:
    report = Scheduler(repo, limits={"disk": 2}, context={"a": 1}).execute(size("a"), tags=[("a", 1)])
    assert_type(report, Report)
    assert_type(report.execution_id, ExecutionId)
    assert_type(report.failure, Failure | None)
    assert_type(report.counts, Mapping[str, TaskProgress])
    found = Scheduler(open_repo("sqlite:///redux.db", "values")).dry_run(size("a"))
    assert_type(found, DryRunResult)
    assert_type(found.would_run, tuple[WouldRun, ...])
    assert_type(ErrorValue("ValueError", "no", "").traceback, str)
    assert_type(JobInfo().attempt, int)
    raise ExecutionFailed(report.execution_id, "was stopped")
