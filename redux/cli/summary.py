"""What `redux run` says when a run has ended: counts, time saved, why jobs ran, how it failed. Pure text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redux.cli.render import dim, indent, strong, task_table
from redux.explain import CauseGroup
from redux.scheduler import Failure, Report, TaskProgress
from redux.tracebacks import text_of
from redux.words.jobs import TaskRow, count_words, cut, most_time_first, short
from redux.words.measures import show_count, show_seconds
from redux_backends.records import MissKind

_SHOWN_CAUSES = 12


def progress_rows(counts: Mapping[str, TaskProgress]) -> list[TaskRow]:
    """The counts of a run as rows of the table of tasks, most time first."""
    return most_time_first(
        TaskRow(name, one.done, one.cached, one.failed, one.running, one.seconds_ran, one.seconds_saved)
        for name, one in counts.items()
    )


def describe_run(
    report: Report, rows: Sequence[TaskRow], causes: Sequence[CauseGroup], width: int, kept: bool = True
) -> list[str]:
    """The summary of a run: the table of tasks, the totals, and a line for each reason why jobs ran.

    `kept` tells whether it was recorded, so that the log has more about it.
    """
    lines = task_table(rows) if len(rows) > 1 else []
    lines.append(strong(_totals(rows, report)))
    lines += _unheard_lines(report)
    if causes:
        lines += _cause_lines(causes, width)
    return [*lines, dim(_pointer(report, causes))] if kept else lines


def _totals(rows: Sequence[TaskRow], report: Report) -> str:
    saved = sum(row.saved_task_seconds for row in rows)
    words = count_words(rows, f" in {show_seconds(report.seconds)}")
    return f"{words}; the cache saved {show_seconds(saved)} of task time" if saved >= 0.001 else words


def _unheard_lines(report: Report) -> list[str]:
    names = [f"{name} ×{one.unheard}" for name, one in report.counts.items() if one.unheard]
    if not names:
        return []
    return [f"went on after their time was up, and may still run: {', '.join(names)} (executor='processes' ends them)"]


def _pointer(report: Report, causes: Sequence[CauseGroup]) -> str:
    id = short(report.execution_id)
    told = any(group.cause.code or group.cause.kind is MissKind.NEW_ARGUMENTS for group in causes)
    return f"execution {id}: `redux log {id}` shows it" + (", `redux explain-miss` what changed" if told else "")


def _cause_lines(causes: Sequence[CauseGroup], width: int) -> list[str]:
    lines = [_cause_line(group, width - 2) for group in causes[:_SHOWN_CAUSES]]
    if len(causes) > len(lines):
        lines.append(f"and {show_count(len(causes) - len(lines), 'more reason')}")
    return ["why they ran:", *indent(lines)]


def _cause_line(group: CauseGroup, width: int) -> str:
    """A root cause and what it made run; where that is more than one job, how many, and their time in all."""
    cost = f" ({show_count(group.count, 'job')}, {show_seconds(group.seconds)})" if group.count > 1 else ""
    return cut(group.line, width - len(cost)) + cost


def describe_failure(failure: Failure) -> list[str]:
    """How a run failed: the task's own traceback, and the calls that led to it."""
    lines: list[str] = []
    if _says_more(failure):
        lines += failure.traceback_text.rstrip().splitlines()
        lines += [line for line in getattr(failure.error, "__notes__", ()) if line not in failure.traceback_text]
    if len(failure.chain) > 1:
        lines += ["", "called through:"]
        lines += indent(cut(f"{name}({arguments})", 110, ")") for name, arguments in failure.chain)
    return lines


def _says_more(failure: Failure) -> bool:
    """Whether the traceback shows more than the error itself, which the last line says: frames, what a script said."""
    return '  File "' in failure.traceback_text or _is_of_script(failure)


def _is_of_script(failure: Failure) -> bool:
    return hasattr(failure.error, "__redux_log__")


def failure_line(failure: Failure, kept: bool = True) -> str:
    """How a run failed, in one line: whole where no traceback says it; with the job's id where that is `kept`."""
    error = failure.error
    text = text_of(error)
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if _says_more(failure):
        said = cut(said.partition("\n")[0] if _is_of_script(failure) else said, 200)
    else:
        said = " ".join("; ".join((said, *getattr(error, "__notes__", ()))).split())
    where = f"task {failure.chain[-1][0]} failed" if failure.chain else "the workflow failed"
    job = f" (job {short(failure.job_id)})" if kept and failure.job_id is not None else ""
    return f"{where}{job}: {said}"


def failures_line(report: Report, rows: Sequence[TaskRow]) -> str:
    """Where the other failures of a run are shown; nothing where its calls failed for one failure alone."""
    failed = sum(row.failed for row in rows)
    if report.failure is None or failed <= len(report.failure.chain):
        return ""
    return f"{failed:,} jobs failed; `redux log {short(report.execution_id)} --failed` lists them"


def unrecorded_line(why: str) -> str:
    """What is said once where something could not be recorded."""
    return f"the run ended, but not all of it could be recorded: {why}"
