"""Asking afterwards: executions, jobs, calls, tasks and values, each view in a fixed number of statements."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    text,
)

from redux_backends import choosing, executions, schema, tags
from redux_backends.backend import (
    AmbiguousId,
    Found,
    JobFilter,
    JobView,
    MissGroup,
    TaskCounts,
    UnknownId,
    hex_prefix,
)
from redux_backends.dialects import IsAmongFound, IsOneOf
from redux_backends.records import (
    Argument,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    MissKind,
    Outcome,
    Reason,
    Seconds,
)
from redux_valuestore.digest import Digest

_RUNNING = literal_column(str(int(JobStatus.RUNNING)))
_RAN = literal_column(str(int(Outcome.RAN)))
_IDS_AT_ONCE = 500
_SHOWN = 6
"""How many records of one kind are read to say that a prefix is ambiguous."""

_job, _execution, _call, _value, _word = (
    schema.job,
    schema.execution,
    schema.call_node,
    schema.value,
    schema.word,
)
_parent = schema.job.alias("parent")
_detail = schema.word.alias("detail")
_place = schema.word.alias("place")
_type = schema.word.alias("type")
_CACHED = literal_column(str(int(JobStatus.CACHED)))
_ZERO = literal_column("0")
_WENT_WELL = (JobStatus.DONE, JobStatus.CACHED)
_elapsed = func.coalesce(_job.c.ended - _job.c.started, literal_column("0.0"))


# -- jobs ------------------------------------------------------------------------------------------


def _status(alive: Collection[int]) -> ColumnElement[int]:
    """A job's status: one that says it runs has died unless its execution runs."""
    died = and_(_job.c.status == _RUNNING, _job.c.execution_id.not_in(alive))
    return case((died, literal_column(str(int(JobStatus.DIED)))), else_=_job.c.status)


def count_jobs_of(connection: Connection, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Sequence[TaskCounts]]:
    """The jobs of executions counted by task and status."""
    standing = _status(executions.alive(connection)).label("standing")
    reused = func.coalesce(_call.c.duration, literal_column("0.0"))
    counted = (
        select(
            _job.c.execution_id,
            _job.c.task_id,
            standing,
            func.count().label("count"),
            func.sum(case((_job.c.status == _CACHED, reused), else_=_elapsed)).label("seconds"),
        )
        .select_from(_job.outerjoin(_call, _call.c.id == _job.c.call_id))
        .where(IsAmongFound(_job.c.execution_id, choosing.rows_of(_execution.c.uuid, ids).scalar_subquery()))
        .group_by(_job.c.execution_id, _job.c.task_id, text("standing"))
        .subquery()
    )
    # Names are looked up for what was counted, and not for each job.
    named = (
        select(_execution.c.uuid, _word.c.text, counted.c.standing, counted.c.count, counted.c.seconds)
        .select_from(counted.join(_execution, _execution.c.id == counted.c.execution_id))
        .join(schema.task, schema.task.c.id == counted.c.task_id)
        .join(_word, _word.c.id == schema.task.c.name_id)
    )
    sums: dict[tuple[ExecutionId, str, JobStatus], tuple[int, Seconds]] = {}
    for id, name, status, count, seconds in connection.execute(named):
        of = id, name, JobStatus(status)
        before = sums.get(of, (0, 0.0))
        sums[of] = before[0] + count, before[1] + seconds
    found: defaultdict[ExecutionId, list[TaskCounts]] = defaultdict(list)
    for (id, name, status), (count, seconds) in sorted(sums.items()):
        found[id].append(TaskCounts(name, status, count, seconds))
    return found


def _views(alive: Collection[int]) -> Select:
    return select(
        _job.c.id.label("row"),
        _job.c.uuid,
        _execution.c.uuid.label("execution"),
        _parent.c.uuid.label("parent"),
        schema.task.c.hash.label("task_hash"),
        _word.c.text.label("fullname"),
        schema.evaluation.c.hash.label("eval_hash"),
        _job.c.evaluation_id,
        _call.c.hash.label("call_hash"),
        _status(alive).label("status"),
        _job.c.outcome,
        _job.c.started,
        _job.c.ended,
        _job.c.reason,
        _detail.c.text.label("detail"),
        _place.c.text.label("place"),
        _value.c.hash.label("result"),
        _value.c.preview,
        _type.c.text.label("type_name"),
    ).select_from(
        _job.join(_execution, _execution.c.id == _job.c.execution_id)
        .join(schema.task, schema.task.c.id == _job.c.task_id)
        .join(_word, _word.c.id == schema.task.c.name_id)
        .join(_place, _place.c.id == _job.c.place_id)
        .outerjoin(_parent, _parent.c.id == _job.c.parent_id)
        .outerjoin(schema.evaluation, schema.evaluation.c.id == _job.c.evaluation_id)
        .outerjoin(_detail, _detail.c.id == _job.c.detail_id)
        .outerjoin(_call, _call.c.id == _job.c.call_id)
        .outerjoin(_value, _value.c.id == _call.c.value_id)
        .outerjoin(_type, _type.c.id == _value.c.type_id)
    )


