"""Executors: places for jobs, and those of the settings."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, assert_type

from redux import Scheduler
from redux.executors.base import ExecutorError, get_executor_class, get_executor_from_config, register_executor
from redux.executors.code_package import CodePatterns
from redux.executors.configured import Custom, Factory, executor_types, pools_of
from redux.executors.container_words import ContainerOptions
from redux.executors.containers import (
    ContainerExecutor,
    ContainerFailed,
    Containers,
    ContainersMissing,
    DaemonSilent,
)
from redux.executors.dask import DaskMissing, DaskPool
from redux.executors.executor import (
    CodeDiffers,
    Executor,
    JobCancelled,
    JobSpec,
    OfSize,
    Outcome,
    Place,
    Question,
    RunInWorker,
    Site,
    TellsOfStop,
    TimedOut,
    execute,
    outcome_of,
)
from redux.executors.futures import FuturesExecutor, PoolFailed
from redux.executors.inline import InlineExecutor
from redux.executors.local import LocalExecutor
from redux.executors.pool import (
    Alias,
    AliasCircle,
    ExecutorPool,
    MakePool,
    OwnExecutor,
    UnknownExecutor,
    meant,
)
from redux.executors.processes import CannotStartWorker, ProcessExecutor, Worker, WorkerDied
from redux.executors.threads import ThreadBench, ThreadExecutor
from redux.repo import Repo
from redux.settings.layers import ExecutorSettings
from redux_valuestore.errors import ReduxError


class Here:
    """An executor: what has these methods is one."""

    name = "here"

    def __init__(self, site: Site) -> None:
        self.site = site

    def submit(self, key: object, spec: JobSpec) -> None:
        outcome = execute(spec, self.site.repo)
        assert_type(outcome, Outcome)
        self.site.done(key, outcome)

    def cancel_waiting(self) -> list[object]:
        return []

    def give_up_overdue(self) -> None: ...

    def close(self) -> None: ...


class Nowhere:
    """What has not all of them is none."""

    name = "nowhere"


def places(site: Site) -> list[Executor]:
    none: Executor = Nowhere()  # pyright: ignore[reportAssignmentType]
    return [
        none,
        Here(site),
        InlineExecutor(site),
        ThreadExecutor(site),
        ProcessExecutor(site),
        FuturesExecutor("far", site, futures.ThreadPoolExecutor),
    ]


def executors_of_ones_own(repo: Repo, settings: list[ExecutorSettings]) -> None:
    assert_type(pools_of(settings), Mapping[str, OwnExecutor])
    pools: list[MakePool] = [Factory("far", "concurrent.futures:ThreadPoolExecutor", {}), DaskPool]
    assert_type(ExecutorPool(repo, "far", 2, Path(), {"far": pools[0]}).get(None), Executor)
    Scheduler(repo, executor="far", executors={"far": lambda: futures.ThreadPoolExecutor(2)})
    Scheduler(repo, executors={"far": Path})  # pyright: ignore[reportArgumentType]


def told_of_stop(site: Site) -> TellsOfStop:
    return ProcessExecutor(site)


def how_many_at_once(site: Site) -> OfSize:
    return ProcessExecutor(site)


def places_to_open(site: Site) -> None:
    containers = Containers(ContainerOptions("mine:1", memory="2g"), "podman", 2, CodePatterns(("src/**",)), "/scratch")
    few: list[Place] = [LocalExecutor("processes", 2), containers, Custom(lambda: Opened, {"color": "red"})]
    assert_type(few[0].open("few", site), Executor)
    assert_type(ContainerExecutor("boxes", site, containers).cancel_waiting(), list[object])
    Scheduler(executors={"few": few[0], "boxes": containers, "other": Alias("few")})
    LocalExecutor("process")  # pyright: ignore[reportArgumentType]
    Alias(few[0])  # pyright: ignore[reportArgumentType]


@register_executor("here")
class Opened(Here):
    """A type of executors of one's own."""

    def __init__(self, name: str, site: Site, **options: Any) -> None:
        super().__init__(site)
        self.name, self.options = name, options


def types_of_executors(site: Site) -> None:
    assert_type(Opened("here", site, color="red").options, dict[str, Any])
    assert_type(executor_types(), tuple[str, ...])
    assert_type(meant("few", {"few": Alias("processes")}), str)
    assert_type(get_executor_class("here"), type)
    assert_type(get_executor_class("there", required=False), type | None)
    assert_type(get_executor_from_config({"few": {"type": "threads", "workers": 2}}, "few"), OwnExecutor)
    get_executor_from_config("few", {})  # pyright: ignore[reportArgumentType]


def answers(spec: JobSpec, repo: Repo) -> None:
    asked = Question("an expression", lambda question: None)
    asked.answer(outcome_of(spec, repo, 0.0, 3).value)
    asked.fail(JobCancelled("flow.size"))
    assert_type(asked.error, BaseException | None)


def workers(site: Site) -> None:
    assert_type(Worker(site, "flow.size").kill(), None)
    assert_type(ThreadBench(lambda spec: execute(spec, site.repo)).interrupt(), bool)


def what_may_go_wrong() -> list[ReduxError]:
    return [
        RunInWorker(),
        TimedOut("flow.size", 2.5),
        CodeDiffers("flow.size", "flow.py"),
        WorkerDied("flow.size", -9),
        CannotStartWorker("flow.size", OSError("full")),
        PoolFailed("far", "flow.size", OSError("full")),
        UnknownExecutor("farr", ["far"]),
        ExecutorError("a place of one's own is closed"),
        AliasCircle(["a", "b", "a"]),
        JobCancelled("flow.size"),
        ContainersMissing("boxes", "docker"),
        DaemonSilent("boxes", "docker", "no"),
        ContainerFailed("flow.size", "mine:1", "ended"),
        DaskMissing(),
    ]
