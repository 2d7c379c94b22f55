"""The evaluations whose results disagree, as people look at them: what was asked, what was given, when and by whom."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Float, Select, Text, exists, func, literal, literal_column, select

from redux_backends import schema
from redux_backends.backend import Disagreement, GivenBy, GivenResult
from redux_backends.choosing import row_of, tasks_named
from redux_backends.dialects import IsOneOf
from redux_backends.disagreeing import GIVERS_TOLD, RESULTS_TOLD, gave
from redux_backends.query import arguments_of
from redux_backends.records import EvaluationKey, ExecutionId, Outcome, Place
from redux_valuestore.digest import Digest

_noted, _evaluation, _result, _task, _word, _value, _job, _call = (
    schema.disagreement,
    schema.evaluation,
    schema.evaluation_result,
    schema.task,
    schema.word,
    schema.value,
    schema.job,
    schema.call_node,
)
_RAN = literal_column(str(int(Outcome.RAN)))
_GIVERS_LOOKED_AT = 200
"""How many jobs of one evaluation are looked at to find who gave its results."""


def disagreements(
    connection: Connection, task: str | None, execution: ExecutionId | None, limit: int
) -> Sequence[Disagreement]:
    """The evaluations that were noted, newest first, of a task or with a job in an execution."""
    numbers = list(connection.execute(found(task, execution).limit(limit)).scalars())
    at = {number: at for at, number in enumerate(numbers)}
    rows = sorted(connection.execute(_keys(numbers)), key=lambda row: at[row.id])
    arguments = arguments_of(connection, numbers)
    results, counts = _results(connection, numbers)
    return [
        Disagreement(
            key=EvaluationKey(
                row.hash, row.task_hash, row.args_hash, tuple(one for one, _ in arguments.get(row.id, ()))
            ),
            fullname=row.text,
            previews=tuple(preview for _, preview in arguments.get(row.id, ())),
            results=tuple(results[row.id]),
            count=counts[row.id],
        )
        for row in rows
    ]


def found(task: str | None, execution: ExecutionId | None) -> Select:
    """The rows of the evaluations that were noted, newest first."""
    # The few that were noted are gone through, and neither all evaluations of a task nor all jobs of an execution.
    number = _noted.c.evaluation_id
    newest = select(func.max(_result.c.recorded, type_=Float)).where(_result.c.evaluation_id == number)
    wanted = select(number).order_by(newest.scalar_subquery().desc(), number)
    if execution is not None:
        run = row_of(schema.execution.c.uuid, execution).scalar_subquery()
        wanted = wanted.where(exists().where(_job.c.evaluation_id == number, _job.c.execution_id == run))
    if task is not None:
        of_task = exists().where(_evaluation.c.id == number, _evaluation.c.task_id.in_(tasks_named(task)))
        wanted = wanted.where(of_task)
    return wanted


def _keys(evaluations: Sequence[int]) -> Select:
    return (
        select(_evaluation, _task.c.hash.label("task_hash"), _word.c.text)
        .select_from(
            _evaluation.join(_task, _task.c.id == _evaluation.c.task_id).join(_word, _word.c.id == _task.c.name_id)
        )
        .where(IsOneOf(_evaluation.c.id, literal(json.dumps(evaluations), Text)))
    )


def _results(
    connection: Connection, evaluations: Sequence[int]
) -> tuple[Mapping[int, Sequence[GivenResult]], Mapping[int, int]]:
    """The newest results of evaluations, given by row, and how many there are of each."""
    among = IsOneOf(_result.c.evaluation_id, literal(json.dumps(evaluations), Text))
    number = func.row_number().over(
        partition_by=_result.c.evaluation_id, order_by=(_result.c.recorded.desc(), _result.c.value_id)
    )
    numbered = select(_result, number.label("number")).where(among).subquery()
    kind = schema.word.alias("type")
    shown = (
        select(numbered, _value.c.hash, kind.c.text.label("type_name"), _value.c.preview, _value.c.place)
        .select_from(
            numbered.join(_value, _value.c.id == numbered.c.value_id).join(kind, kind.c.id == _value.c.type_id)
        )
        .where(numbered.c.number <= RESULTS_TOLD)
        .order_by(numbered.c.evaluation_id, numbered.c.number)
    )
    givers = _givers(connection, evaluations)
    found: defaultdict[int, list[GivenResult]] = defaultdict(list)
    for row in connection.execute(shown):
        given_by = [by for by, final in givers[row.evaluation_id] if gave(row.hash, row.recorded, by, final)]
        found[row.evaluation_id].append(
            GivenResult(
                result=row.hash,
                type_name=row.type_name,
                preview=row.preview,
                gone=row.place == Place.MISSING,
                recorded=row.recorded,
                duration=row.duration,
                given_by=tuple(given_by[:GIVERS_TOLD]),
            )
        )
    counted = select(_result.c.evaluation_id, func.count()).where(among).group_by(_result.c.evaluation_id)
    return found, {row: count for row, count in connection.execute(counted)}  # noqa: C416 - typed as it is


def _givers(
    connection: Connection, evaluations: Sequence[int]
) -> Mapping[int, Sequence[tuple[GivenBy, Digest | None]]]:
    """The newest jobs that ran evaluations, given by row, each with what its call came to."""
    number = func.row_number().over(partition_by=_job.c.evaluation_id, order_by=(_job.c.ended.desc(), _job.c.uuid))
    ran = (
        select(
            _job.c.uuid, _job.c.execution_id, _job.c.evaluation_id, _job.c.ended, _job.c.call_id, number.label("number")
        )
        .where(IsOneOf(_job.c.evaluation_id, literal(json.dumps(evaluations), Text)))
        .where(_job.c.outcome == _RAN, _job.c.ended.is_not(None))
        .subquery()
    )
    asked = (
        select(ran.c.evaluation_id, ran.c.uuid, schema.execution.c.uuid.label("execution"), ran.c.ended, _value.c.hash)
        .select_from(
            ran.join(schema.execution, schema.execution.c.id == ran.c.execution_id)
            .outerjoin(_call, _call.c.id == ran.c.call_id)
            .outerjoin(_value, _value.c.id == _call.c.value_id)
        )
        .where(ran.c.number <= _GIVERS_LOOKED_AT)
        .order_by(ran.c.evaluation_id, ran.c.number)
    )
    found: defaultdict[int, list[tuple[GivenBy, Digest | None]]] = defaultdict(list)
    for evaluation, job, execution, ended, final in connection.execute(asked):
        found[evaluation].append((GivenBy(job, execution, ended), final))
    return found