def get_job(connection: Connection, id: JobId) -> JobView | None:
    """One job."""
    found = _views(executions.alive(connection)).where(schema.same_id(_job.c.uuid, id))
    return next(iter(_job_views(connection, found)), None)


def find_jobs(connection: Connection, wanted: JobFilter, limit: int, offset: int = 0) -> Sequence[JobView]:
    """Jobs that fit every filter given."""
    alive = executions.alive(connection)
    newest_first = wanted.execution is None and wanted.parent is None
    order = (_job.c.started.desc() if newest_first else _job.c.started), _job.c.id
    common = choosing.common_values(connection, wanted)
    fitting = select(_job.c.id).where(*_conditions(wanted, alive, common))
    if _is_found_by_task(wanted, common):
        most = fitting.order_by(*order).limit(limit + offset)
        shown = _newest_of_tasks(wanted, most).limit(limit).offset(offset)
    else:
        # With nothing added the task's index might be taken, and all its jobs looked through.
        of_task = () if wanted.task is None else ((_job.c.task_id + _ZERO).in_(choosing.tasks_named(wanted.task)),)
        shown = fitting.where(*of_task).order_by(*order).limit(limit).offset(offset).correlate(None)
    # Only the jobs that are shown are joined to all the rest.
    return _job_views(
        connection, _views(alive).where(IsAmongFound(_job.c.id, shown.scalar_subquery())).order_by(*order)
    )


def _is_found_by_task(wanted: JobFilter, common: frozenset[Digest]) -> bool:
    """Whether no other filter leaves so few jobs that they can be put in order."""
    rest = replace(wanted, task=None, status=None, missed=False, since=None, until=None)
    if common and all(common.issuperset(asked) for asked in choosing.values_of(wanted)):
        rest = replace(rest, argument=None, value=None, given=(), results=None)
    return rest == JobFilter() and wanted.status in (None, *_WENT_WELL)


def _newest_of_tasks(wanted: JobFilter, fitting: Select) -> Select:
    """The newest jobs, of the newest `fitting` ones of each task: nobody looks at the others."""
    one, task = _job.alias("one"), schema.task.alias("of_task")
    newest = fitting.where(_job.c.task_id == task.c.id).correlate(task).scalar_subquery()
    shown = select(one.c.id).select_from(task.join(one, IsAmongFound(one.c.id, newest)))
    if wanted.task is not None:
        shown = shown.where(task.c.id.in_(choosing.tasks_named(wanted.task)))
    return shown.order_by(one.c.started.desc(), one.c.id).correlate(None)


def _conditions(wanted: JobFilter, alive: Collection[int], common: frozenset[Digest]) -> Iterator[ColumnElement[bool]]:
    """All that is asked for but the task. What has `common` values is not found by them, but looked at for them."""
    few = wanted.execution is not None or wanted.parent is not None
    if wanted.execution is not None:
        yield _job.c.execution_id.in_(choosing.row_of(_execution.c.uuid, wanted.execution))
    if wanted.parent is not None:
        yield _job.c.parent_id.in_(choosing.row_of(_job.c.uuid, wanted.parent))
    if wanted.call is not None:
        yield from _of_calls(_call.c.id.in_(choosing.row_of(_call.c.hash, wanted.call)))
    for values in choosing.results_of(wanted):
        rows = _call.c.value_id.in_(choosing.rows_of(_value.c.hash, values))
        looked_at = few or not common.isdisjoint(values)
        yield from [choosing.came_to(_job.c.call_id, values)] if looked_at else _of_calls(rows)
    for given in choosing.given_of(wanted):
        if few or not common.isdisjoint(given.values):
            yield choosing.was_given(_job.c.evaluation_id, given)
        else:
            yield _job.c.evaluation_id.in_(choosing.given_to(given))
    if wanted.files:
        yield from choosing.with_files(wanted.files)
    if wanted.status is not None:
        yield _status(alive) == int(wanted.status)
        if wanted.status not in _WENT_WELL:
            yield schema.went_wrong(_job)
    if wanted.roots:
        yield _job.c.parent_id.is_(None)
    if wanted.missed:
        yield _job.c.outcome == _RAN
    if wanted.since is not None:
        yield _job.c.started >= wanted.since
    if wanted.until is not None:
        yield _job.c.started < wanted.until
    for tag in wanted.tags:
        yield tags.job_has(tag, few=few)


def _of_calls(wanted: ColumnElement[bool]) -> Iterator[ColumnElement[bool]]:
    """Jobs that came to these calls, found through the calls' evaluations."""
    yield _job.c.evaluation_id.in_(select(schema.call_node.c.evaluation_id).where(wanted))
    yield _job.c.call_id.in_(select(schema.call_node.c.id).where(wanted))


def views_of(connection: Connection, alive: Collection[int], rows: Collection[int]) -> Mapping[int, JobView]:
    """Jobs by their rows."""
    asked = _views(alive).where(_job.c.id.in_(rows)).order_by(_job.c.id)
    return dict(zip(sorted(rows), _job_views(connection, asked), strict=True))


