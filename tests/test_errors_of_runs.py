"""What is told of runs: limits, retries, timeouts, places that cannot run a job, and trouble on the way."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from redux import Scheduler, task
from redux.executors.dask import DaskMissing
from redux.executors.executor import importing
from redux.executors.orders import NoModule
from redux.executors.work_queue import CannotStartThread
from redux.functools import throw
from redux.handle import Handle
from redux.repo import Repo
from redux.scheduler.limits import LimitNeverFree
from redux.scheduler.report import ExecutionFailed
from redux.session import open_scheduler
from redux_backends.backend import BackendUnavailable
from redux_backends.memory import MemoryBackend
from redux_backends.records import ExecutionId
from redux_valuestore.store import MemoryStore

from .error_texts import hold_to_golden

redux_namespace = "runs"
stuck = threading.Event()


@task
def same(value: Any) -> Any:
    return value


@task(limits={"gpu": 2})
def greedy() -> int:
    return 1


@task(limits=["gpu"])
async def awaits_greedy() -> Any:
    return await greedy.options(limits=["gpu"])()  # type: ignore[misc]


@task(executor="elsewhere")
def elsewhere() -> int:
    return 1


@task(timeout=0.05)
def slow() -> None:
    stuck.wait(30)


@task(timeout=0.05, executor="processes")
def slow_process() -> None:
    threading.Event().wait(30)


@task(executor="processes")
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(executor="processes")
def leaves() -> None:
    os._exit(3)


@task(retries=2)
def stubborn() -> None:
    raise ConnectionError("no answer")


@task
def forever(number: int) -> int:
    return forever(number)


@task
def exits() -> None:
    sys.exit("done here")


class Database(Handle):
    """A handle of nothing."""


@task
def insert(base: Any) -> Any:
    return base


class Refusing(Executor):
    """A pool that takes no job."""

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


def run(expression: object, **settings: Any) -> Any:
    return Scheduler(**settings).run(expression)


def test_every_error_of_a_run_says_which_task_and_what_to_do(
    workflow: Callable[[str], Path], load: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
):
    attempts = {
        "limits={'gpu': 2} where there is 1": lambda: run(greedy()),
        "limits={'gpu': 2} where there is 1, given": lambda: run(greedy(), limits={"gpu": 1}),
        "limits=['gpu'], held above": lambda: run(awaits_greedy()),
        "limits=['gpu'], held beside": lambda: raise_(LimitNeverFree("runs.greedy", "gpu", ["runs.awaits_greedy"])),
        "executor='elsewhere'": lambda: run(elsewhere()),
        "Scheduler(executor='elsewhere')": lambda: run(same(1), executor="elsewhere"),
        "an executor that takes no job": lambda: run(elsewhere(), executors={"elsewhere": Refusing}),
        "an executor that cannot be made": lambda: run(elsewhere(), executors={"elsewhere": cast(Any, undone)}),
        "timeout=0.05, in a thread": lambda: run(slow()),
        "timeout=0.05, in a process": lambda: run(slow_process()),
        "a worker process is killed": lambda: run(killed()),
        "a worker process ends itself": lambda: run(leaves()),
        "no worker process can be started": lambda: no_process(monkeypatch),
        "no thread can be started": lambda: raise_(CannotStartThread("runs.same", "can't start new thread")),
        "a task of no module in a worker": lambda: raise_(NoModule("cell")),
        "a task inside a function in a worker": lambda: inner_in_worker(workflow, load),
        "a file that does not import in a worker": lambda: broken_in_worker(workflow, load),
        "code edited meanwhile, in a worker": lambda: edited_in_worker(workflow, load),
        "a script that runs when a worker imports it": lambda: within_worker(),
        "Dask is not installed": lambda: raise_(DaskMissing()),
        "retries=2, and it raises again": lambda: run(stubborn()),
        "a call that waits for itself": lambda: run(forever(1)),
        "a task that exits": lambda: run(exits()),
        "an argument that contains itself": lambda: run(same(looped())),
        "an argument too deep, with an expression": lambda: run(same(deep(same(1)))),
        "stopped before its end": lambda: stopped(),
        "an execution that failed": lambda: raise_(
            ExecutionFailed(ExecutionId(b"\x0a" * 16), "was stopped before its end")
        ),
        "a handle, and the database is full": lambda: rolled_back_nowhere(),
        "a dry run of what cannot be": lambda: Scheduler().dry_run(greedy.options(nout=2)()),
        "a dry run of what is wrong": lambda: Scheduler().dry_run(same(throw(ValueError("known before")))),
        "an executor's own options, processes": lambda: run(same.options(executor=5)(1)),
    }
    hold_to_golden("run_errors", attempts, workflow("").parent)
    stuck.set()


def raise_(error: BaseException) -> object:
    """An error that no test can bring about without harm to the machine."""
    raise error


def undone() -> Executor:
    raise ConnectionError("no cluster at this address")


def no_process(patched: pytest.MonkeyPatch) -> object:
    def refuse(*args: object, **options: object) -> object:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    with patched.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        return run(same(1), executor="processes")


def inner_in_worker(workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]) -> object:
    path = workflow("from redux import task\ndef make():\n    @task\n    def inner(): ...\n    return inner\n")
    return run(load(path).make()(), executor="processes", folder=path.parent)


def broken_in_worker(workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]) -> object:
    path = workflow(
        "import os\nfrom redux import task\nif os.environ.get('IN_WORKER'):\n    1 / 0\n@task\ndef fragile(): ...\n"
    )
    module = load(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IN_WORKER", "1")
        return run(module.fragile(), executor="processes", folder=path.parent)


EDITED = """
from redux import task

@task
def answer(x):
    return x

@task(executor="threads")
def edit(text):
    with open(__file__, "w") as stream:
        stream.write(text)
"""


def edited_in_worker(workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]) -> object:
    path = workflow(EDITED)
    module = load(path)
    edited = module.edit(EDITED.replace("return x", "return x + 1"))
    return run(module.answer(edited), executor="processes", folder=path.parent)


def within_worker() -> object:
    importing.append("flow.py")
    try:
        return run(same(1))
    finally:
        importing.clear()


def looped() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


def deep(value: object) -> object:
    for _ in range(5_000):
        value = [value]
    return value


def stopped() -> object:
    scheduler = Scheduler()

    @task(name="stops", version="1")
    def stops() -> Any:
        scheduler.stop()
        return same(1)

    return scheduler.execute(stops()).value


def rolled_back_nowhere() -> object:
    class Full(MemoryBackend):
        def record(self, batch: Any) -> None:
            raise BackendUnavailable("the database redux.db is full; make room on its disk, and run again")

    return run(insert(Database("main")), repo=Repo(Full(), MemoryStore()))


def test_every_error_of_a_session_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".redux").write_text("no folder")
    attempts = {
        "open_scheduler() beside a file .redux": lambda: open_scheduler().__enter__(),
        "task.call() beside a file .redux": lambda: same.call(1),
    }
    hold_to_golden("session_errors", attempts, tmp_path)
