"""Jobs and their counts, executions and calls in words. Asks nothing, prints nothing."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from redux.secret_names import redacted_words
from redux.words.measures import show_count
from redux_backends.answers import JobView, TaskCounts
from redux_backends.records import Execution, JobStatus, Outcome, Seconds

DIGITS = 8
"""How many digits of an id are shown."""

STATUS_WORDS: Mapping[JobStatus, str] = {
    JobStatus.RUNNING: "running",
    JobStatus.DONE: "done",
    JobStatus.CACHED: "cached",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "stopped",
    JobStatus.DIED: "died",
}
_UNFINISHED = (JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.DIED)
_FORMER: Mapping[Outcome, str] = {
    Outcome.RAN: "it ran",
    Outcome.SAME_EXECUTION: "an equal call of the same execution had it",
    Outcome.SINGLE: "its result was known",
    Outcome.ULTIMATE: "its finished call was known, and all code below it unchanged",
    Outcome.ACCEPTED: "older code gave its result, and the change was accepted",
}


def short(id: bytes | None) -> str:
    """The first digits of an id or hash."""
    return "" if id is None else id.hex()[:DIGITS]


def show_outcome(outcome: Outcome) -> str:
    """How a job came to its result, in words."""
    return _FORMER[outcome]


def show_call(view: JobView, width: int = 80) -> str:
    """A job's call with its arguments' previews, cut to a width."""
    shown = ", ".join(f"{argument.name}={preview}" for argument, preview in view.arguments)
    return cut(f"{view.fullname}({shown})", width, ")")


def cut(text: str, width: int, end: str = "") -> str:
    """A text on one line, cut to a width with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1 - len(end), 1)] + "…" + end


def show_command(execution: Execution) -> str:
    """The command line of an execution."""
    words = [*redacted_words(execution.argv)]
    if words:
        words[0] = Path(words[0]).name
    return shlex.join(words)


@dataclasses.dataclass(frozen=True, slots=True)
class TaskRow:
    """One task's jobs in an execution, for the table of tasks.

    Times are sums over jobs, so with several workers they can be more than passed on the clock.
    """

    fullname: str
    ran: int
    cached: int
    failed: int
    other: int
    task_seconds: Seconds
    """of the jobs that ran"""
    saved_task_seconds: Seconds
    """of the calls that were reused, when they ran"""


def rows_of(counts: Iterable[TaskCounts]) -> list[TaskRow]:
    """Counts by task and status as one row a task, most time first."""
    rows: dict[str, TaskRow] = {}
    for one in counts:
        row = rows.get(one.fullname) or TaskRow(one.fullname, 0, 0, 0, 0, 0.0, 0.0)
        rows[one.fullname] = dataclasses.replace(
            row,
            ran=row.ran + (one.count if one.status is JobStatus.DONE else 0),
            cached=row.cached + (one.count if one.status is JobStatus.CACHED else 0),
            failed=row.failed + (one.count if one.status is JobStatus.FAILED else 0),
            other=row.other + (one.count if one.status in _UNFINISHED else 0),
            task_seconds=row.task_seconds + (0.0 if one.status is JobStatus.CACHED else one.seconds),
            saved_task_seconds=row.saved_task_seconds + (one.seconds if one.status is JobStatus.CACHED else 0.0),
        )
    return most_time_first(rows.values())


def most_time_first(rows: Iterable[TaskRow]) -> list[TaskRow]:
    """Rows by the time they took, then by what was saved, then by name."""
    return sorted(rows, key=lambda row: (-row.task_seconds, -row.saved_task_seconds, row.fullname))


def count_words(rows: Sequence[TaskRow], between: str = "") -> str:
    """An execution's jobs in a phrase: `3,624 jobs: 2 ran, 3,622 cached`; `between` goes before the colon."""
    ran, cached = sum(row.ran for row in rows), sum(row.cached for row in rows)
    failed, other = sum(row.failed for row in rows), sum(row.other for row in rows)
    parts = [f"{ran:,} ran"] if ran else []
    parts += [f"{cached:,} cached"] if cached else []
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{other:,} unfinished"] if other else []
    total = ran + cached + failed + other
    return show_count(total, "job") + between + (": " + ", ".join(parts) if parts else "")
