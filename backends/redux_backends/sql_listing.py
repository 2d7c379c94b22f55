"""Lists of what is in tables: pages in the order of indexes, and many records by one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    literal,
    literal_column,
    select,
)

from redux_backends import choosing, executions, query, schema, tags
from redux_backends.answers import JobView, TagFilter
from redux_backends.dialects import IsAmongFound
from redux_backends.listing import CallFilter, CallView, FileLine, TagLine, TaskLine
from redux_backends.records import ExecutionId, JobId
from redux_valuestore.digest import Digest

_job, _call, _evaluation, _value = schema.job, schema.call_node, schema.evaluation, schema.value
_word, _task, _held, _tag = schema.word, schema.task, schema.held_file, schema.tag
_type = _word.alias("type")


# -- jobs ------------------------------------------------------------------------------------------


def callers_of_job(connection: Connection, job: JobId, limit: int) -> Sequence[JobView]:
    """The jobs that led to a job, the nearest, outermost first."""
    own = _job.alias("own")
    line = (
        select(own.c.parent_id.label("id"), literal(1).label("far"))
        .where(schema.same_id(own.c.uuid, job), own.c.parent_id.is_not(None))
        .cte("line", recursive=True)
    )
    above = _job.alias("above")
    further = select(above.c.parent_id, line.c.far + literal_column("1")).select_from(
        line.join(above, above.c.id == line.c.id)
    )
    line = line.union_all(further.where(above.c.parent_id.is_not(None), line.c.far < limit))
    rows = {one.id: one.far for one in connection.execute(select(line.c.id, line.c.far))}
    views = query.views_of(connection, executions.alive(connection), list(rows))
    return [views[row] for row, _ in sorted(rows.items(), key=lambda one: -one[1])]


def job_ids_of(connection: Connection, execution: ExecutionId) -> Sequence[JobId]:
    """The ids of all jobs of an execution."""
    rows = choosing.row_of(schema.execution.c.uuid, execution)
    asked = select(_job.c.uuid).where(_job.c.execution_id.in_(rows)).order_by(_job.c.started, _job.c.id)
    return list(connection.execute(asked).scalars())


def calls_of_task(connection: Connection, fullname: str) -> Sequence[Digest]:
    """The finished calls that the jobs of a task came to."""
    came = select(_job.c.call_id).where(_job.c.task_id.in_(choosing.tasks_named(fullname)), _job.c.call_id.is_not(None))
    asked = select(_call.c.hash).where(IsAmongFound(_call.c.id, came.distinct().scalar_subquery()))
    return sorted(connection.execute(asked).scalars())


# -- calls -----------------------------------------------------------------------------------------


def list_calls(connection: Connection, wanted: CallFilter, limit: int, offset: int) -> Sequence[CallView]:
    """Finished calls that fit, in the order of their evaluations, newest first."""
    order = _call.c.evaluation_id.desc(), _call.c.id.desc()
    fitting = select(_call.c.id).where(*_conditions(wanted))
    if wanted.task is not None and not (wanted.given or wanted.files or wanted.results or wanted.execution):
        # The newest of each version by themselves, so that not all calls of the task are put in order.
        of = _task.alias("of_task")
        most = fitting.where(_evaluation.c.task_id == of.c.id, _call.c.evaluation_id == _evaluation.c.id)
        # In the order of the index by which they are found.
        most = most.correlate(of).order_by(_evaluation.c.id.desc(), _call.c.id.desc())
        newest = most.limit(limit + offset).scalar_subquery()
        one = _call.alias("one")
        named = select(one.c.id).select_from(of.join(one, IsAmongFound(one.c.id, newest)))
        named = named.where(of.c.id.in_(choosing.tasks_named(wanted.task)))
        shown = named.order_by(one.c.evaluation_id.desc(), one.c.id.desc())
    else:
        if wanted.task is not None:
            of_task = select(_evaluation.c.id).where(
                _evaluation.c.id == _call.c.evaluation_id,
                (_evaluation.c.task_id + literal_column("0")).in_(choosing.tasks_named(wanted.task)),
            )
            fitting = fitting.where(of_task.correlate(_call).exists())
        shown = fitting.order_by(*order)
    shown = shown.limit(limit).offset(offset).correlate(None)
    return _call_views(connection, IsAmongFound(_call.c.id, shown.scalar_subquery()), order)


def _conditions(wanted: CallFilter) -> Iterator[ColumnElement[bool]]:
    """All that is asked for but the task."""
    if wanted.execution is not None:
        rows = choosing.row_of(schema.execution.c.uuid, wanted.execution)
        yield _call.c.id.in_(select(_job.c.call_id).where(_job.c.execution_id.in_(rows)).correlate(None))
    for given in wanted.given:
        yield _call.c.evaluation_id.in_(choosing.given_to(given))
    if wanted.results is not None:
        yield _call.c.value_id.in_(choosing.rows_of(_value.c.hash, wanted.results))
    if wanted.files:
        holders, bound, made = choosing.holding(wanted.files), schema.argument, _call.alias("made_with")
        given = select(bound.c.evaluation_id).where(bound.c.value_id.in_(holders))
        made_of = select(made.c.id).where(made.c.evaluation_id.in_(given.correlate(None)))
        gave = select(made.c.id).where(made.c.value_id.in_(holders))
        yield _call.c.id.in_(made_of.correlate(None).union(gave.correlate(None)))
    if wanted.since is not None:
        yield _call.c.recorded >= wanted.since
    if wanted.until is not None:
        yield _call.c.recorded < wanted.until
    for tag in wanted.tags:
        yield _call.c.id.in_(tags.rows_tagged("call", _call.c.hash, tag))


def _call_views(connection: Connection, shown: ColumnElement[bool], order: Sequence[ColumnElement]) -> list[CallView]:
    asked = (
        select(
            _call.c.hash,
            _word.c.text.label("fullname"),
            _task.c.hash.label("task_hash"),
            _call.c.evaluation_id,
            _value.c.hash.label("result"),
            _value.c.preview,
            _type.c.text.label("type_name"),
            _call.c.duration,
            _call.c.recorded,
        )
        .select_from(
            _call.join(_evaluation, _evaluation.c.id == _call.c.evaluation_id)
            .join(_task, _task.c.id == _evaluation.c.task_id)
            .join(_word, _word.c.id == _task.c.name_id)
            .join(_value, _value.c.id == _call.c.value_id)
            .join(_type, _type.c.id == _value.c.type_id)
        )
        .where(shown)
        .order_by(*order)
    )
    rows = connection.execute(asked).mappings().all()
    arguments = query.arguments_of(connection, {row["evaluation_id"] for row in rows})
    return [
        CallView(
            call_hash=row["hash"],
            fullname=row["fullname"],
            task_hash=row["task_hash"],
            arguments=tuple(arguments.get(row["evaluation_id"], ())),
            result=row["result"],
            result_preview=row["preview"],
            result_type=row["type_name"],
            duration=row["duration"],
            recorded=row["recorded"],
        )
        for row in rows
    ]


# -- tasks, values, files, tags --------------------------------------------------------------------


def list_tasks(
    connection: Connection, names: Sequence[str], tagged: Sequence[TagFilter], limit: int, offset: int
) -> Sequence[TaskLine]:
    """Tasks by name, each with its newest version."""
    counted = (
        select(_task.c.name_id, func.count().label("versions"), func.max(_task.c.id).label("newest"))
        .group_by(_task.c.name_id)
        .subquery()
    )
    named = counted.join(_word, _word.c.id == counted.c.name_id).join(_task, _task.c.id == counted.c.newest)
    asked = select(_word.c.text, counted.c.versions, _task.c.hash).select_from(named)
    if names:
        asked = asked.where(choosing.fitting_text(_word.c.text, names))
    if tagged:
        version = _task.alias("version")
        has = [version.c.id.in_(tags.rows_tagged("task", _task.c.hash, tag)) for tag in tagged]
        asked = asked.where(counted.c.name_id.in_(select(version.c.name_id).where(*has).correlate(None)))
    rows = connection.execute(asked.order_by(_word.c.text).limit(limit).offset(offset)).all()
    return [TaskLine(*row) for row in rows]


def list_values(
    connection: Connection, files: Sequence[str], tagged: Sequence[TagFilter], limit: int, offset: int
) -> Sequence[Digest]:
    """Values, newest first."""
    asked: Select = select(_value.c.hash)
    if files:
        asked = asked.where(_value.c.id.in_(choosing.holding(files)))
    for tag in tagged:
        asked = asked.where(_value.c.id.in_(tags.rows_tagged("value", _value.c.hash, tag)))
    return list(connection.execute(asked.order_by(_value.c.id.desc()).limit(limit).offset(offset)).scalars())


def list_files(connection: Connection, patterns: Sequence[str], limit: int, offset: int) -> Sequence[FileLine]:
    """Files by path, each with the newest value that holds it."""
    contents = func.count(_held.c.content.distinct()).label("contents")
    paths = select(_held.c.path, contents, func.max(_held.c.value_id).label("newest")).group_by(_held.c.path)
    if patterns:
        paths = paths.where(choosing.fitting_text(_held.c.path, patterns))
    shown = paths.order_by(_held.c.path).limit(limit).offset(offset).subquery()
    asked = select(shown.c.path, shown.c.contents, _value.c.hash)
    asked = asked.select_from(shown.join(_value, _value.c.id == shown.c.newest)).order_by(shown.c.path)
    return [FileLine(*row) for row in connection.execute(asked)]


def known_paths(connection: Connection, paths: Sequence[str]) -> frozenset[str]:
    """Which of these are paths of Files that values hold."""
    return frozenset(connection.execute(select(_held.c.path).distinct().where(_held.c.path.in_(paths))).scalars())


def list_tags(connection: Connection, keys: Sequence[str], limit: int, offset: int) -> Sequence[TagLine]:
    """Current tags, counted."""
    by = _tag.c.key, _tag.c.value, _tag.c.kind
    asked = select(*by, func.count()).where(schema.CURRENT).group_by(*by).order_by(*by)
    if keys:
        beginnings = schema.beginning_of(_tag.c.key).in_([key[: tags.INDEXED] for key in keys])
        asked = asked.where(beginnings, (_tag.c.key + literal_column("''")).in_(keys))
    return [TagLine(*row) for row in connection.execute(asked.limit(limit).offset(offset))]
