"""The jobs of an execution and those before it, in tables: a few statements, however many jobs there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, func, literal, literal_column, select

from redux_backends import schema
from redux_backends.answers import AskedJob, AskedJobs
from redux_backends.choosing import row_of
from redux_backends.dialects import IsOneOf
from redux_backends.records import (
    Argument,
    ExecutionId,
    FileFact,
    MissKind,
    Outcome,
    Reason,
    Seconds,
    Traits,
    Upstream,
)
from redux_valuestore.digest import Digest

_job, _execution, _call, _value, _word, _task = (
    schema.job,
    schema.execution,
    schema.call_node,
    schema.value,
    schema.word,
    schema.task,
)
_parent = _job.alias("parent")
_RAN = literal_column(str(int(Outcome.RAN)))
_KNOWN = [literal_column(str(int(one))) for one in (Outcome.SINGLE, Outcome.ULTIMATE, Outcome.ACCEPTED)]
_elapsed = func.coalesce(_job.c.ended - _job.c.started, literal_column("0.0"))


def jobs_that_ran(connection: Connection, execution: ExecutionId) -> AskedJobs:
    """The jobs of an execution that ran for a reason, with their upstreams, and all jobs that called them."""
    ran = select(_job.c.id).where(
        _job.c.execution_id.in_(row_of(_execution.c.uuid, execution)),
        _job.c.outcome == _RAN,
        _job.c.reason.is_not(None),
    )
    return _asked(connection, ran, upstreams=True)


def jobs_before(
    connection: Connection, executions: Sequence[ExecutionId], tasks: Sequence[str], asked_by: ExecutionId | None
) -> AskedJobs:
    """The jobs of earlier executions that those of a later one may stand in for, and all jobs that called them."""
    rows = select(_execution.c.id).where(_execution.c.uuid.in_(executions))
    wanted = select(_job.c.id).where(
        _job.c.execution_id.in_(rows),
        # With nothing added the task's index might be taken, and all its jobs looked through.
        (_job.c.task_id + literal_column("0")).in_(_named(tasks)),
        _job.c.evaluation_id.is_not(None),
    )
    if asked_by is not None:
        hit = _job.alias("hit")
        known = select(hit.c.id).where(
            hit.c.evaluation_id == _job.c.evaluation_id,
            hit.c.execution_id.in_(row_of(_execution.c.uuid, asked_by)),
            hit.c.outcome.in_(_KNOWN),
        )
        wanted = wanted.where(~known.exists())
    return _asked(connection, wanted, upstreams=False)


def newest_before(connection: Connection, tasks: Sequence[str], before: Seconds) -> Mapping[str, ExecutionId]:
    """For each task the execution of its newest job of those that started before a moment."""
    one = _job.alias("one")
    newest = (
        select(one.c.id)
        .where(one.c.task_id == _task.c.id, one.c.started < before)
        .order_by(one.c.started.desc(), one.c.id.desc())
        .limit(1)
        .correlate(_task)
        .scalar_subquery()
    )
    asked = (
        select(_word.c.text, _execution.c.uuid)
        .select_from(
            _task.join(_word, _word.c.id == _task.c.name_id)
            .join(_job, _job.c.id == newest)
            .join(_execution, _execution.c.id == _job.c.execution_id)
        )
        .where(_task.c.id.in_(_named(tasks)))
        .order_by(_job.c.started, _job.c.id)
    )
    return {row[0]: row[1] for row in connection.execute(asked)}


def _named(tasks: Sequence[str]) -> Select:
    names = select(_word.c.id).where(_word.c.text.in_(tasks)).correlate(None)
    return select(_task.c.id).where(_task.c.name_id.in_(names)).correlate(None)


def _asked(connection: Connection, wanted: Select, *, upstreams: bool) -> AskedJobs:
    """The jobs whose rows are wanted, and their callers."""
    rows = connection.execute(_with_callers(wanted)).all()
    texts = _Texts(connection)
    bound, holders = _arguments(connection, {row[-2] for row in rows} - {None})
    behind = _upstreams(connection, {row[-1] for row in rows} - {None}) if upstreams else {}
    names = [name for each in (bound, behind) for some in each.values() for name, _ in some]
    texts.read([*names, *(row[8] for row in rows)], {row[3] for row in rows})
    return AskedJobs(
        tuple(_as_job(row, texts, bound.get(row[-2], ()), behind.get(row[-1], ())) for row in rows),
        _files(connection, holders),
    )


class _Texts:
    """The texts that many rows share, read once: words by row, and the hashes and names of tasks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.words: dict[int | None, str] = {None: ""}
        self.tasks: dict[int, tuple[Digest, str]] = {}

    def read(self, words: Iterable[int | None], tasks: Collection[int]) -> None:
        """Read these words and tasks, given by row."""
        asked = select(_word.c.id, _word.c.text).where(
            _is_one_of(_word.c.id, {row for row in words if row is not None})
        )
        self.words.update((row, said) for row, said in self._connection.execute(asked))
        named = (
            select(_task.c.id, _task.c.hash, _word.c.text)
            .select_from(_task.join(_word, _word.c.id == _task.c.name_id))
            .where(_is_one_of(_task.c.id, tasks))
        )
        self.tasks = {row: (task_hash, fullname) for row, task_hash, fullname in self._connection.execute(named)}


