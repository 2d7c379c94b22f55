"""Redun's executions and jobs, each as it stands: redun has no column for that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from redux.redun.calls import calls_of
from redux.redun.ids import kept_id
from redux.redun.order import Kind, take_all
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking, moment, pages
from redux.redun.tasks import tasks_of
from redux.redun.values import ERROR
from redux_backends.exchange import Records
from redux_backends.records import Execution, ExecutionId, Job, JobId, JobStatus, Lease, Outcome, Seconds
from redux_valuestore.frozen import frozen

_NOBODY = Lease("", "", 0, "")
"""Redun does not say which process runs an execution; none is taken for running."""
_EXECUTIONS = """
SELECT e.id, e.args, j.start_time, j.end_time, v.type FROM execution e LEFT JOIN job j ON j.id = e.job_id
LEFT JOIN call_node c ON c.call_hash = j.call_hash LEFT JOIN value v ON v.value_hash = c.value_hash
"""
_USERS = f"SELECT entity_id, value FROM tag WHERE entity_type = 'Execution' AND key = 'user' AND entity_id {AMONG}"
_JOBS = """
SELECT j.id, j.start_time, j.end_time, j.task_hash, j.cached, j.call_hash, j.parent_id, j.execution_id, v.type,
    e.id IS NOT NULL, r.end_time IS NOT NULL, p.execution_id
FROM job j LEFT JOIN call_node c ON c.call_hash = j.call_hash LEFT JOIN value v ON v.value_hash = c.value_hash
LEFT JOIN execution e ON e.id = j.execution_id LEFT JOIN job r ON r.id = e.job_id LEFT JOIN job p ON p.id = j.parent_id
"""


def take_executions(taking: Taking) -> None:
    """Record all executions that are not here as they stand."""
    backend = taking.repo.backend
    total, done = taking.source.count("execution"), 0
    for page in pages(taking.source.read(_EXECUTIONS)):
        users = _users(taking, [row[0] for row in page])
        executions = [_execution(row, users.get(row[0], ""), taking.source.has_local_times) for row in page]
        taking.counts.new_executions += sum(backend.get_execution(one.id) is None for one in executions)
        taking.counts.unended += sum(one.ended is None for one in executions)
        taking.put(Records(executions=executions))
        done += len(page)
        taking.told("executions", done, total)


def _users(taking: Taking, executions: Sequence[str]) -> Mapping[str, str]:
    if "tag" not in taking.source.tables:
        return {}
    said = taking.source.read(_USERS, executions)
    return {id: _text(value) for id, value in said if isinstance(value, str)}


def _text(said: str) -> str:
    """What a text in JSON says."""
    try:
        meant = json.loads(said)
    except (ValueError, RecursionError):
        return said
    return meant if isinstance(meant, str) else said


def _execution(row: Row, user: str, is_local: bool) -> Execution:
    id, said, started, ended, result = row
    began, end = moment(started, is_local), moment(ended, is_local)
    status = JobStatus.FAILED if result == ERROR or began is None else JobStatus.DONE
    if began is not None and end is None and status is JobStatus.DONE:
        status = JobStatus.DIED
    return Execution(
        ExecutionId(kept_id(id)), _argv(said), user, "", began or 0.0, _NOBODY, end if began else 0.0, status
    )


def _argv(said: str | None) -> tuple[str, ...]:
    if said is None:
        return ()
    try:
        words = json.loads(said)
    except ValueError:
        return (said,)
    return tuple(map(str, words)) if isinstance(words, list) else (str(words),)


# -- jobs --------------------------------------------------------------------------------------------


@frozen
class _Job:
    """A job as redun has it, and what its call, its execution and its parent say."""

    key: str
    names: frozenset[str]
    started: Seconds
    ended: Seconds | None
    task: str
    cached: bool
    call: str | None
    execution: str
    failed: bool
    is_over: bool
    """whether its execution has ended"""


def take_jobs(taking: Taking) -> None:
    """Record all jobs, callers before those they called."""
    every, some = f"{_JOBS} ORDER BY j.start_time, j.id", f"{_JOBS} WHERE j.id {AMONG}"
    take_all(taking, Kind("jobs", "job", [every], some, _enriched, _record), taking.book.jobs)


def _enriched(taking: Taking, rows: Sequence[Row]) -> list[_Job]:
    return list(_read(taking, rows))


def _read(taking: Taking, rows: Sequence[Row]) -> Iterator[_Job]:
    is_local = taking.source.has_local_times
    for id, start, end, task, cached, call, parent, execution, result, is_there, is_over, of_parent in rows:
        if not is_there:
            taking.counts.lost += 1
            continue
        names = frozenset((parent,)) if parent is not None and of_parent in (None, execution) else frozenset[str]()
        yield _Job(
            id,
            names,
            moment(start, is_local) or 0.0,
            moment(end, is_local),
            task,
            bool(cached),
            call,
            execution,
            result == ERROR,
            bool(is_over),
        )


def _record(taking: Taking, jobs: Sequence[_Job]) -> None:
    taking.put(Records(jobs=list(_as_ours(taking, jobs))))
    taking.book.jobs.add((job.key, kept_id(job.key)) for job in jobs)


def _as_ours(taking: Taking, jobs: Sequence[_Job]) -> Iterator[Job]:
    known = set(taking.book.jobs.find({name for job in jobs for name in job.names})) | {job.key for job in jobs}
    calls = calls_of(taking, [job.call for job in jobs if job.call is not None])
    tasks = tasks_of(taking, {job.task: None for job in jobs})
    for job in jobs:
        call_hash, eval_hash = calls.get(job.call or "", (None, None))
        status = _status(job, call_hash is not None)
        parent = next((name for name in job.names if name in known), None)
        yield Job(
            JobId(kept_id(job.key)),
            ExecutionId(kept_id(job.execution)),
            None if parent is None else JobId(kept_id(parent)),
            tasks[job.task],
            eval_hash,
            status,
            Outcome.SINGLE if status is JobStatus.CACHED else Outcome.RAN,
            job.started,
            job.started if job.ended is None and status is JobStatus.FAILED else job.ended,
            call_hash,
        )


def _status(job: _Job, has_call: bool) -> JobStatus:
    """How a job stands: one that never ended was left behind when its execution ended, or died with it."""
    if job.failed:
        return JobStatus.FAILED
    if job.ended is None:
        return JobStatus.CANCELLED if job.is_over else JobStatus.RUNNING
    if not has_call:
        return JobStatus.FAILED
    return JobStatus.CACHED if job.cached else JobStatus.DONE
