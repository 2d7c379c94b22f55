"""What an execution reports: while it runs, counts per task; afterwards its value, or how it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redux.html.fragments import beside, block, counts_grid, fragment, headline, in_code, opened_by
from redux.rules import Tally
from redux.scheduler.jobs import ABSENT, Datum, Failed, Job
from redux.scheduler.task_kind import TaskKind
from redux.secret_names import shown_under
from redux.tracebacks import text_of, trim_traceback
from redux.value import preview
from redux.words.jobs import TaskRow, most_time_first, short
from redux.words.measures import show_seconds
from redux_backends.records import ExecutionId, JobId, Seconds
from redux_valuestore.errors import ReduxError


@dataclass(slots=True)
class TaskProgress:
    """Counts of one task's jobs while an execution runs; only the scheduler's thread writes them.

    `done` ran and gave a value, `cached` were remembered, `failed` raised or failed with what they called.
    """

    running: int = 0
    """handed to an executor: they run, or wait for a worker"""
    done: int = 0
    cached: int = 0
    failed: int = 0
    seconds_ran: Seconds = 0.0
    """of all jobs that ran, so with several workers more than passes on the clock"""
    seconds_saved: Seconds = 0.0
    """of all jobs that were remembered: what their calls took when they ran"""
    unheard: int = 0
    """attempts that ran out of their time and could not be ended, so that they went on"""

    def tally(self, fullname: str) -> Tally:
        """The counts as they are now, but for what runs, for another scheduler to add to its own."""
        return Tally(
            fullname, self.done, self.cached, self.failed, self.seconds_ran, self.seconds_saved, self.unheard
        )  # fmt: skip

    def add(self, tally: Tally) -> None:
        """Count jobs that another scheduler ran for this execution."""
        self.done += tally.done
        self.cached += tally.cached
        self.failed += tally.failed
        self.seconds_ran += tally.seconds_ran
        self.seconds_saved += tally.seconds_saved
        self.unheard += tally.unheard


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """How many jobs of a task stand how at one moment.

    Those that are `running` are with an executor, or wait for the calls that they made; those `pending` have not
    begun. Others ended: `failed`, `cached` (remembered) or `done`.
    """

    pending: int = 0
    running: int = 0
    failed: int = 0
    cached: int = 0
    done: int = 0

    def __add__(self, other: TaskStatus) -> TaskStatus:
        return TaskStatus(*(one + another for one, another in zip(self.numbers, other.numbers, strict=True)))

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """All of them, in their order."""
        return self.pending, self.running, self.failed, self.cached, self.done

    @property
    def total(self) -> int:
        """How many jobs there are."""
        return sum(self.numbers)


class Counts(dict[str, TaskProgress]):
    """The counts of every task, by full name; a task's begin when it is first met."""

    def __missing__(self, fullname: str) -> TaskProgress:
        made = self[fullname] = TaskProgress()
        return made


@dataclass(frozen=True, slots=True)
class ErrorValue:
    """The error a job ended with, as it is recorded: plain text, nothing that would have to be run to be read.

    `type` is the name of its class, `message` what it says, `traceback` the user's own frames.
    """

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
    """How an execution failed: the `error`, and its traceback without redux's frames in `traceback_text`.

    `chain` is the calls that led there, root first, each with its task's full name and its arguments as text. `job_id`
    is the job that failed, None where the error came from no job.
    """

    error: BaseException
    traceback_text: str
    chain: tuple[tuple[str, str], ...]
    job_id: JobId | None


@dataclass(frozen=True, slots=True)
class FailedBelow:
    """Where in a sub-scheduler an error came from: the calls that led there, and the job that raised it."""

    chain: tuple[tuple[str, str], ...]
    job_id: JobId | None


class ExecutionFailed(ReduxError):
    """The execution whose result was asked for was stopped before it had one, for the reason in `why`."""

    def __init__(self, execution: ExecutionId, why: str) -> None:
        self.execution = execution
        super().__init__(f"execution {execution.hex()[:8]} {why}; see `redux log {execution.hex()[:8]}`")


@dataclass(frozen=True, slots=True)
class Report:
    """An execution that ended, by its `execution_id`: with a `result`, or a `failure`, or `stopped` before its end.

    `counts` are its jobs by task, `seconds` how long it took. `storage_trouble` is why something could not be recorded;
    the result is good all the same. `left_open` has a line for each executor that could not be closed.
    """

    execution_id: ExecutionId
    result: object
    failure: Failure | None
    stopped: bool
    counts: Mapping[str, TaskProgress]
    storage_trouble: str | None
    seconds: Seconds
    left_open: tuple[str, ...] = ()

    @property
    def value(self) -> object:
        """The result. Raises the task's own error where it failed, ExecutionFailed where it was stopped."""
        if self.failure is not None:
            raise self.failure.error
        if self.stopped:
            raise ExecutionFailed(self.execution_id, "was stopped before its end")
        return self.result

    def _repr_html_(self) -> str:
        status = "stopped" if self.stopped else "failed" if self.failure is not None else "done"
        rows = [
            TaskRow(name, one.done, one.cached, one.failed, 0, one.seconds_ran, one.seconds_saved)
            for name, one in self.counts.items()
        ]
        failed = () if self.failure is None else (describe_error(self.failure.error),)
        return fragment(
            headline(f"execution {short(self.execution_id)} {status}, {show_seconds(self.seconds)}"),
            [[headline("✕ ", repr(one)), opened_by("traceback", block(one.traceback))] for one in failed],
            counts_grid(most_time_first(rows)),
            beside("→ ", in_code(preview(self.result))) if status == "done" else None,
        )


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
    origin = failed.job
    of_subrun = origin is not None and origin.known.kind is TaskKind.SUBRUN
    below = getattr(failed.error, "__redux_below__", None) if of_subrun else None
    job_id = None if origin is None else origin.id
    return Failure(
        failed.error,
        trim_traceback(failed.error),
        (*reversed(chain), *(below.chain if isinstance(below, FailedBelow) else ())),
        (below.job_id if isinstance(below, FailedBelow) else None) or job_id,
    )


def shown_arguments(job: Job) -> str:
    """A job's arguments as text, as far as their values are here; but for what is told to it and to no record."""
    told = job.known.task.told_args
    if job.known.kind is TaskKind.SUBRUN:
        told = job.known.task.unhashed_args
    return ", ".join(f"{name}={shown_under(name, _shown(datum))}" for name, datum in job.arguments if name not in told)


def _shown(datum: Datum) -> str:
    return "…" if datum.value is ABSENT else preview(datum.value, 60)
