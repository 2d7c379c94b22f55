"""What an execution reports: while it runs, counts per task; afterwards its value, or how it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redux.scheduler.jobs import ABSENT, Datum, Failed, Job
from redux.tracebacks import text_of, trim_traceback
from redux.value import preview
from redux_backends.records import ExecutionId, JobId, Seconds
from redux_valuestore.errors import ReduxError


@dataclass(slots=True)
class TaskProgress:
    """Counts of one task's jobs while an execution runs; only the scheduler's thread writes them."""

    running: int = 0
    """handed to an executor: they run, or wait for a worker"""
    done: int = 0
    cached: int = 0
    failed: int = 0
    seconds_ran: Seconds = 0.0
    """of all jobs that ran, so with several workers more than passes on the clock; saved ones likewise"""
    seconds_saved: Seconds = 0.0
    unheard: int = 0
    """attempts that ran out of their time and could not be ended, so that they went on"""


class Counts(dict[str, TaskProgress]):
    """The counts of every task, by full name; a task's begin when it is first met."""

    def __missing__(self, fullname: str) -> TaskProgress:
        made = self[fullname] = TaskProgress()
        return made


@dataclass(frozen=True, slots=True)
class ErrorValue:
    """The error a job ended with, as it is recorded: plain text, nothing that would have to be run to be read."""

    type: str
    message: str
    traceback: str

    def __repr__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True, slots=True, repr=False)
class LoggedError(ErrorValue):
    """The error of a job whose program said something: all of that, with it."""

    log: str


@dataclass(frozen=True, slots=True)
class Failure:
    """How an execution failed: the error, the task's own traceback, and the calls that led there, root first."""

    error: BaseException
    traceback_text: str
    chain: tuple[tuple[str, str], ...]
    job_id: JobId | None


class ExecutionFailed(ReduxError):
    """An execution whose result was asked for failed, or was stopped."""

    def __init__(self, execution: ExecutionId, why: str) -> None:
        self.execution = execution
        super().__init__(f"execution {execution.hex()[:8]} {why}; see `redux log {execution.hex()[:8]}`")


@dataclass(frozen=True, slots=True)
class Report:
    """An execution that ended. `trouble` is why something could not be recorded; the value is good all the same."""

    execution_id: ExecutionId
    result: object
    failure: Failure | None
    stopped: bool
    counts: Mapping[str, TaskProgress]
    storage_trouble: str | None
    seconds: Seconds

    @property
    def value(self) -> object:
        """The result. Raises the task's own error where it failed, ExecutionFailed where it was stopped."""
        if self.failure is not None:
            raise self.failure.error
        if self.stopped:
            raise ExecutionFailed(self.execution_id, "was stopped before its end")
        return self.result


def describe_error(error: BaseException) -> ErrorValue:
    """An error as text, with the traceback of the user's own frames."""
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    log = getattr(error, "__redux_log__", None)
    if isinstance(log, str) and log:
        return LoggedError(name, text_of(error), trim_traceback(error), log)
    return ErrorValue(name, text_of(error), trim_traceback(error))


def describe_failure(failed: Failed) -> Failure:
    """How an execution failed, from the cell's failure."""
    chain: list[tuple[str, str]] = []
    job = failed.job
    while job is not None:
        chain.append((job.known.task.fullname, shown_arguments(job)))
        job = job.parent.job
    return Failure(
        failed.error,
        trim_traceback(failed.error),
        tuple(reversed(chain)),
        None if failed.job is None else failed.job.id,
    )


def shown_arguments(job: Job) -> str:
    """A job's arguments as text, as far as their values are here."""
    return ", ".join(f"{name}={_shown(datum)}" for name, datum in job.arguments)


def _shown(datum: Datum) -> str:
    return "…" if datum.value is ABSENT else preview(datum.value, 60)
