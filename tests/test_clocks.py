"""Clocks of clients that are an hour off, or leap: who runs and who died is judged by the database's clock alone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from redux import Scheduler, task
from redux.repo import Repo
from redux.scheduler import opening
from redux_backends import liveness
from redux_backends.records import ExecutionId, JobStatus
from redux_backends.sample import ELSEWHERE, execution
from redux_backends.sql import SqlBackend

HOUR = 3600.0
_real_time = time.time


pytestmark = pytest.mark.parametrize("repo", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """By how many seconds this process's clock is ahead."""
    ahead = [0.0]
    monkeypatch.setattr(time, "time", lambda: _real_time() + ahead[0])
    return ahead


def status(repo: Repo, id: ExecutionId) -> JobStatus:
    found = repo.backend.get_execution(id)
    assert found is not None
    assert repo.backend.executions(1)[0].status is found.status
    return found.status


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_run_on_another_host_shows_as_running_until_its_lease_is_over_by_the_databases_clock(
    repo: Repo, off: list[float], ahead: float
) -> None:
    running = execution("elsewhere", 0, ELSEWHERE)
    off[0] = ahead
    repo.backend.record_execution(replace(running, started=time.time()))
    for looking in (0.0, HOUR, -HOUR):
        off[0] = looking
        assert status(repo, running.id) is JobStatus.RUNNING
    assert isinstance(repo.backend, SqlBackend)
    late = text(f"UPDATE execution SET lease_until = lease_until - {liveness.LEASE_SECONDS + 1}")
    repo.backend._database.run_tx(lambda session: session.run(late))
    for looking in (0.0, HOUR, -HOUR):
        off[0] = looking
        assert status(repo, running.id) is JobStatus.DIED
    off[0] = ahead
    repo.backend.renew_lease(running.id)
    off[0] = -ahead
    assert status(repo, running.id) is JobStatus.RUNNING


def test_a_run_whose_clock_leaps_is_as_any_other(repo: Repo, off: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "this_process", lambda: ELSEWHERE)
    seen: list[JobStatus] = []

    @task(name="leaping", version="1")
    def leap(n: int) -> int:
        seen.append(repo.backend.executions(1)[0].status)
        off[0] = HOUR * (-1) ** n
        return n

    @task(name="leaping_total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    scheduler = Scheduler(repo, workers=1)
    for _ in range(2):
        assert scheduler.run(total([leap(n) for n in range(6)])) == 15
    assert seen == [JobStatus.RUNNING] * 6  # each ran once
    assert {each.status for each in repo.backend.executions(5)} == {JobStatus.DONE}
    assert {view.job.status for view in repo.backend.jobs()} == {JobStatus.DONE, JobStatus.CACHED}
