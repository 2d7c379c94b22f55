"""Records to text: durations, moments, calls, tables. Asks nothing, prints nothing."""

from __future__ import annotations

import dataclasses
import json
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, Flag
from pathlib import Path

import click

from redux.cli.steering import STEERING_IN_JSON
from redux_backends.backend import JobView, TaskCounts
from redux_backends.records import Execution, JobStatus, MissKind, Outcome, Reason, Seconds

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
_STATUS_COLOURS: Mapping[JobStatus, str] = {
    JobStatus.RUNNING: "yellow",
    JobStatus.DONE: "green",
    JobStatus.CACHED: "cyan",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "yellow",
    JobStatus.DIED: "red",
}
_UNFINISHED = (JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.DIED)
_FORMER: Mapping[Outcome, str] = {
    Outcome.RAN: "it ran",
    Outcome.SAME_EXECUTION: "an equal call of the same execution had it",
    Outcome.SINGLE: "its result was known",
    Outcome.ULTIMATE: "its finished call was known, and all code below it unchanged",
}


def short(id: bytes | None) -> str:
    """The first digits of an id or hash."""
    return "" if id is None else id.hex()[:DIGITS]


def dim(text: str) -> str:
    """Text that matters less, on a terminal."""
    return click.style(text, dim=True) if text else text


def strong(text: str) -> str:
    """Text that matters more, on a terminal."""
    return click.style(text, bold=True)


def show_status(status: JobStatus, width: int = 0) -> str:
    """A status in its colour."""
    return click.style(f"{STATUS_WORDS[status]:<{width}}", fg=_STATUS_COLOURS[status])


def show_outcome(outcome: Outcome) -> str:
    """How a job came to its result, in words."""
    return _FORMER[outcome]


# -- durations, moments, sizes -----------------------------------------------------------------------


def show_seconds(seconds: Seconds) -> str:
    """A duration: `12 ms`, `3.1 s`, `2 min 05 s`, `1 h 12 min`."""
    if seconds < 0.00005:
        return "0 ms"
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def show_ago(moment: Seconds, now: Seconds) -> str:
    """A moment as people say it: `3 min ago`, or the date where it is longer ago."""
    passed = now - moment
    if passed < 1.5:
        return "just now"
    if passed < 90:
        return f"{passed:.0f} s ago"
    if passed < 90 * 60:
        return f"{passed / 60:.0f} min ago"
    if passed < 24 * 3600:
        return f"{passed / 3600:.0f} h ago"
    return show_moment(moment)


def show_moment(moment: Seconds) -> str:
    """A moment in local time; a record may say one that no calendar has."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (OverflowError, OSError, ValueError):
        return "at no known time"


def show_size(size: int) -> str:
    """A number of bytes: `12 bytes`, `3.4 kB`, `1.2 GB`."""
    if size < 1000:
        return f"{size} bytes"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"


def show_count(count: int, noun: str) -> str:
    """A number of things: `1 job`, `3,624 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# -- calls, executions -------------------------------------------------------------------------------


def show_call(view: JobView, width: int = 80) -> str:
    """A job's call with its arguments' previews, cut to a width."""
    shown = ", ".join(f"{argument.name}={preview}" for argument, preview in view.arguments)
    return cut(f"{view.fullname}({shown})", width, ")")


def cut(text: str, width: int, end: str = "") -> str:
    """A text on one line, cut to a width with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1 - len(end), 1)] + "…" + end


def printable(text: str) -> str:
    """A line without what would steer the terminal."""
    line = text.expandtabs()
    return line if line.isprintable() else "".join(one if one.isprintable() else "·" for one in line)


def show_command(execution: Execution) -> str:
    """The command line of an execution."""
    words = list(execution.argv)
    if words:
        words[0] = Path(words[0]).name
    return shlex.join(words)


def job_seconds(view: JobView) -> str:
    """The time a job took; nothing while it runs or where it did not run."""
    job = view.job
    if job.ended is None or job.outcome is not Outcome.RAN:
        return ""
    return show_seconds(job.ended - job.started)


# -- tables ------------------------------------------------------------------------------------------


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


def task_table(rows: Sequence[TaskRow], limit: int = 20) -> list[str]:
    """The table of an execution's tasks: a column is left out where it is all zero."""
    if not rows:
        return []
    columns: list[tuple[str, list[str]]] = [("ran", [_number(row.ran) for row in rows])]
    columns.append(("cached", [_number(row.cached) for row in rows]))
    if any(row.failed for row in rows):
        columns.append(("failed", [_number(row.failed) for row in rows]))
    if any(row.other for row in rows):
        columns.append(("unfinished", [_number(row.other) for row in rows]))
    columns.append(("task time", [_time(row.task_seconds) for row in rows]))
    if any(row.saved_task_seconds for row in rows):
        columns.append(("saved", [_time(row.saved_task_seconds) for row in rows]))
    name_width = max(4, *(len(row.fullname) for row in rows))
    widths = [max(len(head), *(len(cell) for cell in cells)) for head, cells in columns]
    heads = "  ".join(f"{head:>{width}}" for (head, _), width in zip(columns, widths, strict=True))
    lines = [dim(f"{'task':<{name_width}}  {heads}")]
    for index, row in enumerate(rows[:limit]):
        cells = "  ".join(f"{cells[index]:>{width}}" for (_, cells), width in zip(columns, widths, strict=True))
        lines.append(f"{row.fullname:<{name_width}}  {cells}".rstrip())
    if len(rows) > limit:
        lines.append(dim(f"and {show_count(len(rows) - limit, 'more task')}"))
    return lines


def _time(seconds: Seconds) -> str:
    return show_seconds(seconds) if seconds else ""


def _number(count: int) -> str:
    return f"{count:,}" if count else "·"


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


def indent(lines: Iterable[str], by: str = "  ") -> list[str]:
    """Lines moved to the right."""
    return [by + line if line else line for line in lines]


def colour_diff(diff: str) -> list[str]:
    """The lines of a unified diff in the colours of one."""
    return [_diff_line(line) for line in diff.splitlines()]


def _diff_line(line: str) -> str:
    if line.startswith(("---", "+++")):
        return strong(line)
    if line.startswith("@@"):
        return click.style(line, fg="cyan")
    if line.startswith("+"):
        return click.style(line, fg="green")
    if line.startswith("-"):
        return click.style(line, fg="red")
    return line


# -- JSON --------------------------------------------------------------------------------------------


def to_json(what: str, value: object) -> str:
    """A record as one line of JSON under the schema `redux.<what>/1`: ids in hex, enums in lower case."""
    plain = to_plain(value)
    body = plain if isinstance(plain, dict) else {"items": plain}
    text = json.dumps({"schema": f"redux.{what}/1", **body}, ensure_ascii=False)
    # JSON leaves these as they are, and a terminal does what they say.
    return STEERING_IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1] if found[0] > "\x7f" else "\\u007f", text)


def to_plain(value: object) -> object:
    """A value of records and containers as JSON has it."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, JobStatus):
        return STATUS_WORDS[value]
    if isinstance(value, Flag):
        return [flag.name.lower() for flag in value if flag.name]
    if isinstance(value, MissKind | Outcome):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Reason):
        return {"kind": to_plain(value.kind), "detail": value.detail}
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(one) for key, one in value.items()}
    if isinstance(value, Iterable):
        return [to_plain(one) for one in value]
    return str(value)
