"""Executions: written with a lease, and read as they stand now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, RowMapping, Select, and_, literal_column, or_, select, update

from redux_backends import liveness, schema
from redux_backends.dialects import Now
from redux_backends.records import Execution, ExecutionId, JobStatus, Lease
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Insert

_execution = schema.execution
_now = Now().label("now")
_EXECUTIONS = Insert(_execution, update=[each.name for each in _execution.c if each.name not in ("id", "uuid")])
_RENEW = (
    update(_execution)
    .where(schema.same_id_given(_execution.c.uuid))
    .values(lease_until=Now() + literal_column(str(liveness.LEASE_SECONDS)))
)


def record_execution(session: Session, ledger: Ledger, execution: Execution) -> None:
    """Write an execution as it stands now, its lease renewed."""
    ledger.executions.learn((execution.id,))
    known = execution.id in ledger.executions
    lease = execution.lease
    row = (
        ledger.executions[execution.id] if known else ledger.executions.add(execution.id),
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
        0.0,
    )
    session.write(_EXECUTIONS, [row])
    renew_lease(session, execution.id)


def renew_lease(session: Session, execution: ExecutionId) -> None:
    """Let an execution's lease run from now."""
    session.run(_RENEW, prefix=execution[: schema.PREFIX], digest=execution)


def executions(
    connection: Connection, limit: int, offset: int = 0, among: Iterable[Select[tuple[bytes]]] = ()
) -> Sequence[Execution]:
    """Executions, newest first, whose ids each of the subqueries gives."""
    chosen = [_execution.c.uuid.in_(ids) for ids in among]
    newest = select(_execution, _now).where(*chosen).order_by(_execution.c.started.desc(), _execution.c.id)
    rows = connection.execute(newest.limit(limit).offset(offset)).mappings()
    return [_as_it_stands(row) for row in rows]


def get_execution(connection: Connection, id: ExecutionId) -> Execution | None:
    """One execution."""
    found = select(_execution, _now).where(schema.same_id(_execution.c.uuid, id))
    row = connection.execute(found).mappings().first()
    return None if row is None else _as_it_stands(row)


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


def _as_it_stands(row: RowMapping) -> Execution:
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
