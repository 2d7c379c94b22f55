"""When a call runs and how often: limits on what it takes, retries of what raised, time that it may take."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from redux import Scheduler, task
from redux.cli.summary import describe_run, progress_rows
from redux.executors.executor import TimedOut
from redux.functools import catch
from redux.repo import Repo, open_repo
from redux.scheduler.limits import LimitExceeded
from redux.words.reasons import describe_reason
from redux_backends.records import JobStatus, MissKind

redux_namespace = "attempts"


class Meter:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1


meter = Meter()
tries: list[int] = []
stuck = threading.Event()


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "meter", Meter())
    tries.clear()
    stuck.clear()


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))


@task(limits=["lane"], cache=False, version="1")
def through_lane(number: int) -> int:
    with meter:
        time.sleep(0.005)
    return number


@task(limits={"lane": 3}, version="1")
def whole_lane() -> int:
    with meter:
        return meter.inside


@task(retries=2, retry_on=ConnectionError, version="1")
def flaky(good_at: int) -> int:
    tries.append(len(tries) + 1)
    if len(tries) < good_at:
        raise ConnectionError(f"try {len(tries)}")
    return len(tries)


@task(retries=5, retry_on=ConnectionError, version="1")
def wrong() -> int:
    tries.append(0)
    raise ValueError("no use")


@task(timeout=0.1, version="1")
def slow(seconds: float) -> float:
    stuck.wait(seconds)
    return seconds


@task(timeout=0.3, executor="processes", version="1")
def slow_process(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task(timeout=0.1, retries=1, version="1")
def slow_once() -> str:
    tries.append(0)
    if len(tries) == 1:
        stuck.wait(30)
        return "too late"
    return "in time"


@task(version="1")
def tell(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def test_no_more_run_at_once_than_the_limit_allows_and_all_run():
    assert Scheduler(limits={"lane": 3}).run([through_lane(n) for n in range(30)]) == list(range(30))
    assert 1 < meter.most <= 3


def test_a_limit_nobody_declared_is_one():
    assert Scheduler().run([through_lane(n) for n in range(5)]) == list(range(5))
    assert meter.most == 1


def test_a_call_that_takes_all_has_it_alone_and_one_that_takes_more_is_told():
    assert Scheduler(limits={"lane": 3}).run([*map(through_lane, range(6)), whole_lane()])[-1] == 1
    with pytest.raises(LimitExceeded, match="takes 3 of limit 'lane', of which there is 2"):
        Scheduler(limits={"lane": 2}).run(whole_lane())


def test_a_call_is_tried_again_and_every_attempt_is_recorded(repo: Repo):
    assert Scheduler(repo).run(flaky(3)) == 3
    jobs = sorted(repo.backend.jobs(task="attempts.flaky"), key=lambda view: view.job.started)
    assert [view.job.status for view in jobs] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE]
    reasons = [view.job.reason for view in jobs]
    assert [reason and (reason.kind, reason.detail) for reason in reasons[1:]] == [
        (MissKind.RETRIED, "attempt 2 of 3, the one before raised"),
        (MissKind.RETRIED, "attempt 3 of 3, the one before raised"),
    ]
    assert "ConnectionError: try 1" in jobs[0].result_preview
    assert Scheduler(repo).run(flaky(3)) == 3
    assert len(tries) == 3, "the result is remembered like any other"


def test_the_last_error_is_the_one_raised_and_only_named_errors_are_tried_again():
    with pytest.raises(ConnectionError, match="try 3"):
        Scheduler().run(flaky(9))
    tries.clear()
    with pytest.raises(ValueError, match="no use"):
        Scheduler().run(wrong())
    assert len(tries) == 1
    assert Scheduler().run(catch(flaky.options(retries=0)(9), ConnectionError, tell)) == "ConnectionError: try 2"


def test_attempts_are_apart_by_their_delay_and_others_run_meanwhile():
    began = time.monotonic()
    assert Scheduler().run([flaky.options(retry_delay=0.05)(3), tell(ValueError("meanwhile"))])[0] == 3
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize("sluggish", [slow, slow_process])
def test_a_call_that_takes_too_long_is_given_up(sluggish: Any):
    with pytest.raises(TimedOut, match=r"took longer than 0\.\d s and was given up.*; give it a longer timeout="):
        Scheduler(workers=1).run(sluggish(60.0))
    assert Scheduler(workers=1).run(catch(sluggish(61.0), TimeoutError, tell)).startswith("TimedOut")
    stuck.set()


def test_a_thread_that_is_stuck_does_not_hold_the_others_and_is_not_heard_any_more(repo: Repo):
    report = Scheduler(repo, workers=1).execute([slow_once(), tell(ValueError("x"))])
    stuck.set()
    assert report.value == ["in time", "ValueError: x"]
    (given_up,) = repo.backend.jobs(task="attempts.slow_once", status=JobStatus.FAILED)
    assert "was given up, but cannot be ended" in given_up.result_preview
    (second,) = repo.backend.jobs(task="attempts.slow_once", status=JobStatus.DONE)
    assert second.job.reason is not None
    said = "it was tried again: attempt 2 of 2, the one before ran out of its time"
    assert describe_reason(second.job.reason) == said
    (line,) = [line for line in describe_run(report, progress_rows(report.counts), [], 80) if "may still run" in line]
    assert line.startswith("went on after their time was up, and may still run: attempts.slow_once ×1")


def test_of_a_call_whose_worker_was_ended_nothing_goes_on():
    report = Scheduler(workers=1).execute(slow_process(60.0))
    assert report.failure is not None
    assert "unheard" not in str(report.failure.error)
    assert report.counts["attempts.slow_process"].unheard == 0
