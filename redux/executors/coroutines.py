"""Async tasks: their coroutines run side by side in one asyncio loop, on a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from threading import Lock, Thread
from typing import Any, cast

from redux.awaiting import CURRENT_ASKER
from redux.executors.executor import Ask, JobCancelled, JobSpec, Outcome, Question, Site, TimedOut, outcome_of
from redux.expression import Expression
from redux.nested import ATOMS
from redux.secrets import without_secrets
from redux_backends.records import Seconds
from redux_valuestore.errors import ReduxError

GRACE_SECONDS = 1.0
"""How long coroutines that were given up have to end, when all else has."""


class CancelledItself(ReduxError):
    """An async task ended as cancelled, though nobody had cancelled it."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} ended with asyncio.CancelledError, though nobody cancelled it: "
            "it awaited what was cancelled elsewhere; catch that in the task"
        )


class NobodyAnswers(ReduxError):
    """An expression was awaited in an async task that had ended, or was cancelled."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} has ended or was cancelled, and something in it awaits an expression: "
            "await all that the task starts before it returns, and no expression while it is cancelled"
        )


class _Running:
    """A job whose coroutine runs, or is about to."""

    def __init__(self, key: object, spec: JobSpec, ask: Callable[[object, Question], None]) -> None:
        self.key = key
        self.spec = spec
        self.since: float | None = None
        self.over = False
        self.cancelled = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self._ask = ask

    async def ask(self, expression: object) -> object:
        """The value of an expression, evaluated as a child of the job. Raises its error where it failed."""
        if self.over:
            raise NobodyAnswers(self.spec.fullname)
        loop = asyncio.get_running_loop()
        coming: asyncio.Future[Question] = loop.create_future()

        def wake(question: Question) -> None:
            with suppress(RuntimeError):  # the loop is closed: whoever asked is gone
                loop.call_soon_threadsafe(_tell, coming, question)

        question = Question(expression, wake)
        self._ask(self.key, question)
        try:
            await coming
        except asyncio.CancelledError:
            question.given_up = True
            self._ask(self.key, question)
            raise
        if question.error is not None:
            raise question.error.with_traceback(question.traceback)
        value, question.value = question.value, None
        return value

    def cancel(self) -> None:
        """Cancel the coroutine, and with it all that it awaits."""
        self.cancelled = self.over = True
        for task in list(self.tasks):
            task.cancel()


class CoroutineExecutor:
    """Runs any number of coroutines at once. They take no worker, so they may wait for jobs that need one."""

    name = "asyncio"

    def __init__(self, site: Site, ask: Ask) -> None:
        self._site = site
        self._ask = ask
        self._changing = Lock()
        self._jobs: dict[object, _Running] = {}
        self._loop = asyncio.new_event_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._loop.set_task_factory(cast(Any, _start))
        self._thread = Thread(target=self._serve, name="redux-asyncio", daemon=True)
        self._thread.start()

    def submit(self, key: object, spec: JobSpec) -> None:
        """Have a job's coroutine begin."""
        begun = _Running(key, spec, self._ask)
        with self._changing:
            self._jobs[key] = begun
        self._loop.call_soon_threadsafe(self._begin, begun)

    def cancel(self, key: object) -> None:
        """Cancel a job's coroutine; its outcome is then JobCancelled, whatever it makes of that."""
        begun = self._jobs.get(key)
        if begun is not None:
            self._loop.call_soon_threadsafe(begun.cancel)

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs whose coroutines have not begun."""
        with self._changing:
            waiting = [key for key, begun in self._jobs.items() if begun.since is None]
            for key in waiting:
                del self._jobs[key]
        return waiting

    def give_up_overdue(self) -> None:
        """Report and cancel the jobs that took longer than they may."""
        now = time.monotonic()
        for begun in list(self._jobs.values()):
            limit, since = begun.spec.timeout, begun.since
            if limit is None or since is None or now - since < limit or not self._take(begun):
                continue
            self._loop.call_soon_threadsafe(begun.cancel)
            ended = time.time()
            late = TimedOut(begun.spec.fullname, limit)
            self._site.done(begun.key, Outcome(ended - limit, ended, error=late))

    def close(self) -> None:
        """Cancel what is left, and end the loop."""
        self._loop.call_soon_threadsafe(self._closed.set_result, None)
        self._thread.join()

    # -- in the loop's thread ----------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._closed.done():
            # An exit that an asyncio task raised goes through the loop, and is in that task's result too.
            # A RuntimeError is the loop's own, where somebody stopped it.
            with suppress(SystemExit, KeyboardInterrupt, RuntimeError):
                self._loop.run_until_complete(self._closed)
        with suppress(SystemExit, KeyboardInterrupt):
            self._loop.run_until_complete(_wind_up(self._loop))
        self._loop.close()

    def _begin(self, begun: _Running) -> None:
        with self._changing:
            if self._jobs.get(begun.key) is not begun:
                return
            begun.since = time.monotonic()
        context = Context()
        context.run(CURRENT_ASKER.set, begun)
        task = self._loop.create_task(self._run(begun), context=context)
        task.add_done_callback(lambda _: self._ended(begun))

    async def _run(self, begun: _Running) -> None:
        spec = begun.spec
        started = time.time()
        try:
            value = await spec.func(*spec.args, **spec.kwargs)
        except GeneratorExit:
            raise
        except BaseException as error:  # whatever a task raises is its outcome, exits included
            outcome = Outcome(started, time.time(), error=_as_outcome(error, spec.fullname))
        else:
            outcome = await self._kept(spec, started, value)
        begun.over = True
        await _end_others(begun)
        if begun.cancelled:
            outcome = Outcome(started, time.time(), error=JobCancelled(spec.fullname))
        if self._take(begun):
            self._site.done(begun.key, outcome)

    async def _kept(self, spec: JobSpec, started: Seconds, value: object) -> Outcome:
        """The outcome of a coroutine that returned; what may be large is encoded and stored beside the loop."""
        repo = self._site.repo
        if type(value) in ATOMS and (not isinstance(value, (str, bytes)) or len(value) <= repo.inline_limit):
            return outcome_of(spec, repo, started, value)
        return await asyncio.to_thread(outcome_of, spec, repo, started, value)

    def _ended(self, begun: _Running) -> None:
        """A coroutine that was cancelled before its first step says nothing itself."""
        if self._take(begun):
            now = time.time()
            self._site.done(begun.key, Outcome(now, now, error=JobCancelled(begun.spec.fullname)))

    def _take(self, begun: _Running) -> bool:
        """Whether the job was still to be told of: whoever takes it says how it came out."""
        with self._changing:
            if self._jobs.get(begun.key) is not begun:
                return False
            del self._jobs[begun.key]
        return True


def _as_outcome(error: BaseException, fullname: str) -> BaseException:
    if not isinstance(error, asyncio.CancelledError):
        return without_secrets(error)
    cancelled = CancelledItself(fullname)
    cancelled.__cause__ = error
    return cancelled.with_traceback(error.__traceback__)


async def _end_others(begun: _Running) -> None:
    """Cancel what a task started and did not await, as `asyncio.run` does at its end."""
    others = begun.tasks - {asyncio.current_task()}
    for task in others:
        task.cancel()
    while others:
        try:
            await asyncio.wait(others)
        except asyncio.CancelledError:  # the job itself is cancelled meanwhile: it is over all the same
            continue
        return


async def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=GRACE_SECONDS)
    await loop.shutdown_asyncgens()


def _tell(coming: asyncio.Future[Question], question: Question) -> None:
    if not coming.done():
        coming.set_result(question)


async def _value_of(expression: Expression) -> object:
    return await cast(Any, expression)


def _start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """An asyncio task, known to the job that it belongs to; an expression will do in place of a coroutine."""
    work = _value_of(coroutine) if isinstance(coroutine, Expression) else coroutine
    task = asyncio.Task(work, loop=loop, **options)
    context: Context | None = options.get("context")
    asker = CURRENT_ASKER.get() if context is None else context.get(CURRENT_ASKER)
    if isinstance(asker, _Running):
        asker.tasks.add(task)
        task.add_done_callback(asker.tasks.discard)
    return task
