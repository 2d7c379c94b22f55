"""What every place that runs jobs has in common: the order, the outcome, and `execute`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from redux.ahead import asked_together
from redux.counts import held_to_count
from redux.handle import advanced
from redux.repo import Repo
from redux.secrets import check_result, without_secrets
from redux.stand_ins import postprocessed
from redux.value import Encoded, encode
from redux_backends.records import Seconds, Traits, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen
from redux_valuestore.store import StoreError

if TYPE_CHECKING:
    from concurrent import futures


class ExecutorError(ReduxError):
    """A place where jobs run could not do its part."""


class RunInWorker(ReduxError):
    """A worker process imported a script that runs something when it is imported."""

    def __init__(self) -> None:
        super().__init__(
            "a worker process imports your script, and the script runs redux when it is imported: "
            'put that part under `if __name__ == "__main__":`'
        )


importing: list[str] = []
"""In a worker process: the workflow that it imports at the moment."""


class TimedOut(ExecutorError, TimeoutError):
    """A job of the task `fullname` took longer than the `seconds` it may.

    `goes_on` where nothing could end it, so that what it still does is not heard.
    """

    def __init__(self, fullname: str, seconds: Seconds, goes_on: bool = False) -> None:
        self.fullname, self.goes_on = fullname, goes_on
        given_up = f"task {fullname} took longer than {seconds:g} s and was given up"
        remedy = "give it a longer timeout=, or retries="
        if goes_on:
            given_up += ", but cannot be ended where it runs, so it goes on unheard"
            remedy += ", or executor='processes', where it is ended"
        super().__init__(f"{given_up}; {remedy}")


class CodeDiffers(ExecutorError):
    """A worker's code of the task `fullname` isn't what the execution hashed."""

    def __init__(self, fullname: str, path: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} in {path} is not the code that this execution began with: "
            "it was edited meanwhile, or depends on how it was imported; run again"
        )


class JobCancelled(ReduxError):
    """The async task `fullname` was cancelled because its run ends, or because nobody waits for it any more."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} was cancelled, for its run ended or nothing awaited it any more; "
            "run again to have its result"
        )


@frozen
class JobSpec:
    """A job to run: the task by `fullname` and `task_hash`, its function `func`, its arguments as plain values.

    `args` and `kwargs` are as they are passed. `nout` is how many things the result has to be, if that was said,
    `timeout` is how many seconds it may take; `options` are what the task's options say to the executor alone.
    """

    fullname: str
    task_hash: Digest
    func: Callable[..., Any]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    nout: int | None = None
    timeout: Seconds | None = None
    options: tuple[tuple[str, object], ...] = ()
    eval_hash: Digest | None = None
    """which handles that it returns are told of"""
    load_module: str | None = None
    """what another process imports to have the task, where that is not the function's own module"""


@frozen
class Outcome:
    """How a job that `started` and `ended` at these moments went: a `value`, or an `error`.

    `encoded` is the value's encoding, `records` what is to be recorded of it. `absent` says that the value itself
    stayed elsewhere (another process) and only its encoding came. `trouble` is why large bytes could not be stored; the
    value is good all the same, and `records` is then empty.
    """

    started: Seconds
    ended: Seconds
    value: object = None
    absent: bool = False
    encoded: Encoded | None = None
    records: tuple[ValueRecord, ...] = ()
    error: BaseException | None = None
    trouble: ReduxError | None = None


class Executor(Protocol):
    """A place that runs jobs. Each job's outcome is reported once, from any thread, and maybe before `submit` returns.

    `submit` does not wait for a job, unless jobs run in the thread that hands them out.
    """

    name: str

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job, `spec`; its outcome is reported under `key`."""
        ...

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs that have not begun; they will not run."""
        ...

    def give_up_overdue(self) -> None:
        """Report the jobs that took longer than they may, with TimedOut; whatever still comes of them is dropped."""
        ...

    def close(self) -> None:
        """Wait for running jobs and let the workers go."""
        ...


