"""Executors: places for jobs, and those of the settings."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from concurrent import futures
from pathlib import Path
from typing import assert_type

from redux import Scheduler
from redux.executors.configured import Factory, pools_of
from redux.executors.dask import DaskMissing, DaskPool
from redux.executors.executor import CodeDiffers, Executor, JobSpec, Outcome, RunInWorker, Site, TimedOut, execute
from redux.executors.futures import FuturesExecutor, PoolFailed
from redux.executors.inline import InlineExecutor
from redux.executors.pool import ExecutorPool, MakePool, OwnExecutor, UnknownExecutor
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
        DaskMissing(),
    ]
