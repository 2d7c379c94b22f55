"""Tables on a PostgreSQL server brought to another version, in one transaction, while nobody else writes."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import errors
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from redux_backends.backend import BackendError, UpgradeFailed
from redux_backends.migrations.revisions import Changed, bring, see_the_way
from redux_backends.migrations.running import refuse_while_running
from redux_backends.postgres_errors import in_words, is_conflict
from redux_backends.postgres_schema import LOCK_TO_WRITE, find_version
from redux_backends.versions import Version

_TRIES = 5
_PATIENCE_MS = 20_000
"""How long to wait for those who read: whoever comes after this one waits behind it."""
_OWNER = "ask the owner of its tables to say `redux db upgrade`, or for the role that owns them"


def change(
    connect: Callable[[], psycopg.Connection], place: str, to: Version, *, even_if_running: bool = False
) -> Changed | None:
    """Bring the tables at `place` to the version `to`; None where they are of it, or there are none.

    Who comes second waits for the first, and finds it done. Raises `UpgradeFailed` where rights or disk are missing,
    `BackendOlder` where an execution goes on in them, and what a server is unavailable for.
    """
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool, use_native_hstore=False)
    tries = _TRIES
    while True:
        try:
            with engine.connect() as connection, connection.begin():
                return _changed(connection, place, to, even_if_running)
        except (psycopg.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not isinstance(cause, psycopg.Error):
                raise
            tries -= 1
            if not (is_conflict(cause) and tries):
                raise _told(cause, place, to) from error


def _changed(connection: Connection, place: str, to: Version, even_if_running: bool) -> Changed | None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    if find_version(driver) is None:
        return None
    driver.execute(LOCK_TO_WRITE)
    # As it is now, after those who held the lock.
    before = find_version(driver)
    if before is None or before == to:
        return None
    see_the_way(place, before, to)
    if not even_if_running:
        refuse_while_running(connection, place, before, to)
    connection.execute(text(f"SET LOCAL lock_timeout = {_PATIENCE_MS}"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # which may be meant for what people ask
    bring(connection, before, to)
    connection.execute(text("UPDATE redux_schema SET version = :version"), {"version": to.header})
    return Changed(place, before, to)


def _told(error: psycopg.Error, place: str, to: Version) -> BackendError:
    said = " ".join(str(error).split()).partition(" LINE ")[0]
    if isinstance(error, errors.InsufficientPrivilege):
        return UpgradeFailed.of(place, to, f"{said}; {_OWNER}")
    if isinstance(error, errors.LockNotAvailable):
        return UpgradeFailed.of(place, to, f"{said}; somebody reads them all the time: end that, and try again")
    return in_words(error, place)
