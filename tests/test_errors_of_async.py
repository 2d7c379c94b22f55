"""What is told of async tasks that wait in vain, of schedulers asked for in vain, and of rules that are async."""

from __future__ import annotations

import asyncio
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from redux import Scheduler, get_current_scheduler, task
from redux.executors.coroutines import CoroutineExecutor
from redux.executors.executor import JobSpec, Outcome, Site
from redux.repo import Repo
from redux.rules import rule
from redux.scheduler import scheduler_task
from redux_backends.memory import MemoryBackend
from redux_valuestore.digest import digest_bytes
from redux_valuestore.store import MemoryStore

from .error_texts import hold_to_golden

redux_namespace = "waits"


@task(version="1")
def same(value: Any) -> Any:
    return value


@task(version="1", limits=["lane"])
async def through_lane(value: Any) -> Any:
    return await same(value)


@task(version="1", limits=["lane"])
async def holds_lane() -> Any:
    return await through_lane(1)


@task(version="1")
async def cancels_itself() -> None:
    elsewhere: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    elsewhere.cancel()
    await elsewhere


@task(version="1", cache=False)
async def asks_too_late() -> Any:
    async def work() -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            await same(1)

    left = asyncio.create_task(work())
    left.add_done_callback(lambda done: told.append(done.exception()))
    await asyncio.sleep(0)
    return "done"


@task(version="1", cache=False)
async def never_ends() -> None:
    await asyncio.Event().wait()


told: list[Any] = []


def run(expression: object) -> Any:
    return Scheduler().run(expression)


def left_behind() -> object:
    told.clear()
    run(asks_too_late())
    raise told[0]


def cancelled() -> object:
    """What is recorded of a job whose coroutine the run cancels; nobody waits for it, so nothing raises it."""
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    repo = Repo(MemoryBackend(), MemoryStore())
    site = Site(repo, lambda key, outcome: outcomes.put(outcome), None, Path())
    executor = CoroutineExecutor(site, lambda key, question: None)
    executor.submit("job", JobSpec("waits.never_ends", digest_bytes(b""), never_ends.func, (), {}))
    executor.cancel("job")
    error = outcomes.get().error
    executor.close()
    assert error is not None
    raise error


async def waits(value: Any) -> Any:
    return value


def test_every_error_of_what_waits_says_what_to_do():
    attempts = {
        "a task awaits what was cancelled elsewhere": lambda: run(cancels_itself()),
        "an expression awaited by what has ended": left_behind,
        "a call takes a limit that the task above it holds": lambda: run(holds_lane()),
        "a task that nothing awaits any more": cancelled,
        "get_current_scheduler() outside of a rule": lambda: get_current_scheduler(),
        "@rule on async def": lambda: rule("waits.waits")(waits),
        "@scheduler_task on async def": lambda: scheduler_task(waits),
        "an async task timeout=0.05": lambda: run(never_ends.options(timeout=0.05)()),
    }
    hold_to_golden("async_errors", attempts)
