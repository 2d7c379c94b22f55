"""What every place that runs jobs has in common: the order, the outcome, and `execute`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from redux.counts import held_to_count
from redux.handle import advanced
from redux.repo import Repo
from redux.stand_ins import postprocessed
from redux.value import Encoded, encode
from redux_backends.records import Seconds, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen
from redux_valuestore.store import StoreError


class RunInWorker(ReduxError):
    """A worker process imported a script that runs something when it is imported."""

    def __init__(self) -> None:
        super().__init__(
            "a worker process imports your script, and the script runs redux when it is imported: "
            'put that part under `if __name__ == "__main__":`'
        )


importing: list[str] = []
"""In a worker process: the workflow that it imports at the moment."""


class TimedOut(ReduxError, TimeoutError):
    """A job took longer than it may; `goes_on` where nothing could end it, so that what it still does is not heard."""

    def __init__(self, fullname: str, seconds: Seconds, goes_on: bool = False) -> None:
        self.fullname, self.goes_on = fullname, goes_on
        given_up = f"task {fullname} took longer than {seconds:g} s and was given up"
        remedy = "give it a longer timeout=, or retries="
        if goes_on:
            given_up += ", but cannot be ended where it runs, so it goes on unheard"
            remedy += ", or executor='processes', where it is ended"
        super().__init__(f"{given_up}; {remedy}")


class CodeDiffers(ReduxError):
    """A worker's code isn't what the execution hashed."""

    def __init__(self, fullname: str, path: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} in {path} is not the code that this execution began with: "
            "it was edited meanwhile, or depends on how it was imported; run again"
        )


@frozen
class JobSpec:
    """A job to run: the task by name and hash, its function, its arguments as plain values, how many things come.

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


@frozen
class Outcome:
    """How a job went: a value with its encoding and records, or an error.

    `absent` says that the value itself stayed elsewhere (another process) and only its encoding came. `trouble` is why
    large bytes could not be stored; the value is good all the same, and `records` is then empty.
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
    """A place that runs jobs. `submit` never blocks; each job's outcome is reported once, from any thread."""

    name: str

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job; its outcome is reported under `key`."""
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


Done = Callable[[object, Outcome], None]


@dataclass(frozen=True, slots=True)
class Site:
    """What an executor is opened with: where values go, whom to tell outcomes, how many workers, whose code it is."""

    repo: Repo
    done: Done
    workers: int | None
    folder: Path
    """where the user's own project is found"""


def execute(spec: JobSpec, repo: Repo) -> Outcome:
    """Run a job here: call the function, encode its result, and put large bytes into the store."""
    started = time.time()
    try:
        value = postprocessed(spec.func(*spec.args, **spec.kwargs), spec.fullname)
        if spec.eval_hash is not None:
            value = advanced(value, spec.eval_hash)
        if spec.nout is not None:
            value = held_to_count(spec.fullname, spec.nout, value)
        encoded = _encode_result(spec, value)
    except BaseException as error:  # whatever a task raises is its outcome, exits included
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
        return encode(value)
    except ReduxError as error:
        error.add_note(f"it is (in) the result of task {spec.fullname}")
        raise
