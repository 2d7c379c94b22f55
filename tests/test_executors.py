"""What every place that runs jobs promises: each job has an outcome, whatever goes wrong around it."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from redux.executors.executor import JobSpec, Outcome, execute
from redux.executors.processes import CannotStartWorker
from redux.executors.threads import ThreadBench
from redux.executors.work_queue import CannotStartThread, WorkQueue
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends.memory import MemoryBackend
from redux_valuestore.digest import Digest
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore, StoreUnavailable, ValueStore

redux_namespace = "test_executors"


class StoreThatRaises(MemoryStore):
    """A store whose writes end in some error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def put(self, digest: Digest, chunks: Sequence[object]) -> None:
        raise self._error


@task
def double(array: np.ndarray) -> np.ndarray:
    return array * 2


@task
def make(count: int) -> np.ndarray:
    return np.arange(float(count))


def spec(func: Callable[..., object], *args: object) -> JobSpec:
    return JobSpec("test_executors.some", Digest(bytes(32)), func, args, {})


@pytest.mark.parametrize("error", [MemoryError("no room"), SystemExit(3), KeyError("a fault")])
def test_an_error_while_a_result_is_kept_is_the_jobs_outcome(error: BaseException):
    repo = Repo(MemoryBackend(), StoreThatRaises(error), 100)
    assert execute(spec(lambda: "x" * 1000), repo).error is error


# -- the queue ---------------------------------------------------------------------------------------


class Jobs:
    """A queue of jobs, and what it reports."""

    def __init__(self, limit: int, run: Callable[[JobSpec], Outcome]) -> None:
        self._came: SimpleQueue[tuple[object, Outcome]] = SimpleQueue()
        self.queue = WorkQueue(lambda key, outcome: self._came.put((key, outcome)), limit, lambda: ThreadBench(run))

    def outcomes(self, keys: Sequence[str]) -> dict[object, Outcome]:
        """The outcomes of some jobs, after which all threads have ended."""
        for key in keys:
            self.queue.submit(key, spec(len, key))
        found = dict(self._came.get(timeout=20) for _ in keys)
        self.queue.close()
        return found


def succeed(spec: JobSpec) -> Outcome:
    return Outcome(1.0, 2.0, spec.func(*spec.args))


def test_a_thread_outlives_whatever_its_job_raises():
    def run(spec: JobSpec) -> Outcome:
        if spec.args[0] == "bad":
            raise SystemExit(1)
        return succeed(spec)

    found = Jobs(1, run).outcomes(["bad", "good"])
    assert isinstance(found["bad"].error, SystemExit)
    assert found["good"].value == 4


def test_where_no_thread_can_be_started_each_job_fails_with_that_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threading.Thread, "start", _refuse_to_start)
    found = Jobs(2, succeed).outcomes(["a", "b", "c"])
    assert [type(outcome.error) for outcome in found.values()] == [CannotStartThread] * 3
    assert "can't start new thread" in str(found["a"].error)


def test_where_only_one_thread_can_be_started_it_does_all_jobs(monkeypatch: pytest.MonkeyPatch):
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_one(thread: threading.Thread) -> None:
        if started:
            _refuse_to_start(thread)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    found = Jobs(3, succeed).outcomes(["a", "bb", "ccc"])
    assert [found[key].value for key in ("a", "bb", "ccc")] == [1, 2, 3]


def _refuse_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


# -- worker processes that cannot be had -------------------------------------------------------------


def test_a_worker_that_cannot_be_started_fails_its_job_alone_and_leaves_nothing_open(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
):
    began, tried = subprocess.Popen, list[object]()

    def fail_once(*args: object, **kwargs: object) -> object:
        tried.append(args)
        if len(tried) == 1:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return began(*args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", fail_once)
    before = os.listdir("/dev/fd")
    report = Scheduler(repo, executor="processes", workers=1, keep_going=True).execute([make(1), make(2)])
    assert report.failure is not None
    assert isinstance(report.failure.error, CannotStartWorker)
    assert "Resource temporarily unavailable" in str(report.failure.error)
    assert "test_executors.make" in str(report.failure.error)
    assert report.counts["test_executors.make"].done == 1
    assert os.listdir("/dev/fd") == before


# -- storage in trouble ------------------------------------------------------------------------------


def store_below_a_file(folder: Path) -> ValueStore:
    (folder / "file").touch()
    return LocalStore(folder / "file" / "values")


def store_out_of_reach(folder: Path) -> ValueStore:
    return StoreThatRaises(StoreUnavailable("the store is out of reach", "store"))


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("make_store", [store_below_a_file, store_out_of_reach])
@pytest.mark.parametrize("passing", ["a passing folder", "no folder at all"])
def test_a_store_in_trouble_never_costs_the_result(
    tmp_path: Path,
    executor: str,
    make_store: Callable[[Path], ValueStore],
    passing: str,
    monkeypatch: pytest.MonkeyPatch,
):
    if passing == "no folder at all":
        monkeypatch.setattr(tempfile, "mkdtemp", _no_folder)
    repo = Repo(MemoryBackend(), make_store(tmp_path), 200)
    report = Scheduler(repo, executor=executor, workers=1).execute([double(make(2000)), double(np.arange(3000.0))])
    first, second = report.value  # type: ignore[misc]
    assert np.array_equal(first, np.arange(2000.0) * 2)
    assert np.array_equal(second, np.arange(3000.0) * 2)
    assert report.storage_trouble is not None


def test_without_a_passing_folder_results_reach_a_store_that_workers_do_not_see(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "mkdtemp", _no_folder)
    repo = Repo(MemoryBackend(), MemoryStore(), 200)
    report = Scheduler(repo, executor="processes", workers=1).execute(double(make(2000)))
    assert report.storage_trouble is None
    again = Scheduler(repo).execute(double(make(2000)))
    assert np.array_equal(again.value, np.arange(2000.0) * 2)
    assert sum(counts.done for counts in again.counts.values()) == 0


def _no_folder(*args: object, **kwargs: object) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")
