"""Executions: written with a lease, and read as they stand now."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, RowMapping, literal_column, select

from redux_backends import liveness, schema
from redux_backends.records import Execution, ExecutionId, JobStatus, Lease
from redux_backends.rowids import Ledger
from redux_backends.statements import from_text, to_text

_execution = schema.execution
_now = literal_column(schema.NOW).label("now")
_LEASE_UNTIL = f"{schema.NOW} + {liveness.LEASE_SECONDS}"


def record_execution(connection: sqlite3.Connection, ledger: Ledger, execution: Execution) -> None:
    """Write an execution as it stands now, its lease renewed."""
    ledger.executions.learn((execution.id,))
    known = execution.id in ledger.executions
    lease = execution.lease
    columns = {
        "id": ledger.executions[execution.id] if known else ledger.executions.add(execution.id),
        "uuid": execution.id,
        "argv": json.dumps(execution.argv),
        "user": to_text(execution.user),
        "cwd": to_text(execution.cwd),
        "started": execution.started,
        "ended": execution.ended,
        "status": int(execution.status),
        "host": to_text(lease.host),
        "boot": to_text(lease.boot),
        "pid": lease.pid,
        "process_started": lease.process_started,
    }
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        f"INSERT OR REPLACE INTO execution ({names}, lease_until) "
        f"VALUES ({', '.join('?' * len(columns))}, {_LEASE_UNTIL})",
        tuple(columns.values()),
    )


def renew_lease(connection: sqlite3.Connection, execution: ExecutionId) -> None:
    """Let an execution's lease run from now."""
    connection.execute(f"UPDATE execution SET lease_until = {_LEASE_UNTIL} WHERE {schema.SAME_UUID}", {"id": execution})


def executions(connection: Connection, limit: int, offset: int = 0) -> Sequence[Execution]:
    """Executions, newest first."""
    newest = select(_execution, _now).order_by(_execution.c.started.desc(), _execution.c.id)
    rows = connection.execute(newest.limit(limit).offset(offset)).mappings()
    return [_as_it_stands(row) for row in rows]


def get_execution(connection: Connection, id: ExecutionId) -> Execution | None:
    """One execution."""
    found = select(_execution, _now).where(schema.same_id(_execution.c.uuid, id))
    row = connection.execute(found).mappings().first()
    return None if row is None else _as_it_stands(row)


def alive(connection: Connection) -> Collection[int]:
    """The rows of the executions that run now."""
    said = select(_execution, _now).where(_execution.c.status == literal_column(str(int(JobStatus.RUNNING))))
    return [row["id"] for row in connection.execute(said).mappings() if _as_it_stands(row).status is JobStatus.RUNNING]


def _as_it_stands(row: RowMapping) -> Execution:
    lease = Lease(from_text(row["host"]), from_text(row["boot"]), row["pid"], row["process_started"])
    status = JobStatus(row["status"])
    if status is JobStatus.RUNNING and not liveness.is_running(lease, row["lease_until"], row["now"]):
        status = JobStatus.DIED
    return Execution(
        id=ExecutionId(row["uuid"]),
        argv=tuple(json.loads(row["argv"])),
        user=from_text(row["user"]),
        cwd=from_text(row["cwd"]),
        started=row["started"],
        lease=lease,
        ended=row["ended"],
        status=status,
    )
