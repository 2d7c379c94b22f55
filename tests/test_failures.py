"""What happens when a job raises, a run is stopped, or storage is in trouble."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from redux.executors.pool import ExecutorPool
from redux.expression import TaskCall
from redux.repo import Repo
from redux.scheduler import ExecutionFailed, Scheduler
from redux.task import task
from redux_backends.backend import BackendUnavailable
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, ExecutionId, JobStatus
from redux_valuestore.digest import Digest
from redux_valuestore.store import MemoryStore, StoreUnavailable

redux_namespace = "test_failures"

_scheduler: list[Scheduler] = []
_given_back = threading.Event()


@task
def good(x: int) -> int:
    return x


@task
def divide(x: int, y: int) -> float:
    return x / y


@task
def outer(y: int) -> object:
    return wrap(divide(1, y))


@task
def wrap(value: object) -> object:
    return [value]


@task
def after(value: object) -> object:
    return value


@task(version="1")
def stops_the_run(x: int) -> int:
    _scheduler[0].stop()
    return x


@task(version="1")
def stops_and_holds(x: int) -> int:
    _scheduler[0].stop()
    _given_back.wait()
    return x


@task
def interrupts_the_run(x: int) -> int:
    os.kill(os.getpid(), 2)
    return x


@task
def leaves(code: int) -> None:
    raise SystemExit(code)


@task
def large(letter: str) -> str:
    return letter * 10_000


def statuses(repo: Repo, execution: object) -> dict[str, set[JobStatus]]:
    found: dict[str, set[JobStatus]] = {}
    for counts in repo.backend.count_jobs(execution):
        found.setdefault(counts.fullname.partition(".")[2], set()).add(counts.status)
    return found


def test_a_failure_shows_the_tasks_own_traceback_and_the_calls_that_led_there(repo: Repo):
    report = Scheduler(repo).execute(outer(0))
    failure = report.failure
    assert failure is not None
    assert isinstance(failure.error, ZeroDivisionError)
    assert [name for name, _ in failure.chain] == ["test_failures.outer", "test_failures.divide"]
    assert failure.chain[1][1] == "x=1, y=0"
    assert "return x / y" in failure.traceback_text
    assert "run_loop" not in failure.traceback_text
    assert "executor" not in failure.traceback_text
    with pytest.raises(ZeroDivisionError):
        _ = report.value
    assert statuses(repo, report.execution_id) == {
        "outer": {JobStatus.FAILED},
        "divide": {JobStatus.FAILED},
    }
    assert repo.backend.executions(1)[0].status is JobStatus.FAILED


def test_what_finished_stays_and_an_error_is_not_reused(repo: Repo):
    report = Scheduler(repo, workers=1).execute([good(1), divide(1, 0)])
    assert report.failure is not None
    again = Scheduler(repo, keep_going=True).execute([good(1), divide(1, 0)])
    assert again.counts["test_failures.good"].cached == 1
    assert again.counts["test_failures.divide"].failed == 1


def test_jobs_that_have_not_started_are_not_started_unless_it_keeps_going(repo: Repo):
    calls = [divide(1, 0), *(good(after(i)) for i in range(200))]
    stopped = Scheduler(repo, workers=1).execute(calls)
    assert stopped.counts.get("test_failures.good") is None
    on = Scheduler(repo, workers=1, keep_going=True).execute(calls)
    assert on.failure is not None
    assert on.counts["test_failures.good"].done == 200
    assert "test_failures.outer" not in on.counts


def test_a_task_that_exits_fails_and_does_not_take_the_run_along(repo: Repo):
    report = Scheduler(repo, keep_going=True).execute([leaves(3), good(1)])
    assert report.failure is not None
    assert isinstance(report.failure.error, SystemExit)
    assert report.counts["test_failures.good"].done == 1


def test_a_job_whose_own_arguments_are_at_fault_is_recorded(repo: Repo):
    report = Scheduler(repo).execute(after(lambda: 1))
    assert report.failure is not None
    assert report.failure.job_id is not None
    failed = repo.backend.get_job(report.failure.job_id)
    assert failed is not None
    assert (failed.fullname, failed.job.status) == ("test_failures.after", JobStatus.FAILED)
    (cause,) = Scheduler(repo).execute([after(divide(1, 0))]).counts
    assert cause == "test_failures.divide", "what was never called is not"


def test_an_error_between_tasks_names_the_task_that_made_the_expression(repo: Repo):
    report = Scheduler(repo).execute(index_too_far(3))
    assert report.failure is not None
    assert isinstance(report.failure.error, IndexError)
    assert [name for name, _ in report.failure.chain] == ["test_failures.index_too_far"]


@task
def index_too_far(n: int) -> object:
    return wrap(n)[n]


def test_a_stopped_run_lets_running_jobs_finish_and_keeps_them(repo: Repo):
    scheduler = Scheduler(repo, workers=1)
    _scheduler[:] = [scheduler]
    report = scheduler.execute([after(stops_the_run(1)), *(good(i) for i in range(50))])
    assert report.stopped
    with pytest.raises(ExecutionFailed, match="stopped"):
        _ = report.value
    found = statuses(repo, report.execution_id)
    assert found["stops_the_run"] == {JobStatus.DONE}
    assert "after" not in found
    assert JobStatus.RUNNING not in set().union(*found.values())
    assert repo.backend.executions(1)[0].status is JobStatus.CANCELLED


def test_jobs_that_waited_when_the_run_was_stopped_took_no_time(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    cancel = ExecutorPool.cancel_waiting

    def cancel_and_tell(pool: ExecutorPool) -> list[object]:
        keys = cancel(pool)
        _given_back.set()
        return keys

    monkeypatch.setattr(ExecutorPool, "cancel_waiting", cancel_and_tell)
    _given_back.clear()
    scheduler = Scheduler(repo, workers=1, single_flight=False)  # so that all of them wait for the worker
    _scheduler[:] = [scheduler]
    report = scheduler.execute([stops_and_holds(1), *(good(i) for i in range(50))])
    counts = {(one.fullname, one.status): one for one in repo.backend.count_jobs(report.execution_id)}
    unfinished = counts["test_failures.good", JobStatus.CANCELLED]
    assert (unfinished.count, unfinished.seconds) == (50, 0.0)


def test_an_interrupt_is_raised_again_once_all_is_recorded(repo: Repo):
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        Scheduler(repo, workers=1).execute([after(interrupts_the_run(1))])
    execution = repo.backend.executions(1)[0]
    assert execution.status is JobStatus.CANCELLED
    assert statuses(repo, execution.id) == {"interrupts_the_run": {JobStatus.DONE}}


# -- storage in trouble ------------------------------------------------------------------------------


class FullStore(MemoryStore):
    """A store on a full disk."""

    def put(self, digest: Digest, chunks: Sequence[object]) -> None:
        raise StoreUnavailable("no space left on the disk of the store", "store")


class FailingBackend(MemoryBackend):
    """A database that cannot be written, or neither read."""

    def __init__(self, readable: bool) -> None:
        super().__init__()
        self._readable = readable

    def record(self, batch: Batch) -> None:
        raise BackendUnavailable("the database is read-only", "db")

    def check_cache(self, evals: Sequence[Digest]) -> object:
        if not self._readable:
            raise BackendUnavailable("the database cannot be read", "db")
        return super().check_cache(evals)


@pytest.mark.parametrize(
    ("repo", "what"),
    [
        (Repo(MemoryBackend(), FullStore(), 100), "no space left"),
        (Repo(FailingBackend(readable=True), MemoryStore(), 100), "read-only"),
        (Repo(FailingBackend(readable=False), MemoryStore(), 100), "cannot be read"),
    ],
)
def test_storage_trouble_never_costs_the_result(repo: Repo, what: str):
    report = Scheduler(repo).execute([large("x"), wrap(large("x")), good(1)])
    assert report.value == ["x" * 10_000, ["x" * 10_000], 1]
    assert report.storage_trouble is not None
    assert what in report.storage_trouble


class KeepsItsLines(MemoryBackend):
    """A database that fails once the execution has ended."""

    def release_lines(self, execution: ExecutionId) -> None:
        raise OSError(5, "input/output error")


def test_storage_in_trouble_at_the_very_end_costs_no_result_either():
    report = Scheduler(Repo(KeepsItsLines(), MemoryStore())).execute(good(1))
    assert report.value == 1
    assert "input/output error" in (report.storage_trouble or "")


def test_a_task_whose_code_cannot_be_read_is_an_error_only_for_those_who_call_it(tmp_path: Path):
    names: dict[str, object] = {}
    exec("from redux.task import task\n@task(name='without_source')\ndef f(x):\n    return x\n", names)
    assert Scheduler(folder=tmp_path).run(good(1)) == 1
    report = Scheduler(folder=tmp_path).execute(names["f"](1))
    assert report.failure is not None
    assert "without_source" in str(report.failure.error)


def test_what_is_known_is_reused_from_a_database_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch):
    backend = MemoryBackend()
    repo = Repo(backend, MemoryStore())
    Scheduler(repo).run([good(7), good(8)])

    def refuse(*record: object) -> None:
        raise BackendUnavailable("the database is read-only", "db")

    monkeypatch.setattr(backend, "record", refuse)
    monkeypatch.setattr(backend, "record_execution", refuse)
    report = Scheduler(repo).execute([good(7), good(8)])
    assert report.value == [7, 8]
    assert report.counts["test_failures.good"].cached == 2
    assert report.storage_trouble is not None


class FaultyBackend(MemoryBackend):
    """A backend with a fault of its own."""

    def record(self, batch: Batch) -> None:
        raise KeyError("a fault of redux")


def test_a_fault_of_redux_while_recording_costs_no_result_and_is_told():
    report = Scheduler(Repo(FaultyBackend(), MemoryStore())).execute([good(i) for i in range(5000)])
    assert report.value == list(range(5000))
    assert report.storage_trouble is not None
    assert "a fault of redux, please report it" in report.storage_trouble


class Unprintable(Exception):
    """An error whose message cannot be made."""

    def __str__(self) -> str:
        raise ValueError("no message")


@task
def raises_unprintable(x: int) -> None:
    raise Unprintable(x)


@task(executor="nowhere")
def has_no_place(x: int) -> int:
    return x


def test_an_error_that_cannot_be_printed_is_told_all_the_same(repo: Repo):
    report = Scheduler(repo, keep_going=True).execute([raises_unprintable(1), good(2)])
    assert report.failure is not None
    assert type(report.failure.error) is Unprintable
    assert report.counts["test_failures.good"].done == 1


def test_a_job_that_finds_no_executor_fails_and_the_others_are_recorded(repo: Repo):
    report = Scheduler(repo, keep_going=True).execute([good(5), has_no_place(1), good(6)])
    assert report.failure is not None
    assert "nowhere" in str(report.failure.error)
    assert report.storage_trouble is None
    assert statuses(repo, report.execution_id) == {"good": {JobStatus.DONE}, "has_no_place": {JobStatus.FAILED}}


def test_a_call_that_cannot_be_made_does_not_keep_its_siblings_from_running(repo: Repo):
    unknown = TaskCall("test_failures.not_there", (1,), {})
    report = Scheduler(repo, keep_going=True).execute([good(1), unknown, good(2)])
    assert report.failure is not None
    assert report.counts["test_failures.good"].done == 2


def test_what_holds_itself_is_an_error_in_words(repo: Repo):
    loop: list[object] = []
    loop.append(loop)
    failure = Scheduler(repo).execute(after(loop)).failure
    assert failure is not None
    assert "contains itself" in str(failure.error)
