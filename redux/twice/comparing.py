"""Recorded calls made again in other processes, and what they gave compared with what was recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import Empty, SimpleQueue

from redux.executors.executor import ExecutorError, JobSpec, Outcome, TimedOut
from redux.executors.pool import ExecutorPool
from redux.repo import Repo
from redux.secrets import SecretAbsent, holds_absent
from redux.tracebacks import text_of
from redux.twice.sampling import RecordedCall
from redux.value import preview
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Evaluation, Seconds, StoredValue, Traits
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import MemoryStore, ValueStore

_LOOK_SECONDS = 0.1
_AHEAD = 64
"""Of how many calls the arguments are here at once."""
_START_SECONDS = 10.0
"""What a call may take besides its own time: its worker may have to start first."""


class Verdict(StrEnum):
    """How a call that was made again compares with what was recorded."""

    SAME = "same"
    DIFFERS = "differs"
    RAISED = "raised"
    UNKNOWN = "unknown"
    """it could not be made to its end: it took too long, or its worker was lost"""


@dataclass(frozen=True, slots=True)
class Again:
    """A recorded `call` made again: it took so many `seconds`, and `shown` is what it gave now, or its error."""

    call: RecordedCall
    verdict: Verdict
    shown: str
    seconds: Seconds
    outcome: Outcome


def check_twice(
    repo: Repo,
    calls: Sequence[RecordedCall],
    folder: Path,
    *,
    executor: str = "processes",
    workers: int | None = None,
    timeout: Seconds | None = None,
    store: ValueStore | None = None,
) -> list[Again]:
    """Make recorded calls again, and compare what they give; nothing is recorded.

    They run on an `executor` with so many `workers`, for at most `timeout` seconds each, but for the time that workers
    need to start; `folder` is where the user's project is found. What is large of what they give goes to the `store`,
    by default one that nobody keeps. What is given is in the order of the calls.
    """
    aside = Repo(MemoryBackend(), store or MemoryStore(), repo.inline_limit)
    pool = ExecutorPool(aside, executor, workers, folder)
    found: dict[int, Again] = {}
    for at, outcome in _outcomes(pool, repo, calls, timeout):
        found[at] = _compare(calls[at], outcome)
    return [found[at] for at in sorted(found)]


def record(repo: Repo, again: Again, store: ValueStore) -> None:
    """Record what a call gave now beside what it gave before; `store` has what is large of it.

    The next run reuses what was given last. Raises BackendError, StoreError.
    """
    outcome = again.outcome
    if outcome.encoded is None:
        return
    for one in outcome.records:
        if one.data is None:
            repo.store.put(one.hash, [store.get(one.hash)])
    given = Evaluation(again.call.key.eval_hash, outcome.encoded.hash, again.seconds, outcome.ended)
    repo.backend.record(Batch(values=outcome.records, evaluations=(given,)))


def _outcomes(
    pool: ExecutorPool, repo: Repo, calls: Sequence[RecordedCall], timeout: Seconds | None
) -> Iterator[tuple[int, Outcome]]:
    inbox: SimpleQueue[tuple[object, object]] = SimpleQueue()
    pool.connect(lambda key, outcome: inbox.put((key, outcome)), lambda key, question: inbox.put((key, question)))
    left, waiting = deque(enumerate(calls)), 0
    try:
        while left or waiting:
            while left and waiting < _AHEAD:
                at, call = left.popleft()
                try:
                    spec = _order(repo, call, timeout)
                except (ReduxError, TypeError) as error:
                    yield at, Outcome(0.0, 0.0, error=error)
                    continue
                pool.get(None).submit(at, spec)
                waiting += 1
            try:
                key, came = inbox.get(timeout=_LOOK_SECONDS)
            except Empty:
                pool.give_up_overdue()
                continue
            if isinstance(came, Outcome) and isinstance(key, int):
                waiting -= 1
                yield key, came
    finally:
        pool.cancel_waiting()
        pool.close()


def _order(repo: Repo, call: RecordedCall, timeout: Seconds | None) -> JobSpec:
    task, options = call.task, call.task.declared
    bound = task.bind_named([(name, _given(repo, stored)) for name, stored in call.arguments])
    allowed = [seconds + _START_SECONDS for seconds in (timeout, options.timeout) if seconds is not None]
    return JobSpec(
        task.fullname, call.key.task_hash, task.run, bound.args, bound.kwargs, task.nout,
        min(allowed, default=None), options.for_executor, call.key.eval_hash, options.load_module,
    )  # fmt: skip


def _given(repo: Repo, stored: StoredValue) -> object:
    """A recorded argument. Raises SecretAbsent where a secret is in it, and what `Repo.load` does."""
    value = repo.load(stored)
    if stored.traits & Traits.HOOKS and holds_absent(value):
        raise SecretAbsent
    return value


def _compare(call: RecordedCall, outcome: Outcome) -> Again:
    seconds = outcome.ended - outcome.started
    error = outcome.error
    if error is not None:
        timed_out = isinstance(error, TimedOut)
        told = "it took longer than it may" if timed_out else f"{type(error).__name__}: {text_of(error)}"
        lost = isinstance(error, ExecutorError) or not outcome.ended
        return Again(call, Verdict.UNKNOWN if lost else Verdict.RAISED, told, seconds, outcome)
    assert outcome.encoded is not None
    same = outcome.encoded.hash == call.result.hash
    shown = outcome.records[-1].preview if outcome.records else preview(outcome.value)
    return Again(call, Verdict.SAME if same else Verdict.DIFFERS, shown, seconds, outcome)
