"""Executions that go on: tables are not changed under them."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from redux_backends.backend import BackendOlder
from redux_backends.dialects import Now
from redux_backends.liveness import LEASE_SECONDS, is_running
from redux_backends.records import Lease, Seconds
from redux_backends.versions import Version

# In words that hold for every version of the tables.
_RUNNING = text("SELECT uuid, host, boot, pid, process_started, lease_until FROM execution WHERE status = 0")


def refuse_while_running(connection: Connection, place: str, found: Version, wanted: Version) -> None:
    """Raise `BackendOlder` where an execution goes on in tables to be changed: it could record nothing more."""
    (now,) = connection.execute(select(Now())).one()
    going = [
        f"{bytes(row.uuid).hex()[:8]} (process {row.pid} on {row.host})"
        for row in connection.execute(_RUNNING)
        if is_running(Lease(row.host, row.boot, row.pid, row.process_started), _bounded(row.lease_until, now), now)
    ]
    if going:
        how = "upgrade" if wanted > found else f"downgrade {wanted}"
        raise BackendOlder(
            f"{place} is to be changed from version {found} to {wanted}, and execution {', '.join(going[:3])} still "
            f"runs in it; let it end, or say `redux db {how} --while-running`, and the rest of it is not recorded",
            place,
        )


def _bounded(lease_until: Seconds, now: Seconds) -> Seconds:
    """The end of a lease; one further ahead than leases go is of a clock that was put back since, and says nothing."""
    return lease_until if lease_until <= now + 2 * LEASE_SECONDS else 0.0
