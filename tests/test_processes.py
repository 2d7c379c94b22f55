"""Jobs in worker processes: the same answers, from the same code, with the same care."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from redux.executors.executor import CodeDiffers
from redux.executors.processes import WorkerDied
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task

redux_namespace = "test_processes"


class Refused(Exception):
    """An error with parts."""


@task
def process_id(x: int) -> int:
    return os.getpid()


@task(executor="threads")
def own_process_id(x: int) -> int:
    return os.getpid()


@task
def scale(array: np.ndarray, by: float) -> np.ndarray:
    return array * by


@task
def speak(text: str) -> str:
    print(text)
    return text.upper()


@task
def refuse(code: int) -> None:
    raise Refused("no", code)


@task
def die(x: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task
def twice(x: int) -> object:
    return speak(f"{x}{x}")


def test_jobs_run_elsewhere_in_workers_that_are_reused(repo: Repo):
    processes = set(Scheduler(repo, executor="processes", workers=2).run([process_id(i) for i in range(12)]))
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert Scheduler(repo, executor="processes", workers=1).run(own_process_id(1)) == os.getpid()


def test_values_cross_both_ways_and_are_the_same_calls_as_in_threads(repo: Repo):
    array = np.arange(50_000.0)
    report = Scheduler(repo, executor="processes", workers=1).execute([scale(scale(array, 2.0), 3.0), twice(4)])
    assert np.array_equal(report.value[0], array * 6)
    assert report.value[1] == "44"
    again = Scheduler(repo).execute([scale(scale(array, 2.0), 3.0), twice(4)])
    assert np.array_equal(again.value[0], array * 6)
    assert sum(counts.done for counts in again.counts.values()) == 0


def test_what_tasks_print_goes_to_standard_error(sqlite_repo: Repo, capfd: pytest.CaptureFixture[str]):
    Scheduler(sqlite_repo, executor="processes", workers=1).run(speak("a word"))
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "a word" in printed.err


def test_an_error_arrives_as_itself_with_its_own_traceback(repo: Repo):
    failure = Scheduler(repo, executor="processes", workers=1).execute(refuse(7)).failure
    assert failure is not None
    assert type(failure.error) is Refused
    assert failure.error.args == ("no", 7)
    assert 'raise Refused("no", code)' in failure.traceback_text


def test_a_worker_that_dies_fails_its_job_and_is_replaced(repo: Repo):
    report = Scheduler(repo, executor="processes", workers=1, keep_going=True).execute([die(1), speak("after")])
    assert report.failure is not None
    assert isinstance(report.failure.error, WorkerDied)
    assert "test_processes.die" in str(report.failure.error)
    assert "SIGKILL" in str(report.failure.error)
    assert report.counts["test_processes.speak"].done == 1


FLOW = """
from redux import task

redux_namespace = "edited"

@task
def answer(x):
    return x + {constant}
"""


def test_a_worker_refuses_code_that_was_edited_meanwhile(
    repo: Repo, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
):
    path = workflow(FLOW.format(constant=1))
    edited = load(path)
    scheduler = Scheduler(repo, executor="processes", workers=1, folder=path.parent)
    assert scheduler.run(edited.answer(1)) == 2
    failure = scheduler.execute(edited.answer(edit_file(str(path), FLOW.format(constant=2)))).failure
    assert failure is not None
    assert isinstance(failure.error, CodeDiffers)


@task(executor="threads")
def edit_file(path: str, text: str) -> int:
    Path(path).write_text(text)
    return len(text)
