"""Executions: written with a lease, and read as they stand now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, literal_column, or_, select, update

from redux_backends import liveness, schema
from redux_backends.dialects import Now
from redux_backends.listing import ExecutionFilter
from redux_backends.records import Execution, ExecutionId, JobStatus, Lease, Seconds
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row

_execution = schema.execution
_now = Now().label("now")
_EXECUTIONS = Insert(_execution, update=[each.name for each in _execution.c if each.name not in ("id", "uuid")])
_NOW = select(_now)
_ENDS = Among([_execution.c.uuid, _execution.c.ended], _execution, schema.prefix_of(_execution.c.uuid))
_GIVEN = Among([*_execution.c, _now], _execution, schema.prefix_of(_execution.c.uuid))
_RENEW = (
    update(_execution)
    .where(schema.same_id_given(_execution.c.uuid))
    .values(lease_until=Now() + literal_column(str(liveness.LEASE_SECONDS)))
)


def record_execution(session: Session, ledger: Ledger, execution: Execution) -> None:
    """Write an execution as it stands now, its lease renewed."""
    ledger.executions.learn((execution.id,))
    known = execution.id in ledger.executions
    row = ledger.executions[execution.id] if known else ledger.executions.add(execution.id)
    session.write(_EXECUTIONS, [_row(row, execution, 0.0)])
    renew_lease(session, execution.id)


def _row(row: int, execution: Execution, lease_until: Seconds) -> Row:
    lease = execution.lease
    return (
        row,
        execution.id,
        json.dumps(execution.argv),
        execution.user,
        execution.cwd,
        execution.started,
        execution.ended,
        int(execution.status),
        lease.host,
        lease.boot,
        lease.pid,
        lease.process_started,
        lease_until,
    )


def put(session: Session, ledger: Ledger, given: Sequence[Execution]) -> None:
    """Write executions of another database: one that runs there has a lease from now, others have none.

    Those that have ended here stay as they are, and so do those known here of which the other side heard no more.
    """
    known = ledger.executions
    latest = {execution.id: execution for execution in given}
    known.learn(latest)
    old = {id for id in latest if id in known}
    over = {id for id, ended in session.read(_ENDS, {id[: schema.PREFIX] for id in old}) if ended is not None}
    (now,) = session.first(_NOW)
    rows = []
    for id, execution in latest.items():
        # What died has not ended: that is asked anew wherever it is shown.
        unheard = execution.status is JobStatus.DIED and execution.ended is None
        if id in over or (id in old and unheard):
            continue
        if id in old and execution.status is JobStatus.RUNNING:
            renew_lease(session, id)
            continue
        row = known[id] if id in old else known.add(id)
        runs = execution.status is JobStatus.RUNNING
        kept = replace(execution, status=JobStatus.RUNNING) if unheard else execution
        rows.append(_row(row, kept, now + liveness.LEASE_SECONDS if runs else 0.0))
    session.write(_EXECUTIONS, rows)


def renew_lease(session: Session, execution: ExecutionId) -> None:
    """Let an execution's lease run from now."""
    session.run(_RENEW, prefix=execution[: schema.PREFIX], digest=execution)


def find_executions(
    connection: Connection, wanted: ExecutionFilter, limit: int, offset: int, among: Iterable[Select[tuple[bytes]]] = ()
) -> Sequence[Execution]:
    """Executions that fit, newest first, whose ids each of the subqueries gives."""
    chosen: list[ColumnElement[bool]] = [_execution.c.uuid.in_(ids) for ids in among]
    if wanted.since is not None:
        chosen.append(_execution.c.started >= wanted.since)
    if wanted.until is not None:
        chosen.append(_execution.c.started < wanted.until)
    if wanted.status is not None:
        chosen.append(_status(alive(connection)) == int(wanted.status))
    newest = select(_execution, _now).where(*chosen).order_by(_execution.c.started.desc(), _execution.c.id)
    rows = connection.execute(newest.limit(limit).offset(offset)).mappings()
    return [_as_it_stands(row) for row in rows]


def _status(alive: Collection[int]) -> ColumnElement[int]:
    """An execution's status: one that says it runs has died unless it is alive."""
    died = and_(_execution.c.status == literal_column(str(int(JobStatus.RUNNING))), _execution.c.id.not_in(alive))
    return case((died, literal_column(str(int(JobStatus.DIED)))), else_=_execution.c.status)


def get_execution(connection: Connection, id: ExecutionId) -> Execution | None:
    """One execution."""
    found = select(_execution, _now).where(schema.same_id(_execution.c.uuid, id))
    row = connection.execute(found).mappings().first()
    return None if row is None else _as_it_stands(row)


def read(session: Session, ids: Collection[bytes]) -> Mapping[bytes, Execution]:
    """Executions by their ids, as they stand now."""
    names = [column.name for column in _GIVEN.columns]
    rows = (dict(zip(names, row, strict=True)) for row in session.read(_GIVEN, {id[: schema.PREFIX] for id in ids}))
    return {row["uuid"]: _as_it_stands(row) for row in rows}


def alive(connection: Connection) -> Collection[int]:
    """The rows of the executions that run now."""
    here = liveness.this_process()
    # Of what died elsewhere nothing is read, however much of it there is.
    said = select(_execution, _now).where(
        _execution.c.status == literal_column(str(int(JobStatus.RUNNING))),
        or_(
            _execution.c.lease_until >= Now(),
            and_(_execution.c.host == here.host, _execution.c.boot == here.boot),
        ),
    )
    return [row["id"] for row in connection.execute(said).mappings() if _as_it_stands(row).status is JobStatus.RUNNING]


def _as_it_stands(row: Mapping[Any, Any]) -> Execution:
    lease = Lease(row["host"], row["boot"], row["pid"], row["process_started"])
    status = JobStatus(row["status"])
    if status is JobStatus.RUNNING and not liveness.is_running(lease, row["lease_until"], row["now"]):
        status = JobStatus.DIED
    return Execution(
        id=ExecutionId(row["uuid"]),
        argv=tuple(json.loads(row["argv"])),
        user=row["user"],
        cwd=row["cwd"],
        started=row["started"],
        lease=lease,
        ended=row["ended"],
        status=status,
    )