def _with_callers(wanted: Select) -> Select:
    tree = wanted.cte("tree", recursive=True)
    above = _job.alias("above")
    tree = tree.union(select(above.c.parent_id).where(above.c.id == tree.c.id, above.c.parent_id.is_not(None)))
    return (
        select(
            _job.c.uuid,
            _execution.c.uuid,
            _parent.c.uuid,
            _job.c.task_id,
            schema.evaluation.c.hash,
            _call.c.hash,
            _value.c.hash,
            _job.c.reason,
            _job.c.detail_id,
            _job.c.outcome,
            _job.c.started,
            _elapsed,
            _job.c.evaluation_id,
            _job.c.call_id,
        )
        .select_from(
            tree.join(_job, _job.c.id == tree.c.id)
            .join(_execution, _execution.c.id == _job.c.execution_id)
            .outerjoin(_parent, _parent.c.id == _job.c.parent_id)
            .outerjoin(schema.evaluation, schema.evaluation.c.id == _job.c.evaluation_id)
            .outerjoin(_call, _call.c.id == _job.c.call_id)
            .outerjoin(_value, _value.c.id == _call.c.value_id)
        )
        .order_by(_job.c.started, _job.c.id)
    )


_OUTCOMES = {int(one): one for one in Outcome}


def _as_job(
    row: Row, texts: _Texts, arguments: Iterable[tuple[int, Digest]], upstreams: Iterable[tuple[int, Digest]]
) -> AskedJob:
    job, execution, parent, task, eval_hash, call_hash, result, reason, detail, outcome, started, seconds, *_ = row
    task_hash, fullname = texts.tasks[task]
    words = texts.words
    why = None if reason is None else Reason(MissKind(reason), words[detail])
    return AskedJob(
        job,
        execution,
        parent,
        fullname,
        task_hash,
        eval_hash,
        call_hash,
        result,
        _OUTCOMES[outcome],
        why,
        started,
        seconds,
        tuple([Argument(words[name], value) for name, value in arguments]),
        tuple([Upstream(words[name], call) for name, call in upstreams]),
    )


def _arguments(
    connection: Connection, evaluations: Collection[int]
) -> tuple[Mapping[int, Sequence[tuple[int, Digest]]], Mapping[int, Digest]]:
    """The arguments of evaluations, all given by row, in order; and the values that hold files."""
    bound = schema.argument
    asked = (
        select(bound.c.evaluation_id, bound.c.name_id, _value.c.hash, _value.c.id, _value.c.traits)
        .select_from(bound.join(_value, _value.c.id == bound.c.value_id))
        .where(_is_one_of(bound.c.evaluation_id, evaluations))
        .order_by(bound.c.evaluation_id, bound.c.position)
    )
    found: defaultdict[int, list[tuple[int, Digest]]] = defaultdict(list)
    holders: dict[int, Digest] = {}
    files = int(Traits.FILES)
    for evaluation, name, value, row, traits in connection.execute(asked):
        found[evaluation].append((name, value))
        if traits & files:
            holders[row] = value
    return found, holders


def _files(connection: Connection, holders: Mapping[int, Digest]) -> Mapping[Digest, tuple[FileFact, ...]]:
    held = schema.held_file
    asked = (
        select(held.c.value_id, held.c.path, held.c.content)
        .where(_is_one_of(held.c.value_id, holders))
        .order_by(held.c.value_id, held.c.position)
    )
    found: defaultdict[Digest, list[FileFact]] = defaultdict(list)
    for row, path, content in connection.execute(asked):
        found[holders[row]].append(FileFact(path, content))
    return {value: tuple(files) for value, files in found.items()}


def _upstreams(connection: Connection, calls: Collection[int]) -> Mapping[int, Sequence[tuple[int, Digest]]]:
    """Where the arguments of calls came from: names and calls given by row."""
    link = schema.call_upstream
    asked = (
        select(link.c.call_id, link.c.name_id, _call.c.hash)
        .select_from(link.join(_call, _call.c.id == link.c.upstream_id))
        .where(_is_one_of(link.c.call_id, calls))
        .order_by(link.c.call_id, link.c.position)
    )
    found: defaultdict[int, list[tuple[int, Digest]]] = defaultdict(list)
    for call, name, upstream in connection.execute(asked):
        found[call].append((name, upstream))
    return found


def _is_one_of(column: ColumnElement[Any], rows: Collection[int]) -> ColumnElement[bool]:
    return IsOneOf(column, literal(json.dumps(list(rows)), Text))
