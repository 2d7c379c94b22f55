"""What was recorded, asked from Python: `redux.history`, `redux.execution`, `redux.job` and `redux.explain_miss`."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from redux.errors import UnknownId, UsageError
from redux.explain import Explained, Miss, group_causes
from redux.recorded.here import recorded_here
from redux.repo import Repo
from redux.report.gathering import describe_failures, failed_of_themselves, tags_as_pairs
from redux.report.summaries import ExecutionSummary, History, JobSummary, MissSummary
from redux.report.timing import spans_of
from redux.words.jobs import STATUS_WORDS, rows_of, short, show_call, show_command, show_outcome
from redux_backends.backend import Backend, Found, JobView
from redux_backends.records import Execution, ExecutionId, JobId, JobStatus, Outcome
from redux_valuestore.digest import Digest

_NEWEST = "-"
_BEFORE = re.compile(r"~(\d{1,9})")
_FAILED = 1_000
"""How many jobs that failed are looked at."""


def history(limit: int = 20, *, folder: Path | None = None) -> History:
    """The newest executions, newest first, at most `limit`: a sequence that shows itself as a table in notebooks.

    Records are found from `folder` (default: the current one) upward, and nothing of them is decoded.

    Raises `ProjectMissing`, `DatabaseMissing`, `BackendError`.
    """
    with recorded_here(folder) as repo:
        return History(tuple(_line(one) for one in repo.backend.executions(limit)))


def execution(what: str = _NEWEST, *, folder: Path | None = None) -> ExecutionSummary:
    """One execution: what it ran and reused, why, and what failed.

    `what` is its id or the beginning of that, or `~1` for the one before the newest; without, it is the newest one.
    Records are found from `folder` (default: the current one) upward, and nothing of them is decoded.

    Raises `UnknownId`, `AmbiguousId`, `UsageError`, `ProjectMissing`, `DatabaseMissing`, `BackendError`.
    """
    with recorded_here(folder) as repo:
        return _summary(repo, _execution(repo.backend, _found(repo.backend, what)))


def job(what: str, *, folder: Path | None = None) -> JobSummary:
    """One job: what it was called with, what it gave, and why it ran.

    `what` is its id or the beginning of that, or the full name of a task: then it is the newest of its jobs.
    Records are found from `folder` (default: the current one) upward, and nothing of them is decoded.

    Raises `UnknownId`, `AmbiguousId`, `UsageError`, `ProjectMissing`, `DatabaseMissing`, `BackendError`.
    """
    with recorded_here(folder) as repo:
        view = _job(repo.backend, what, _found(repo.backend, what), ran=False)
        made = view.job
        ran = made.outcome is Outcome.RAN and made.ended is not None
        return JobSummary(
            made.id.hex(),
            made.execution.hex(),
            view.fullname,
            STATUS_WORDS[made.status],
            show_outcome(made.outcome),
            made.ended - made.started if ran and made.ended is not None else None,
            tuple((argument.name, shown) for argument, shown in view.arguments),
            view.result_preview,
            _miss_of(repo.backend, view),
        )


def explain_miss(what: str = _NEWEST, *, folder: Path | None = None) -> MissSummary:
    """Why calls ran instead of being reused: those of an execution (the newest, if nothing is named), or one job.

    `what` is the id of an execution or job, its beginning, or the full name of a task: then it is the newest of its
    jobs that ran. Records are found from `folder` (default: the current one) upward, and nothing of them is decoded.

    Raises `UnknownId`, `AmbiguousId`, `UsageError`, `ProjectMissing`, `DatabaseMissing`, `BackendError`.
    """
    with recorded_here(folder) as repo:
        backend = repo.backend
        found = _found(backend, what)
        if found is not None and found.kind == "execution":
            asked = _execution(backend, found)
            groups = tuple(Explained(backend, asked).groups())
            return MissSummary(_about(asked), groups, said="" if groups else _without_misses(asked))
        view = _job(backend, what, found, ran=True)
        miss = _miss_of(backend, view)
        reused = view.job.outcome is not Outcome.RAN
        said = f"it did not miss: {show_outcome(view.job.outcome)}" if reused else "why it ran was not recorded"
        return MissSummary(f"job {short(view.job.id)}  {show_call(view)}", (), miss, "" if miss is not None else said)


def _found(backend: Backend, what: str) -> Found | None:
    """The record that a word begins, the newest execution or one before it, or None.

    Raises `AmbiguousId`, `UnknownId`.
    """
    before = _BEFORE.fullmatch(what)
    if what != _NEWEST and before is None:
        try:
            return backend.resolve(what)
        except UnknownId:
            return None
    newest = backend.executions(1, int(before[1]) if before is not None else 0)
    if newest:
        return Found("execution", newest[0].id)
    if before is not None:
        raise UnknownId(f"{what} is further back than the first execution; `redux.history()` lists them", what)
    raise UnknownId("nothing was run here yet; `redux run FILE TASK` runs a task", "")


def _execution(backend: Backend, found: Found | None) -> Execution:
    if found is not None and found.kind != "execution":
        raise UsageError(f"{short(found.id)} is of the kind {found.kind}; `redux.history()` lists the executions")
    execution = backend.get_execution(ExecutionId(found.id)) if found is not None else None
    if execution is None:
        raise UnknownId("no execution has this id; `redux.history()` lists those there are", "")
    return execution


def _job(backend: Backend, what: str, found: Found | None, ran: bool) -> JobView:
    """The job that is meant; of a task the newest one, or the newest that ran. Raises `UnknownId`, `UsageError`."""
    if found is not None and found.kind == "job":
        view = backend.get_job(JobId(found.id))
        if view is not None:
            return view
    named = backend.get_task(Digest(found.id)) if found is not None and found.kind == "task" else None
    if found is not None and named is None:
        raise UsageError(f"{what} is of the kind {found.kind}; `redux log {what}` names its jobs")
    jobs = backend.jobs(task=what if named is None else named.fullname, missed=ran, limit=1)
    if not jobs:
        raise UnknownId(f"{what!r} starts no id of a job, and no job of a task of this full name is recorded", what)
    return jobs[0]


def _miss_of(backend: Backend, view: JobView) -> Miss | None:
    execution = backend.get_execution(view.job.execution)
    return None if execution is None else Explained(backend, execution).job(view)


def _summary(repo: Repo, execution: Execution) -> ExecutionSummary:
    backend = repo.backend
    failed = backend.jobs(execution=execution.id, status=JobStatus.FAILED, limit=_FAILED)
    spans = spans_of(failed, execution.started, time.time())
    return replace(
        _line(execution),
        tasks=tuple(rows_of(backend.count_jobs(execution.id))),
        causes=tuple(group_causes(backend, execution.id)),
        failures=describe_failures(repo, failed_of_themselves(spans)),
        tags=tags_as_pairs(backend.get_tags([execution.id]).get(execution.id, ())),
    )


def _line(execution: Execution) -> ExecutionSummary:
    ended = time.time() if execution.ended is None else execution.ended
    return ExecutionSummary(
        execution.id.hex(),
        STATUS_WORDS[execution.status],
        show_command(execution),
        execution.user,
        execution.cwd,
        _moment(execution.started),
        max(ended - execution.started, 0.0),
    )


def _moment(moment: float) -> datetime:
    """A moment in local time; the beginning of time for one that no calendar has."""
    try:
        return datetime.fromtimestamp(moment, UTC).astimezone()
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def _about(execution: Execution) -> str:
    return f"execution {short(execution.id)}  {show_command(execution)}"


def _without_misses(execution: Execution) -> str:
    if execution.status is JobStatus.DONE:
        return "nothing missed: every call was known"
    return f"nothing missed, as far as it came: it is {STATUS_WORDS[execution.status]}"
