"""Executors of the user's own: any `concurrent.futures.Executor` runs jobs, and what goes wrong with it is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redux import Scheduler, task
from redux.executors.dask import DaskPool
from redux.executors.executor import TimedOut
from redux.executors.futures import PoolFailed
from redux.executors.pool import UnknownExecutor
from redux.functools import catch
from redux.repo import Repo, open_repo
from redux_backends.records import JobStatus

redux_namespace = "pools"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))


@task(version="1")
def double(number: int) -> int:
    return number * 2


@task(version="1")
def where(number: int) -> int:
    return os.getpid()


@task(version="1")
def spread(count: int) -> list[int]:
    return [double(number) for number in range(count)]


@task(version="1")
def large(size: int) -> Any:
    return np.arange(size)


@task(version="1")
def total(array: Any) -> int:
    return int(array.sum())


@task(version="1")
def fail(text: str) -> int:
    raise KeyError(text)


@task(version="1")
def tell(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@task(version="1", timeout=0.2)
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


POOLS: dict[str, Callable[[], Executor]] = {
    "threads of futures": lambda: ThreadPoolExecutor(2),
    "processes of futures": lambda: ProcessPoolExecutor(2),
}


@pytest.mark.parametrize("name", [*POOLS, "inline"])
def test_jobs_run_there_values_cross_and_errors_come_back(name: str, repo: Repo):
    scheduler = Scheduler(repo, executor=name, executors=POOLS)
    assert scheduler.run(spread(20)) == [number * 2 for number in range(20)]
    assert scheduler.run(total(large(100_000))) == sum(range(100_000))
    assert scheduler.run(catch(fail("k"), KeyError, tell)) == "KeyError: 'k'"
    here = scheduler.run(where(1)) == os.getpid()
    assert here == (name != "processes of futures")
    assert {view.job.place for view in repo.backend.jobs()} == {name}
    warm = Scheduler(repo).execute([spread(20), total(large(100_000))])
    assert not any(count.done for count in warm.counts.values())


def test_a_task_names_the_pool_it_wants(repo: Repo):
    scheduler = Scheduler(repo, executors=POOLS)
    assert scheduler.run([where.options(executor="processes of futures")(2), double(1)])[0] != os.getpid()
    with pytest.raises(UnknownExecutor, match="no executor is named 'elsewhere'; there are inline, processes, process"):
        scheduler.run(where.options(executor="elsewhere")(3))


def test_a_job_that_takes_too_long_is_given_up(repo: Repo):
    with pytest.raises(TimedOut):
        Scheduler(repo, executor="processes of futures", executors=POOLS).run(slow(1.5))


never = threading.Event()


@task(version="1", timeout=0.05)
def stuck() -> None:
    never.wait(60)


def test_a_job_that_was_given_up_is_not_waited_for_at_the_end():
    pools: list[ThreadPoolExecutor] = []

    def make() -> Executor:
        pools.append(ThreadPoolExecutor(1))
        return pools[0]

    try:
        with pytest.raises(TimedOut):
            Scheduler(executor="own", executors={"own": make}).run(stuck())
        assert any(thread.is_alive() for thread in pools[0]._threads)
    finally:
        never.set()


class Broken(Executor):
    """A pool that takes one job and breaks it, and takes no second."""

    def __init__(self) -> None:
        self.taken = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.taken += 1
        if self.taken > 1:
            raise RuntimeError("cannot schedule new futures")
        future: Future[bytes] = Future()
        future.set_exception(OSError("the wire was cut"))
        return future


closed: list[str] = []


class CannotClose(ThreadPoolExecutor):
    """A pool whose cluster is gone when it is to be shut down."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        closed.append(type(self).__name__)
        raise OSError("the cluster is gone")


class CannotCloseEither(CannotClose):
    pass


def test_a_pool_that_cannot_be_closed_costs_no_result_and_is_told(repo: Repo):
    closed.clear()
    scheduler = Scheduler(repo, executors={"one": CannotClose, "other": CannotCloseEither})
    report = scheduler.execute([double.options(executor="one")(1), double.options(executor="other")(2)])
    assert report.value == [2, 4]
    assert sorted(closed) == ["CannotClose", "CannotCloseEither"]
    assert sorted(report.left_open) == [
        f"executor {name} could not be closed (OSError: the cluster is gone); what it started may still run"
        for name in ("one", "other")
    ]
    assert repo.backend.executions(1)[0].status is JobStatus.DONE


def test_a_pool_that_breaks_fails_its_jobs_with_its_own_words(repo: Repo):
    report = Scheduler(repo, executor="broken", executors={"broken": Broken}, keep_going=True).execute(
        [catch(double(1), PoolFailed, tell), catch(double(2), PoolFailed, tell)]
    )
    errors = [view.result_preview for view in repo.backend.jobs(task="pools.double")]
    assert sorted(error.split(":")[2].strip() for error in errors) == ["OSError", "RuntimeError"]
    assert report.failure is not None


def test_dask(repo: Repo):
    pools = {"dask": lambda: DaskPool(n_workers=2, threads_per_worker=1)}
    scheduler = Scheduler(repo, executor="dask", executors=pools)
    assert scheduler.run([spread(8), total(large(50_000))]) == [[n * 2 for n in range(8)], sum(range(50_000))]
    assert scheduler.run(catch(fail("k"), KeyError, tell)) == "KeyError: 'k'"
