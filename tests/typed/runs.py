"""Runs: the value of an expression has its type; a report says how it went."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

import redux
from redux import (
    ExecutionFailed,
    Report,
    Scheduler,
    get_current_scheduler,
    graph,
    open_scheduler,
    run,
    set_current_scheduler,
    task,
)
from redux.executors.local import LocalExecutor
from redux.federated_tasks import LaunchFailed, federated_task, find_entrypoint, launch_federated_task, serve_launch
from redux.functools import subrun
from redux.pytest_plugin import assert_cached, assert_reruns, own_tasks, project_scheduler, scheduler
from redux.release import installed_version
from redux.repo import Address, Repo, Shared, SharedPlace, open_repo
from redux.scheduler import (
    DryRunResult,
    ErrorValue,
    Failure,
    JobInfo,
    NoScheduler,
    Plan,
    PlannedCall,
    SchedulerError,
    SubrunError,
    TaskProgress,
    TaskStatus,
    Verdict,
    WouldRun,
    set_arg_defaults,
)
from redux.session import execution_tags
from redux.settings.layers import Entrypoint
from redux.sphinx import setup
from redux.tags import TagsGiven
from redux_backends.records import ExecutionId

assert_type(redux.version, str)
assert_type(installed_version(), str | None)
fixtures_and_extensions = [own_tasks, scheduler, project_scheduler, setup]


@task
def size(path: str) -> int:
    return len(path)


def what_is_cached_is_asserted(asked: Scheduler) -> None:
    assert_cached([size("a")])
    assert_reruns(size("a"), because="code changed", task=size, scheduler=asked)
    assert_reruns(size("a"), task="size")


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
    plan = Scheduler().plan(size("a"))
    assert_type(plan, Plan)
    assert_type(plan.calls, tuple[PlannedCall, ...])
    assert_type(plan.calls[0].verdict, Verdict)
    assert_type(plan.count(Verdict.RUNS, is_certain=True), Mapping[str, int])
    assert_type(ErrorValue("ValueError", "no", "").traceback, str)
    assert_type(JobInfo().attempt, int)
    raise ExecutionFailed(report.execution_id, "was stopped")


def schedulers(repo: Repo) -> None:
    assert_type(get_current_scheduler(), Scheduler)
    assert_type(get_current_scheduler(required=False), Scheduler | None)
    set_current_scheduler(Scheduler(repo))
    set_current_scheduler(None)
    assert_type(Scheduler(repo).status, Mapping[str, TaskStatus])
    assert_type(TaskStatus(pending=1, done=2).total, int)
    Scheduler(repo).add_executor("few", LocalExecutor("processes", 2))
    assert_type(Scheduler(repo).extend_run(size("a"), "0a", tags={"a": 1}), Report)
    assert_type(repo.address, Address | None)
    assert_type(Address("sqlite:///redux.db", "values", 1000).store, str)
    assert_type(Address("sqlite:///redux.db", "values", 1000).shared, SharedPlace | None)
    assert_type(repo.shared, Shared | None)
    assert_type(set_arg_defaults(size, ("a",), {}), tuple[tuple[Any, ...], dict[str, Any]])
    set_current_scheduler(repo)  # pyright: ignore[reportArgumentType]


def elsewhere(known: list[Entrypoint], folder: Path) -> None:
    assert_type(subrun(size("a"), "processes", {"run": {"workers": 2}}, load_modules=["flow"], timeout=60), int)
    assert_type(subrun([size("a")], executor="threads", new_execution=True), list[int])
    assert_type(federated_task("size", "a"), Any)
    assert_type(launch_federated_task("size", ["a"], {}, folder=folder), str)
    assert_type(find_entrypoint("size", known), Entrypoint)
    assert_type(serve_launch(), None)
    subrun(size("a"))  # pyright: ignore[reportCallIssue]
    launch_federated_task("size", "a", 3)  # pyright: ignore[reportArgumentType]


def what_may_go_wrong() -> list[SchedulerError]:
    return [NoScheduler(), SubrunError("no storage"), LaunchFailed("no module")]


def graphs(folder: Path) -> None:
    """A graph has texts as its nodes, and what networkx has."""
    found = graph("out.csv", direction="downstream", depth=2, folder=folder)
    assert_type([*found.nodes], list[str])
    assert_type(found.number_of_edges(), int)
    graph("out.csv", direction="sideways")  # pyright: ignore[reportArgumentType]
