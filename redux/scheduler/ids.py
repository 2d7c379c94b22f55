"""Ids of executions and jobs as people write them."""

from __future__ import annotations

from dataclasses import dataclass

from redux.errors import UsageError
from redux_backends.backend import Backend
from redux_backends.records import Execution, ExecutionId, JobId

_DIGITS = 32


def read_id(text: str) -> ExecutionId:
    """An execution's id from 32 hex digits, or from a UUID. Raises UsageError."""
    digits = text.replace("-", "")
    try:
        if len(digits) == _DIGITS:
            return ExecutionId(bytes.fromhex(digits))
    except ValueError:
        pass
    raise UsageError(f"{text!r} cannot be an execution's id; give 32 hex digits or a UUID, or let redux choose one")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the record jobs are to stand: in which execution, and below which of its jobs (None: beside them)."""

    execution: Execution
    parent: JobId | None


def find_place(backend: Backend, id: str) -> Place:
    """The place that the id of a job or an execution names, or the first digits of it.

    Raises UnknownId, AmbiguousId, UsageError for the id of something else.
    """
    found = backend.resolve(id.replace("-", ""))
    job = backend.get_job(JobId(found.id)) if found.kind == "job" else None
    if job is None and found.kind != "execution":
        raise UsageError(f"{id!r} is a {found.kind}; name a job or an execution to go on with")
    execution = backend.get_execution(ExecutionId(found.id) if job is None else job.job.execution)
    assert execution is not None
    return Place(execution, None if job is None else job.job.id)
