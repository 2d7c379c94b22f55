"""What people said of records that runs heed, in tables: a few statements, however much it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Column, Connection, Select, Text, bindparam, func, literal_column, select

from redux_backends import schema
from redux_backends.amending import AcceptedJobs, Asked, Remembered
from redux_backends.dialects import IsOneOf
from redux_backends.records import ExecutionId, JobId, Outcome, Seconds
from redux_backends.session import Session
from redux_backends.statements import Among
from redux_valuestore.digest import Digest

_call, _evaluation, _task, _job, _result, _word, _execution = (
    schema.call_node,
    schema.evaluation,
    schema.task,
    schema.job,
    schema.evaluation_result,
    schema.word,
    schema.execution,
)
_ACCEPTED = literal_column(str(int(Outcome.ACCEPTED)))
_RAN = _job.c.outcome == literal_column(str(int(Outcome.RAN)))

_ASKED_BY_CALLS = Among(
    [_call.c.hash, _evaluation.c.hash, _task.c.hash],
    _call.join(_evaluation, _evaluation.c.id == _call.c.evaluation_id).join(_task),
    schema.prefix_of(_call.c.hash),
)
_ASKED_BY_JOBS = Among(
    [_job.c.uuid, _evaluation.c.hash, _task.c.hash],
    _job.join(_evaluation, _evaluation.c.id == _job.c.evaluation_id).join(_task, _task.c.id == _evaluation.c.task_id),
    schema.prefix_of(_job.c.uuid),
)


def evaluations_of(session: Session, calls: Sequence[Digest], jobs: Sequence[JobId]) -> Mapping[bytes, Asked]:
    """What finished calls and jobs called."""
    found: dict[bytes, Asked] = {}
    for among, ids in ((_ASKED_BY_CALLS, set[bytes](calls)), (_ASKED_BY_JOBS, set[bytes](jobs))):
        for id, eval_hash, task_hash in session.read(among, _prefixes(ids)) if ids else ():
            if id in ids:
                found[id] = Asked(Digest(eval_hash), Digest(task_hash))
    return found


def _prefixes(ids: Iterable[bytes]) -> set[bytes]:
    return {id[: schema.PREFIX] for id in ids}


# -- calls above ---------------------------------------------------------------------------------------

_ROWS_OF_CALLS = Among([_call.c.id, _call.c.hash], _call, schema.prefix_of(_call.c.hash))


def _above() -> Select[tuple[int]]:
    """The rows among `rows` of calls with a call below that has a current tag of the key given."""
    edge, tag = schema.call_edge, schema.tag
    first = select(edge.c.parent_id.label("above"), edge.c.child_id.label("id"))
    below = first.where(IsOneOf(edge.c.parent_id, bindparam("rows", type_=Text))).cte("below", recursive=True)
    below = below.union(select(below.c.above, edge.c.child_id).join_from(below, edge, edge.c.parent_id == below.c.id))
    same = (schema.prefix_of(tag.c.entity) == schema.prefix_of(_call.c.hash)) & (tag.c.entity == _call.c.hash)
    has = select(tag.c.id).where(same, schema.CURRENT, tag.c.key == bindparam("key")).exists()
    return select(below.c.above).distinct().join_from(below, _call, _call.c.id == below.c.id).where(has)


_ABOVE = _above()


def have_below(session: Session, calls: Sequence[Digest], key: str) -> frozenset[Digest]:
    """Those of these finished calls that have a call with a current tag of this key somewhere below them."""
    wanted = set(calls)
    rows = {row: Digest(hash) for row, hash in session.read(_ROWS_OF_CALLS, _prefixes(wanted)) if hash in wanted}
    if not rows:
        return frozenset()
    return frozenset(rows[row] for (row,) in session.all(_ABOVE, rows=json.dumps(sorted(rows)), key=key))


def accepted_in(connection: Connection, execution: ExecutionId) -> Sequence[AcceptedJobs]:
    """The jobs of an execution that took results of older code, by task and version."""
    given_by = _task.alias("given_by")
    alike = _word.c.text, _task.c.hash, given_by.c.hash
    asked = (
        select(*alike, func.count())
        .select_from(
            _execution.join(_job, _job.c.execution_id == _execution.c.id)
            .join(_task, _task.c.id == _job.c.task_id)
            .join(_word, _word.c.id == _task.c.name_id)
            .join(_evaluation, _evaluation.c.id == _job.c.evaluation_id)
            .join(given_by, given_by.c.id == _evaluation.c.task_id)
        )
        .where(schema.same_id(_execution.c.uuid, execution), _job.c.outcome == _ACCEPTED)
        .group_by(*alike)
    )
    return sorted(
        (AcceptedJobs(name, Digest(new), Digest(old), count) for name, new, old, count in connection.execute(asked)),
        key=lambda one: (one.fullname, one.task_hash, one.given_by),
    )


# -- what is remembered --------------------------------------------------------------------------------


def _meant_by(column: Column[bytes], evaluation: Column[int], *conditions: object, source: object = None) -> Among:
    joined = column.table if source is None else source
    return Among([column, evaluation], joined, schema.prefix_of(column), *conditions)  # pyright: ignore[reportArgumentType]


_MEANT = {
    "call": _meant_by(_call.c.hash, _call.c.evaluation_id),
    "job": _meant_by(_job.c.uuid, _job.c.evaluation_id, _job.c.evaluation_id.is_not(None)),
    "execution": _meant_by(
        _execution.c.uuid,
        _job.c.evaluation_id,
        _job.c.evaluation_id.is_not(None),
        _RAN,
        source=_execution.join(_job, _job.c.execution_id == _execution.c.id),
    ),
    "task": _meant_by(
        _task.c.hash, _evaluation.c.id, source=_task.join(_evaluation, _evaluation.c.task_id == _task.c.id)
    ),
}
_NAMED = _evaluation.join(_task, _task.c.id == _evaluation.c.task_id).join(_word, _word.c.id == _task.c.name_id)
_CALLS = Among(
    [_call.c.hash, _evaluation.c.id, _evaluation.c.hash, _word.c.text, _call.c.duration, _call.c.recorded],
    _NAMED.join(_call, _call.c.evaluation_id == _evaluation.c.id),
    _call.c.evaluation_id,
)
_JOBS = Among(
    [_job.c.uuid, _evaluation.c.id, _evaluation.c.hash, _word.c.text],
    _NAMED.join(_job, _job.c.evaluation_id == _evaluation.c.id),
    _job.c.evaluation_id,
    _job.c.call_id.is_(None),
)
_RESULTS = Among([_result.c.evaluation_id, _result.c.recorded, _result.c.duration], _result, _result.c.evaluation_id)


def remembered(session: Session, kind: str, ids: Sequence[bytes]) -> Sequence[Remembered]:
    """By what people mean all that is remembered of some calls, jobs, executions or versions of tasks."""
    wanted = set(ids)
    rows = {row for id, row in session.read(_MEANT[kind], _prefixes(wanted)) if id in wanted} if wanted else set[int]()
    if not rows:
        return []
    given: dict[int, tuple[Seconds, Seconds]] = {}
    for row, recorded, duration in session.read(_RESULTS, rows):
        given[row] = max(given.get(row, (recorded, duration)), (recorded, duration))
    found: list[Remembered] = []
    for call, row, eval_hash, fullname, duration, recorded in session.read(_CALLS, rows):
        moment, seconds = given.get(row, (recorded, duration))
        found.append(Remembered("call", call, Digest(eval_hash), fullname, seconds, moment))
    for job, row, eval_hash, fullname in session.read(_JOBS, rows & given.keys()):
        moment, seconds = given[row]
        found.append(Remembered("job", job, Digest(eval_hash), fullname, seconds, moment))
    return sorted(found, key=lambda one: (one.kind, one.entity))
