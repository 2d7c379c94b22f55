"""The scheduler of a thread, and executions that are gone on with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest

import redux
from redux.errors import UnknownId, UsageError
from redux.functools import subrun
from redux.repo import Repo
from redux.rules import Steps
from redux.scheduler import NoScheduler, Scheduler, get_current_scheduler, scheduler_task, set_arg_defaults
from redux.task import task
from redux_backends.records import ExecutionId, JobStatus

redux_namespace = "test_current_scheduler"


@task
def double(x: int) -> int:
    return 2 * x


@task
def fail(x: int) -> int:
    raise ValueError(x)


@task
def asked_in_a_task(x: int) -> object:
    return get_current_scheduler(required=False) is None


def test_a_rule_is_told_its_scheduler_and_nobody_else_is():
    seen: list[Any] = []

    @scheduler_task
    def here(x: int) -> Steps[int]:
        seen.append(get_current_scheduler())
        return (yield x)

    scheduler = Scheduler()
    assert scheduler.run([here(double(1)), asked_in_a_task(1)]) == [2, True]
    assert seen == [scheduler]
    assert get_current_scheduler(required=False) is None
    with pytest.raises(NoScheduler, match="no scheduler is running in this thread"):
        get_current_scheduler()


def test_in_a_subrun_it_is_the_sub_scheduler_and_afterwards_the_one_before():
    seen: list[Any] = []

    @scheduler_task
    def note(x: int) -> Steps[int]:
        seen.append(get_current_scheduler())
        return (yield x)

    scheduler = Scheduler(executor="inline")
    assert scheduler.run([note(double(1)), subrun(note(double(2)), executor="inline"), note(double(3))]) == [2, 4, 6]
    assert len(set(seen)) == 2
    assert seen.count(scheduler) == 2


def test_one_can_be_set_for_this_thread():
    scheduler = Scheduler()
    elsewhere: list[object] = []
    redux.set_current_scheduler(scheduler)
    try:
        thread = Thread(target=lambda: elsewhere.append(redux.get_current_scheduler(required=False)))
        thread.start()
        thread.join()
        assert Scheduler().run(double(2)) == 4
        assert redux.get_current_scheduler() is scheduler
        assert elsewhere == [None]
    finally:
        redux.set_current_scheduler(None)


def test_executors_can_be_added(repo: Repo):
    scheduler = Scheduler(repo)
    scheduler.load()
    scheduler.add_executor("mine", lambda: ThreadPoolExecutor(1))
    report = scheduler.execute(double.options(executor="mine")(4))
    assert report.value == 8
    (job,) = repo.backend.jobs(execution=report.execution_id)
    assert job.job.place == "mine"


# -- executions gone on with -----------------------------------------------------------------------


def test_an_execution_has_the_id_that_it_is_given(repo: Repo):
    given = str(uuid.uuid4())
    report = Scheduler(repo).execute(double(1), execution_id=given)
    assert report.execution_id.hex() == given.replace("-", "")
    assert repo.backend.get_execution(report.execution_id) is not None
    with pytest.raises(UsageError, match="'mine' cannot be an execution's id"):
        Scheduler(repo).run(double(1), execution_id="mine")


@pytest.mark.parametrize("before", [double, fail])
def test_jobs_are_added_below_a_job_or_beside_the_first(repo: Repo, before: Callable[[int], int]):
    scheduler = Scheduler(repo)
    first = scheduler.execute(before(1))
    (job,) = repo.backend.jobs(execution=first.execution_id)
    ended = repo.backend.get_execution(first.execution_id)
    below = scheduler.extend_run(double(double(10)), job.job.id.hex())
    beside = scheduler.extend_run(double(3), first.execution_id.hex()[:12])
    assert (below.value, beside.value) == (40, 6)
    assert below.execution_id == beside.execution_id == first.execution_id
    jobs = repo.backend.jobs(execution=first.execution_id)
    assert [view.job.parent for view in jobs] == [None, job.job.id, job.job.id, None]
    (execution,) = repo.backend.executions(10)
    assert ended is not None
    assert execution.status is ended.status, "what had failed stays failed"
    assert execution.ended > ended.ended
    assert execution.started == ended.started


def test_an_extension_that_fails_is_the_execution_s_failure(repo: Repo):
    scheduler = Scheduler(repo)
    first = scheduler.execute(double(1))
    report = scheduler.extend_run(fail(2), first.execution_id.hex())
    assert report.failure is not None
    assert repo.backend.get_execution(first.execution_id).status is JobStatus.FAILED


def test_while_it_goes_on_the_execution_runs_and_another_s_is_left_to_it(repo: Repo):
    scheduler, other = Scheduler(repo), Scheduler(repo)
    first = scheduler.execute(double(1)).execution_id.hex()
    seen: list[JobStatus] = []

    @task(version="1", cache_scope="NONE")
    def look(x: int) -> int:
        stood = repo.backend.get_execution(ExecutionId(bytes.fromhex(first)))
        seen.append(stood.status)
        if x:
            other.extend_run(look(0), first)
            seen.append(repo.backend.get_execution(stood.id).status)
        return x

    assert scheduler.extend_run(look(1), first).value == 1
    assert seen == [JobStatus.RUNNING] * 3
    (execution,) = repo.backend.executions(10)
    assert execution.status is JobStatus.DONE


def test_only_jobs_and_executions_are_gone_on_with(repo: Repo):
    scheduler = Scheduler(repo)
    report = scheduler.execute(double(1))
    (job,) = repo.backend.jobs(execution=report.execution_id)
    with pytest.raises(UsageError, match="is a call; name a job or an execution"):
        scheduler.extend_run(double(2), job.job.call_hash.hex())
    with pytest.raises(UnknownId):
        scheduler.extend_run(double(2), "ffffffff")


def test_arguments_are_completed_with_their_defaults():
    @task
    def show(a: int, b: int = 2, *more: int, last: int = 4, **named: int) -> int:
        return a

    assert set_arg_defaults(show, (1,), {}) == ((1, 2), {"last": 4})
    assert set_arg_defaults(show, (), {"b": 5, "a": 1, "x": 6}) == ((1, 5), {"last": 4, "x": 6})
    with pytest.raises(TypeError):
        set_arg_defaults(show, (), {})