@runtime_checkable
class OfSize(Protocol):
    """An executor that runs so many jobs at once, so that hardly more of a task are claimed for it at a time."""

    @property
    def workers(self) -> int:
        """How many."""
        ...


@runtime_checkable
class TellsOfStop(Protocol):
    """An executor that can tell jobs which are schedulers of their own that their run stops."""

    def tell_of_stop(self) -> None:
        """Have the schedulers among the jobs, present and to come, begin nothing more."""
        ...


Done = Callable[[object, Outcome], None]


class Question:
    """An `expression` whose value a running job awaits. Whoever has the value gives it to `answer`.

    `wake` is then called with the question, and tells the job.
    """

    __slots__ = ("_wake", "error", "expression", "given_up", "traceback", "value")

    def __init__(self, expression: object, wake: Callable[[Question], None]) -> None:
        self.expression = expression
        self.value: object = None
        self.error: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.given_up = False
        """whether nobody awaits it any more"""
        self._wake = wake

    def answer(self, value: object) -> None:
        """Give the value. Safe from any thread."""
        self.value = value
        self._wake(self)

    def fail(self, error: BaseException) -> None:
        """Say that there is none, and why. Safe from any thread."""
        self.error, self.traceback = error, error.__traceback__
        self._wake(self)


Ask = Callable[[object, Question], None]
"""Is told what a running job awaits, under the job's key."""


@dataclass(frozen=True, slots=True)
class Site:
    """What an executor is opened with: the `repo` that values go to, and `done`, which is told each outcome by its key.

    `workers` is how many jobs may run at once; None leaves that to the executor.
    """

    repo: Repo
    done: Done
    workers: int | None
    folder: Path
    """where the user's own project is found"""


MakePool = Callable[[], "futures.Executor"]
"""What makes a pool of others' workers."""


class Place(ABC):
    """An executor that is yet to be opened, under the name that the user gave it."""

    __slots__ = ()

    @abstractmethod
    def open(self, name: str, site: Site) -> Executor:
        """The executor at a `site`, once the first job asks for it; its `name` is what jobs are recorded with."""


def execute(spec: JobSpec, repo: Repo) -> Outcome:
    """How the job `spec` goes here: call the function, encode its result, put large bytes into the store of `repo`.

    Raises nothing: whatever goes wrong is in the outcome.
    """
    started = time.time()
    try:
        value = spec.func(*spec.args, **spec.kwargs)
    except BaseException as error:  # whatever a task raises is its outcome, exits included
        return Outcome(started, time.time(), error=without_secrets(error))
    return outcome_of(spec, repo, started, value)


def outcome_of(spec: JobSpec, repo: Repo, started: Seconds, returned: object) -> Outcome:
    """The outcome of a job, `spec`, that `started` then and whose function `returned` this.

    The result is encoded, and large bytes of it are put into the store of `repo`.
    """
    try:
        value = postprocessed(returned, spec.fullname)
        if spec.eval_hash is not None:
            value = advanced(value, spec.eval_hash)
        if spec.nout is not None:
            value = held_to_count(spec.fullname, spec.nout, value)
        encoded = _encode_result(spec, value)
        check_result(spec.fullname, encoded, bool(encoded.traits & Traits.EXPRESSIONS))
    except BaseException as error:  # a user's own encoder may raise anything
        return Outcome(started, time.time(), error=error)
    ended = time.time()
    try:
        records = tuple(repo.keep(encoded, value))
    except (StoreError, OSError) as error:
        trouble = error if isinstance(error, ReduxError) else StoreError(str(error))
        return Outcome(started, ended, value, False, encoded, (), None, trouble)
    except BaseException as error:  # whatever goes wrong is told: a job without an outcome is waited for for ever
        return Outcome(started, time.time(), error=error)
    return Outcome(started, ended, value, False, encoded, records)


def _encode_result(spec: JobSpec, value: object) -> Encoded:
    try:
        with asked_together(value):
            return encode(value)
    except ReduxError as error:
        error.add_note(f"it is (in) the result of task {spec.fullname}")
        raise
