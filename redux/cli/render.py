"""Records as text on a terminal, in its colours, and as JSON. Asks nothing, prints nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, Flag

import click

from redux.cli.steering import STEERING_IN_JSON
from redux.secret_names import redacted_words
from redux.words.jobs import STATUS_WORDS, TaskRow
from redux.words.measures import show_count, show_seconds
from redux_backends.backend import JobView
from redux_backends.records import Execution, JobStatus, MissKind, Outcome, Reason, Seconds, Traits

_STATUS_COLOURS: Mapping[JobStatus, str] = {
    JobStatus.RUNNING: "yellow",
    JobStatus.DONE: "green",
    JobStatus.CACHED: "cyan",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "yellow",
    JobStatus.DIED: "red",
}


def dim(text: str) -> str:
    """Text that matters less, on a terminal."""
    return click.style(text, dim=True) if text else text


def strong(text: str) -> str:
    """Text that matters more, on a terminal."""
    return click.style(text, bold=True)


def show_status(status: JobStatus, width: int = 0) -> str:
    """A status in its colour."""
    return click.style(f"{STATUS_WORDS[status]:<{width}}", fg=_STATUS_COLOURS[status])


# -- calls, executions -------------------------------------------------------------------------------


def printable(text: str) -> str:
    """A line without what would steer the terminal."""
    line = text.expandtabs()
    return line if line.isprintable() else "".join(one if one.isprintable() else "·" for one in line)


def job_seconds(view: JobView) -> str:
    """The time a job took; nothing while it runs or where it did not run."""
    job = view.job
    if job.ended is None or job.outcome is not Outcome.RAN:
        return ""
    return show_seconds(job.ended - job.started)


# -- tables ------------------------------------------------------------------------------------------


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
        # How a value came here is no part of what it is: a history says the same wherever it was brought.
        return [flag.name.lower() for flag in value if flag.name and flag is not Traits.FOREIGN]
    if isinstance(value, MissKind | Outcome):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Reason):
        return {"kind": to_plain(value.kind), "detail": value.detail}
    if isinstance(value, Execution):
        value = dataclasses.replace(value, argv=redacted_words(value.argv))
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(one) for key, one in value.items()}
    if isinstance(value, Iterable):
        return [to_plain(one) for one in value]
    return str(value)
