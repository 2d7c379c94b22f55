"""Following data from record to record in tables: for each question one statement, joined from what is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from redux_backends import schema
from redux_backends.records import ExecutionId, FileFact, JobId, Outcome
from redux_backends.session import Session
from redux_backends.statements import Among
from redux_backends.tracing import Traced
from redux_valuestore.digest import Digest

_value, _call, _job, _held = schema.value, schema.call_node, schema.job, schema.held_file
_argument, _upstream, _subvalue = schema.argument, schema.call_upstream, schema.subvalue
_edge, _execution = schema.call_edge, schema.execution
_other, _parent, _container = _call.alias("other"), _job.alias("parent"), _value.alias("container")


def _from(asked: ColumnElement[Any], found: Sequence[ColumnElement[Any]], source: FromClause) -> Among:
    return Among([asked, *found], source, schema.prefix_of(asked))


_MAKERS = _from(_value.c.hash, [_call.c.hash], _value.join(_call, _call.c.value_id == _value.c.id))
_USERS = _from(
    _value.c.hash,
    [_call.c.hash],
    _value.join(_argument, _argument.c.value_id == _value.c.id).join(
        _call, _call.c.evaluation_id == _argument.c.evaluation_id
    ),
)
_FED = _from(
    _call.c.hash,
    [_other.c.hash],
    _call.join(_upstream, _upstream.c.upstream_id == _call.c.id).join(_other, _other.c.id == _upstream.c.call_id),
)
_JOINED = _call.join(_job, (_job.c.evaluation_id == _call.c.evaluation_id) & (_job.c.call_id == _call.c.id))
_CALLERS = _from(
    _call.c.hash,
    [_other.c.hash],
    _JOINED.join(_parent, _parent.c.id == _job.c.parent_id).join(_other, _other.c.id == _parent.c.call_id),
)
_PARENTS = _from(
    _call.c.hash,
    [_other.c.hash],
    _call.join(_edge, _edge.c.child_id == _call.c.id).join(_other, _other.c.id == _edge.c.parent_id),
)
_EXECUTIONS = _from(_call.c.hash, [_execution.c.uuid], _JOINED.join(_execution, _execution.c.id == _job.c.execution_id))
_CONTAINERS = _from(
    _value.c.hash,
    [_container.c.hash],
    _value.join(_subvalue, _subvalue.c.child_id == _value.c.id).join(
        _container, _container.c.id == _subvalue.c.value_id
    ),
)
_JOBS = _from(_call.c.hash, [_job.c.uuid, _job.c.outcome, _job.c.started], _JOINED)
_HOLDERS = Among(
    [_held.c.path, _held.c.content, _value.c.hash], _held.join(_value, _value.c.id == _held.c.value_id), _held.c.path
)


def makers_of(session: Session, values: Sequence[Digest]) -> Traced:
    """The finished calls whose result is a value."""
    return _found(session, _MAKERS, values)


def users_of(session: Session, values: Sequence[Digest]) -> Traced:
    """The finished calls of which a value is an argument."""
    return _found(session, _USERS, values)


def fed_by(session: Session, calls: Sequence[Digest]) -> Traced:
    """The finished calls that have arguments made from a call's result."""
    return _found(session, _FED, calls)


def callers_of(session: Session, calls: Sequence[Digest]) -> Traced:
    """The finished calls in which a job called a call."""
    return _found(session, _CALLERS, calls)


def parents_of(session: Session, calls: Sequence[Digest]) -> Traced:
    """The finished calls that have a call among their children."""
    return _found(session, _PARENTS, calls)


def executions_of(session: Session, calls: Sequence[Digest]) -> Mapping[Digest, Sequence[ExecutionId]]:
    """The executions in which a job came to a call."""
    found = _found(session, _EXECUTIONS, calls)
    return {call: [ExecutionId(one) for one in executions] for call, executions in found.items()}


def containers_of(session: Session, values: Sequence[Digest]) -> Traced:
    """The values of which a value is a part."""
    return _found(session, _CONTAINERS, values)


def holders_of(session: Session, files: Sequence[FileFact]) -> Mapping[FileFact, Sequence[Digest]]:
    """The values that hold a File of this path with this content."""
    wanted = set(files)
    found: defaultdict[FileFact, set[Digest]] = defaultdict(set)
    for path, content, value in session.read(_HOLDERS, {file.path for file in wanted}):
        file = FileFact(path, content)
        if file in wanted:
            found[file].add(value)
    return {file: sorted(values) for file, values in found.items()}


def jobs_behind(session: Session, calls: Sequence[Digest]) -> Mapping[Digest, JobId]:
    """The job that stands for each call."""
    best: dict[Digest, tuple[bool, float, bytes]] = {}
    for call, job, outcome, started in _rows(session, _JOBS, set(calls)):
        rank = (outcome == Outcome.RAN, started, job)
        best[call] = max(best.get(call, rank), rank)
    return {call: JobId(job) for call, (_, _, job) in best.items()}


def _found(session: Session, among: Among, asked: Collection[Digest]) -> Traced:
    found: defaultdict[Digest, set[Digest]] = defaultdict(set)
    for one, other in _rows(session, among, set(asked)):
        found[one].add(other)
    return {one: sorted(others) for one, others in found.items()}


def _rows(session: Session, among: Among, wanted: Collection[Digest]) -> Iterable[tuple]:
    return (row for row in session.read(among, schema.prefixes(wanted)) if row[0] in wanted)
