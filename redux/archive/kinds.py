"""The kinds of records as an archive has them: how each is written, its id, and what it names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redux_backends.exchange import (
    TAGGED,
    CallRecord,
    HandleRecord,
    RecordId,
    RecordKind,
    Records,
)
from redux_backends.record_json import BentLine, Form, form_of
from redux_backends.records import (
    Evaluation,
    EvaluationKey,
    Execution,
    Job,
    JobStatus,
    Tag,
    TaskRecord,
    TaskSet,
    ValueRecord,
)
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen

Name = tuple[RecordKind, bytes]
"""Which record another one names."""


@frozen
class ArchivedValue:
    """A `value` without its bytes, and whether these were `kept`: then they are a member of the archive."""

    value: ValueRecord
    kept: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """How records of a kind are written, what the id of one is and how far it has come, and what it names.

    `field` is where `Records` has them.
    """

    form: Form[Any]
    id_of: Callable[[Any], bytes]
    names: Callable[[Any], Iterable[Name]]
    field: str
    stage: Callable[[Any], float] = lambda record: 0.0


def _names_of_value(row: ArchivedValue) -> Iterator[Name]:
    for part in row.value.subvalues:
        yield RecordKind.VALUE, part
    for version in row.value.handles:
        yield RecordKind.HANDLE, version.hash


def _names_of_key(key: EvaluationKey) -> Iterator[Name]:
    yield RecordKind.TASK, key.task_hash
    for argument in key.arguments:
        yield RecordKind.VALUE, argument.value


def _names_of_call(record: CallRecord) -> Iterator[Name]:
    call = record.call
    yield RecordKind.EVALUATION, call.eval_hash
    yield RecordKind.VALUE, call.result
    yield RecordKind.TASK_SET, call.task_set
    for child in call.children:
        yield RecordKind.CALL, child
    for upstream in call.upstreams:
        yield RecordKind.CALL, upstream.call


def _names_of_job(job: Job) -> Iterator[Name]:
    yield RecordKind.EXECUTION, job.execution
    yield RecordKind.TASK, job.task_hash
    if job.parent is not None:
        yield RecordKind.JOB, job.parent
    if job.eval_hash is not None:
        yield RecordKind.EVALUATION, job.eval_hash
    if job.call_hash is not None:
        yield RecordKind.CALL, job.call_hash


def _names_of_tag(tag: Tag) -> Iterator[Name]:
    if tag.kind not in TAGGED:
        raise BentLine("kind", f"{tag.kind!r:.40} is no kind of record that has tags")
    yield TAGGED[tag.kind], tag.entity
    for parent in tag.parents:
        yield RecordKind.TAG, parent


def _stage_of_execution(execution: Execution) -> float:
    # One that had not ended when it was saved says nothing of one that is known here, and may run.
    return -math.inf if execution.ended is None else execution.ended


KINDS: Mapping[RecordKind, Kind] = {
    RecordKind.HANDLE: Kind(
        form_of(HandleRecord),
        lambda record: record.version.hash,
        lambda record: ((RecordKind.HANDLE, parent) for parent in record.version.parents),
        "handles",
    ),
    RecordKind.VALUE: Kind(
        form_of(ArchivedValue, frozenset({"data"})),
        lambda row: row.value.hash,
        _names_of_value,
        "values",
        lambda row: float(row.kept),
    ),
    RecordKind.TASK: Kind(form_of(TaskRecord), lambda task: task.hash, lambda task: (), "tasks"),
    RecordKind.EVALUATION: Kind(form_of(EvaluationKey), lambda key: key.eval_hash, _names_of_key, "keys"),
    RecordKind.RESULT: Kind(
        form_of(Evaluation),
        lambda one: one.eval_hash + one.result,
        lambda one: ((RecordKind.EVALUATION, one.eval_hash), (RecordKind.VALUE, one.result)),
        "results",
        lambda one: one.recorded,
    ),
    RecordKind.TASK_SET: Kind(
        form_of(TaskSet),
        lambda one: one.hash,
        lambda one: ((RecordKind.TASK, task) for task in one.tasks),
        "task_sets",
    ),
    RecordKind.CALL: Kind(form_of(CallRecord), lambda record: record.call.call_hash, _names_of_call, "calls"),
    RecordKind.EXECUTION: Kind(
        form_of(Execution), lambda one: one.id, lambda one: (), "executions", _stage_of_execution
    ),
    RecordKind.JOB: Kind(form_of(Job), lambda job: job.id, _names_of_job, "jobs", lambda job: job.ended or 0.0),
    RecordKind.TAG: Kind(form_of(Tag), lambda tag: tag.hash, _names_of_tag, "tags"),
}


def rows_of(kind: RecordKind, records: Records) -> Sequence[Any]:
    """The records of a kind, values as archived ones: kept, unless their bytes are gone."""
    found = getattr(records, KINDS[kind].field)
    if kind is RecordKind.VALUE:
        return [ArchivedValue(value, value.hash not in records.gone) for value in found]
    return found


def records_of(kind: RecordKind, rows: Iterable[Any]) -> Records:
    """The same of archived records, ready to be put; values have their `data` where these are in the record.

    What an archive says to be running does not run here, or nobody can tell.
    """
    if kind is RecordKind.VALUE:
        values = tuple(rows)
        gone = frozenset[Digest](row.value.hash for row in values if not row.kept)
        return Records(values=tuple(row.value for row in values), gone=gone)
    if kind is RecordKind.EXECUTION:
        return Records(executions=tuple(_at_rest(one) for one in rows))
    named: dict[str, Any] = {KINDS[kind].field: tuple(rows)}
    return Records(**named)


def _at_rest(execution: Execution) -> Execution:
    return replace(execution, status=JobStatus.DIED) if execution.status is JobStatus.RUNNING else execution


def record_id(kind: RecordKind, row: Any) -> RecordId:
    """Which record an archived one is, and how far it has come."""
    return RecordId(kind, KINDS[kind].id_of(row), KINDS[kind].stage(row))
