"""What came before: a task's versions, the tasks of calls, and the earlier evaluations that bear on a miss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from redux_backends import schema
from redux_backends.backend import MissContext, unknown_reference
from redux_backends.query import arguments_of, tasks_named
from redux_backends.records import Argument, CodePiece, EvaluationKey, TaskRecord
from redux_backends.statements import from_text, to_text
from redux_valuestore.digest import Digest

_task, _evaluation, _argument, _value, _word = (
    schema.task,
    schema.evaluation,
    schema.argument,
    schema.value,
    schema.word,
)
_CALLS_AT_ONCE = 500


# -- tasks -----------------------------------------------------------------------------------------


def get_task(connection: Connection, task_hash: Digest) -> TaskRecord | None:
    """One task with its pieces of code."""
    return next(iter(_tasks(connection, schema.same_id(_task.c.hash, task_hash))), None)


def task_versions(connection: Connection, fullname: str) -> Sequence[TaskRecord]:
    """A task's versions, newest first."""
    return _tasks(connection, _task.c.id.in_(tasks_named(fullname)))


def _tasks(connection: Connection, wanted: ColumnElement[bool]) -> list[TaskRecord]:
    asked = (
        select(_task.c.id, _task.c.hash, _word.c.text, _task.c.version)
        .select_from(_task.join(_word, _word.c.id == _task.c.name_id))
        .where(wanted)
        .order_by(_task.c.id.desc())
    )
    rows = connection.execute(asked).all()
    piece = schema.code_piece
    pieces: defaultdict[int, list[CodePiece]] = defaultdict(list)
    made_of = (
        select(schema.task_piece.c.task_id, piece.c.hash, piece.c.kind, piece.c.name, piece.c.source)
        .select_from(schema.task_piece.join(piece))
        .where(schema.task_piece.c.task_id.in_(select(_task.c.id).where(wanted)))
        .order_by(schema.task_piece.c.task_id, schema.task_piece.c.position)
    )
    for row, digest, kind, name, source in connection.execute(made_of):
        pieces[row].append(CodePiece(digest, kind, from_text(name), from_text(source)))
    return [
        TaskRecord(digest, from_text(fullname), version and from_text(version), tuple(pieces[row]))
        for row, digest, fullname, version in rows
    ]


def name_calls(connection: Connection, calls: Sequence[Digest]) -> Mapping[Digest, str]:
    """The full names of the tasks of calls."""
    call = schema.call_node
    named = select(call.c.hash, _word.c.text).select_from(
        call.join(_evaluation, _evaluation.c.id == call.c.evaluation_id)
        .join(_task, _task.c.id == _evaluation.c.task_id)
        .join(_word, _word.c.id == _task.c.name_id)
    )
    found: dict[Digest, str] = {}
    for start in range(0, len(calls), _CALLS_AT_ONCE):
        chunk = calls[start : start + _CALLS_AT_ONCE]
        alike = schema.prefix_of(call.c.hash).in_([digest[: schema.PREFIX] for digest in chunk])
        for digest, fullname in connection.execute(named.where(alike, call.c.hash.in_(chunk))):
            found[digest] = from_text(fullname)
    return found


# -- evaluations -----------------------------------------------------------------------------------


def get_key(connection: Connection, eval_hash: Digest) -> EvaluationKey | None:
    """One evaluation's task and arguments."""
    return _key(connection, _keys().where(schema.same_id(_evaluation.c.hash, eval_hash)))


def _keys() -> Select:
    return select(
        _evaluation.c.id, _evaluation.c.hash, _task.c.hash.label("task_hash"), _evaluation.c.args_hash
    ).select_from(_evaluation.join(_task, _task.c.id == _evaluation.c.task_id))


def _key(connection: Connection, asked: Select) -> EvaluationKey | None:
    row: Row | None = connection.execute(asked.limit(1)).first()
    if row is None:
        return None
    arguments = arguments_of(connection, (row.id,)).get(row.id, ())
    return EvaluationKey(row.hash, row.task_hash, row.args_hash, tuple(one for one, _ in arguments))


def explain_cache_miss(connection: Connection, key: EvaluationKey) -> MissContext:
    """What earlier records bear on an evaluation's miss. Raises `unknown_reference`'s error for its task."""
    task = connection.execute(
        select(_task.c.id, _word.c.text)
        .select_from(_task.join(_word, _word.c.id == _task.c.name_id))
        .where(schema.same_id(_task.c.hash, key.task_hash))
    ).first()
    if task is None:
        raise unknown_reference("task", key.task_hash)
    fullname = from_text(task.text)
    other = and_(_evaluation.c.task_id.in_(tasks_named(fullname)), _evaluation.c.hash != key.eval_hash)
    of_this_task = select(_evaluation.c.id).where(_evaluation.c.task_id == task.id, _evaluation.c.hash != key.eval_hash)
    versions = [each for each in task_versions(connection, fullname) if each.hash != key.task_hash]
    return MissContext(
        same_call=get_key(connection, key.eval_hash) is not None,
        known_task=connection.execute(of_this_task.limit(1)).first() is not None,
        previous_task=versions[0] if versions else None,
        nearest=_nearest(connection, key.arguments, other),
    )


def _nearest(connection: Connection, arguments: Sequence[Argument], other: ColumnElement[bool]) -> EvaluationKey | None:
    """The newest of the evaluations that have most arguments in common with these."""
    equal = [
        and_(_word.c.text == to_text(argument.name), schema.same_id(_value.c.hash, argument.value))
        for argument in arguments
    ]
    if equal:
        closest = (
            select(_argument.c.evaluation_id)
            .select_from(
                _value.join(_argument, _argument.c.value_id == _value.c.id)
                .join(_word, _word.c.id == _argument.c.name_id)
                .join(_evaluation, _evaluation.c.id == _argument.c.evaluation_id)
            )
            .where(or_(*equal), other)
            .group_by(_argument.c.evaluation_id)
            .order_by(func.count().desc(), _argument.c.evaluation_id.desc())
            .limit(1)
        )
        row = connection.execute(closest).scalar()
        if row is not None:
            return _key(connection, _keys().where(_evaluation.c.id == row))
    return _key(connection, _keys().where(other).order_by(_evaluation.c.id.desc()))