def _job_views(connection: Connection, wanted: Select) -> list[JobView]:
    rows = connection.execute(wanted).mappings().all()
    evaluations = {row["evaluation_id"] for row in rows} - {None}
    arguments = arguments_of(connection, evaluations)
    return [
        JobView(
            job=_as_job(row),
            fullname=row["fullname"],
            arguments=tuple(arguments.get(row["evaluation_id"], ())),
            result=row["result"],
            result_preview=row["preview"] or "",
            result_type=row["type_name"] or "",
        )
        for row in rows
    ]


def _as_job(row: RowMapping) -> Job:
    reason = row["reason"]
    return Job(
        id=row["uuid"],
        execution=row["execution"],
        parent=row["parent"],
        task_hash=row["task_hash"],
        eval_hash=row["eval_hash"],
        status=JobStatus(row["status"]),
        outcome=Outcome(row["outcome"]),
        started=row["started"],
        ended=row["ended"],
        call_hash=row["call_hash"],
        reason=None if reason is None else Reason(MissKind(reason), row["detail"] or ""),
        place=row["place"],
    )


def arguments_of(connection: Connection, evaluations: Collection[int]) -> Mapping[int, Sequence[tuple[Argument, str]]]:
    """The arguments of evaluations, given by row, in order, with their previews."""
    bound = schema.argument
    found: defaultdict[int, list[tuple[Argument, str]]] = defaultdict(list)
    asked = (
        select(bound.c.evaluation_id, _word.c.text, _value.c.hash, _value.c.preview)
        .select_from(bound.join(_word, _word.c.id == bound.c.name_id).join(_value, _value.c.id == bound.c.value_id))
        .where(IsOneOf(bound.c.evaluation_id, literal(json.dumps(list(evaluations)), Text)))
        .order_by(bound.c.evaluation_id, bound.c.position)
    )
    for row, name, value, preview in connection.execute(asked):
        found[row].append((Argument(name, value), preview))
    return found


def miss_groups(connection: Connection, id: ExecutionId) -> Sequence[MissGroup]:
    """An execution's misses grouped by task, kind and detail; most time first."""
    alike = (_job.c.task_id, _job.c.reason, _job.c.detail_id)
    ran = (
        select(
            _job.c.id,
            _word.c.text.label("fullname"),
            schema.task.c.hash,
            _job.c.reason,
            _detail.c.text.label("detail"),
            _job.c.uuid,
            func.count().over(partition_by=alike).label("count"),
            func.sum(_elapsed).over(partition_by=alike).label("seconds"),
            func.row_number().over(partition_by=alike, order_by=(_job.c.started, _job.c.id)).label("number"),
        )
        .select_from(
            _job.join(_execution, _execution.c.id == _job.c.execution_id)
            .join(schema.task, schema.task.c.id == _job.c.task_id)
            .join(_word, _word.c.id == schema.task.c.name_id)
            .join(_detail, _detail.c.id == _job.c.detail_id)
        )
        .where(schema.same_id(_execution.c.uuid, id), _job.c.outcome == _RAN, _job.c.reason.is_not(None))
        .subquery()
    )
    first_ones = select(ran).where(ran.c.number == literal_column("1")).order_by(ran.c.id)
    found = [
        MissGroup(
            fullname=row["fullname"],
            task_hash=row["hash"],
            reason=Reason(MissKind(row["reason"]), row["detail"]),
            count=row["count"],
            seconds=row["seconds"],
            example=row["uuid"],
        )
        for row in connection.execute(first_ones).mappings()
    ]
    return sorted(found, key=MissGroup.order)


# -- the rest --------------------------------------------------------------------------------------


def find_files(connection: Connection, path: str, limit: int) -> Sequence[Digest]:
    """Values that hold a File with this path, newest first."""
    held = schema.held_file
    holders = select(held.c.value_id).where(held.c.path == path)
    asked = select(_value.c.hash).where(_value.c.id.in_(holders)).order_by(_value.c.id.desc()).limit(limit)
    return list(connection.execute(asked).scalars())


def resolve(connection: Connection, prefix: str) -> Found:
    """The one record whose id starts with these hex digits. Raises `UnknownId`, `AmbiguousId`."""
    first, last = hex_prefix(prefix)
    found: list[Found] = []
    for kind, column in _PEOPLE_SEE.items():
        size = _ID_SIZES[column.name]
        if len(prefix) > 2 * size:
            continue
        part = schema.prefix_of(column)
        asked = (
            select(column)
            .where(part >= first[: schema.PREFIX], part <= last[: schema.PREFIX])
            .where(column >= first[:size], column <= last[:size])
            .order_by(column)
            .limit(_SHOWN)
        )
        found += [Found(kind, id) for id in connection.execute(asked).scalars()]
    if not found:
        raise UnknownId.of(prefix)
    if len(found) > 1:
        raise AmbiguousId.of(prefix, found)
    return found[0]


_PEOPLE_SEE = {
    "execution": _execution.c.uuid,
    "job": _job.c.uuid,
    "call": _call.c.hash,
    "task": schema.task.c.hash,
    "value": _value.c.hash,
}
_ID_SIZES = {"uuid": 16, "hash": 32}
