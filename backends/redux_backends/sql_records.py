"""Records read from tables: by spans of rows where their rows are remembered and near each other, else by their ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from redux_backends import executions, handles, lookup, schema, tags
from redux_backends.dialects import ShortData
from redux_backends.exchange import CallRecord, RecordId, RecordKind, Records
from redux_backends.records import (
    Argument,
    CallNode,
    CodePiece,
    Evaluation,
    EvaluationKey,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    MissKind,
    Outcome,
    Place,
    Reason,
    TaskRecord,
    TaskSet,
    Traits,
    Upstream,
    ValueRecord,
)
from redux_backends.rowids import Memory, read_rows, span_of
from redux_backends.session import Session
from redux_backends.sql_record_ids import KINDS, RESULT_ROWS, TABLES, by_kind, id_column
from redux_backends.statements import Among
from redux_valuestore.digest import DIGEST_SIZE, Digest

_K = RecordKind
_value, _task, _evaluation, _call, _job = (
    schema.value,
    schema.task,
    schema.evaluation,
    schema.call_node,
    schema.job,
)
_result, _argument, _word = schema.evaluation_result, schema.argument, schema.word


class _Reading:
    """How records of a kind are read: by their ids, and by the rows of the table that has these."""

    def __init__(
        self,
        kind: RecordKind,
        columns: Sequence[ColumnElement[Any]],
        source: FromClause,
        row: ColumnElement[int] | None = None,
    ) -> None:
        table = TABLES[kind]
        self._kind = KINDS[kind]
        self._by_id = Among(columns, source, schema.prefix_of(id_column(table)))
        self._by_row = Among(columns, source, table.c.id if row is None else row)

    def read(self, session: Session, memory: Memory, wanted: Collection[bytes]) -> Iterable[tuple]:
        """The rows of records with these ids, and of some others."""
        span = span_of(memory.rows(self._kind, wanted))
        if span is None:
            return session.read(self._by_id, schema.prefixes(wanted))
        return session.read_span(self._by_row, *span)


def _parts(columns: Sequence[ColumnElement[Any]], source: FromClause) -> Among:
    """Parts of records by the row of their owner, the first column; the second is their position."""
    return Among(columns, source, columns[0])


_TASKS = _Reading(
    _K.TASK, [_task.c.id, _task.c.hash, _word.c.text, _task.c.version], _task.join(_word, _word.c.id == _task.c.name_id)
)
_link, _piece = schema.task_piece, schema.code_piece
_PIECES = _parts(
    [_link.c.task_id, _link.c.position, _piece.c.hash, _piece.c.kind, _piece.c.name, _piece.c.source],
    _link.join(_piece, _piece.c.id == _link.c.piece_id),
)
_KEYS = _Reading(
    _K.EVALUATION,
    [_evaluation.c.id, _evaluation.c.hash, _task.c.hash, _evaluation.c.args_hash],
    _evaluation.join(_task, _task.c.id == _evaluation.c.task_id),
)
_ARGUMENTS = _parts(
    [_argument.c.evaluation_id, _argument.c.position, _word.c.text, _value.c.hash],
    _argument.join(_word, _word.c.id == _argument.c.name_id).join(_value, _value.c.id == _argument.c.value_id),
)
_CALLS = _Reading(
    _K.CALL,
    [
        *(_call.c.id, _call.c.hash, _evaluation.c.hash, _task.c.hash, _evaluation.c.args_hash, _value.c.hash),
        *(schema.task_set.c.hash, _call.c.duration, _call.c.recorded),
    ],
    _call.join(_evaluation, _evaluation.c.id == _call.c.evaluation_id)
    .join(_task, _task.c.id == _evaluation.c.task_id)
    .join(_value, _value.c.id == _call.c.value_id)
    .join(schema.task_set, schema.task_set.c.id == _call.c.set_id),
)
_edge, _upstream = schema.call_edge, schema.call_upstream
_EDGES = _parts([_edge.c.parent_id, _edge.c.position, _call.c.hash], _edge.join(_call, _call.c.id == _edge.c.child_id))
_UPSTREAMS = _parts(
    [_upstream.c.call_id, _upstream.c.position, _word.c.text, _call.c.hash],
    _upstream.join(_word, _word.c.id == _upstream.c.name_id).join(_call, _call.c.id == _upstream.c.upstream_id),
)
_execution, _parent, _place = schema.execution, _job.alias("parent"), _word.alias("place")
_JOBS = _Reading(
    _K.JOB,
    [
        *(_job.c.uuid, _execution.c.uuid, _parent.c.uuid, _task.c.hash, _evaluation.c.hash, _job.c.status),
        *(_job.c.outcome, _job.c.started, _job.c.ended, _call.c.hash, _job.c.reason, _word.c.text, _place.c.text),
    ],
    _job.join(_execution, _execution.c.id == _job.c.execution_id)
    .join(_task, _task.c.id == _job.c.task_id)
    .join(_place, _place.c.id == _job.c.place_id)
    .outerjoin(_parent, _parent.c.id == _job.c.parent_id)
    .outerjoin(_evaluation, _evaluation.c.id == _job.c.evaluation_id)
    .outerjoin(_call, _call.c.id == _job.c.call_id)
    .outerjoin(_word, _word.c.id == _job.c.detail_id),
)


def get(session: Session, memory: Memory, ids: Sequence[RecordId]) -> Records:
    """The records with these ids."""
    wanted = defaultdict(dict, by_kind(ids))
    values, gone = _values(session, memory, wanted[_K.VALUE])
    sets = lookup.get_task_sets(session, [Digest(id) for id in wanted[_K.TASK_SET]])
    task_sets = {id: TaskSet(id, tuple(sorted(members))) for id, members in sets.items()}
    return Records(
        handles=_in_order(handles.read(session, wanted[_K.HANDLE]), wanted[_K.HANDLE]),
        values=_in_order(values, wanted[_K.VALUE]),
        gone=gone,
        tasks=_in_order(_tasks(session, memory, wanted[_K.TASK]), wanted[_K.TASK]),
        keys=_in_order(_keys(session, memory, wanted[_K.EVALUATION]), wanted[_K.EVALUATION]),
        results=_in_order(_results(session, memory, wanted[_K.RESULT]), wanted[_K.RESULT]),
        task_sets=_in_order(task_sets, wanted[_K.TASK_SET]),
        calls=_in_order(_calls(session, memory, wanted[_K.CALL]), wanted[_K.CALL]),
        executions=_in_order(executions.read(session, wanted[_K.EXECUTION]), wanted[_K.EXECUTION]),
        jobs=_in_order(_jobs(session, memory, wanted[_K.JOB]), wanted[_K.JOB]),
        tags=_in_order(tags.read(session, wanted[_K.TAG]), wanted[_K.TAG]),
    )


def _in_order(found: Mapping[Any, Any], wanted: Iterable[bytes]) -> list[Any]:
    return [found[id] for id in wanted if id in found]


_VALUES = _Reading(
    _K.VALUE,
    [
        *(_value.c.hash, _word.c.text, _value.c.size, ShortData(_value.c.data), _value.c.place, _value.c.preview),
        _value.c.traits,
    ],
    _value.join(_word, _word.c.id == _value.c.type_id),
)
RESULTS = _Reading(
    _K.EVALUATION,
    [_evaluation.c.hash, _value.c.hash, _result.c.duration, _result.c.recorded],
    RESULT_ROWS,
    _result.c.evaluation_id,
)
"""Results by the evaluations that they are of: eval hash, value hash, duration, moment."""

_PLAIN = ((), (), (), ())
"""What a value without traits holds."""


def _values(
    session: Session, memory: Memory, wanted: Collection[bytes]
) -> tuple[Mapping[bytes, ValueRecord], frozenset[Digest]]:
    rows = [row for row in _VALUES.read(session, memory, wanted) if row[0] in wanted]
    gone = frozenset(row[0] for row in rows if row[4] == Place.MISSING)
    held = lookup.get_held(session, [row[0] for row in rows if row[6]])
    long = [row[0] for row in rows if row[4] == Place.INLINE and row[3] is None]
    stored = lookup.get_values(session, long) if long else {}
    found: dict[bytes, ValueRecord] = {}
    for hash, type_name, size, data, place, preview, traits in rows:
        if place:
            data = None
        elif data is None:
            data = stored[hash].data
        holds = held.get(hash)
        parts = (holds.files, holds.subvalues, holds.tasks, holds.handles) if holds else _PLAIN
        found[hash] = ValueRecord(hash, type_name, size, data, preview, Traits(traits) if traits else _NONE, *parts)
    return found, gone


_NONE = Traits.PLAIN


def _results(session: Session, memory: Memory, wanted: Collection[bytes]) -> Mapping[bytes, Evaluation]:
    evals = {id[:DIGEST_SIZE] for id in wanted}
    return {row[0] + row[1]: Evaluation(*row) for row in RESULTS.read(session, memory, evals)}


def _tasks(session: Session, memory: Memory, wanted: Collection[bytes]) -> Mapping[bytes, TaskRecord]:
    rows = [row for row in _TASKS.read(session, memory, wanted) if row[1] in wanted]
    pieces = _parts_of(session, _PIECES, rows)
    return {
        hash: TaskRecord(hash, fullname, version, tuple([CodePiece(*piece) for piece in pieces.get(row, ())]))
        for row, hash, fullname, version in rows
    }


def _keys(session: Session, memory: Memory, wanted: Collection[bytes]) -> Mapping[bytes, EvaluationKey]:
    rows = [row for row in _KEYS.read(session, memory, wanted) if row[1] in wanted]
    bound = _parts_of(session, _ARGUMENTS, rows)
    return {
        hash: EvaluationKey(hash, task_hash, args_hash, tuple([Argument(*each) for each in bound.get(row, ())]))
        for row, hash, task_hash, args_hash in rows
    }


def _calls(session: Session, memory: Memory, wanted: Collection[bytes]) -> Mapping[bytes, CallRecord]:
    rows = [row for row in _CALLS.read(session, memory, wanted) if row[1] in wanted]
    children = _parts_of(session, _EDGES, rows)
    upstreams = _parts_of(session, _UPSTREAMS, rows)
    found: dict[bytes, CallRecord] = {}
    for row, hash, eval_hash, task_hash, args_hash, result, task_set, duration, recorded in rows:
        below = tuple([child for (child,) in children.get(row, ())])
        above = tuple([Upstream(*each) for each in upstreams.get(row, ())])
        call = CallNode(hash, eval_hash, result, below, task_set, duration, recorded, above)
        found[hash] = CallRecord(call, task_hash, args_hash)
    return found


def _parts_of(session: Session, parts: Among, rows: Iterable[tuple]) -> Mapping[int, Sequence[tuple]]:
    """The parts of records, in order, by the record's row; of other records too."""
    found: defaultdict[int, list[tuple]] = defaultdict(list)
    # No two rows have owner and position in common, so nothing else is compared.
    for row in sorted(read_rows(session, parts, [row[0] for row in rows])):
        found[row[0]].append(row[2:])
    return found


def _jobs(session: Session, memory: Memory, wanted: Collection[bytes]) -> Mapping[bytes, Job]:
    return {row[0]: _job_of(*row) for row in _JOBS.read(session, memory, wanted) if row[0] in wanted}


def _job_of(
    id: JobId,
    execution: ExecutionId,
    parent: JobId | None,
    task_hash: Digest,
    eval_hash: Digest | None,
    status: int,
    outcome: int,
    started: float,
    ended: float | None,
    call_hash: Digest | None,
    reason: int | None,
    detail: str | None,
    place: str,
) -> Job:
    why = None if reason is None else Reason(_MISSES[reason], detail or "")
    made = _STATUSES[status], _OUTCOMES[outcome], started, ended, call_hash, why, place
    return Job(id, execution, parent, task_hash, eval_hash, *made)


_STATUSES = {int(each): each for each in JobStatus}
_OUTCOMES = {int(each): each for each in Outcome}
_MISSES = {int(each): each for each in MissKind}
"""By number: looked up for less than it costs to make them again."""
