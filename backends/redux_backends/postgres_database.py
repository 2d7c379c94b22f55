"""A PostgreSQL database: connected to, written by one transaction at a time, its losses mended, its errors in words."""

from __future__ import annotations

import os
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError

from redux_backends.backend import (
    BackendChanged,
    BackendError,
    BackendNewer,
    BackendUnavailable,
    DatabaseNotice,
    UnknownDatabase,
)
from redux_backends.passwords import ask_password
from redux_backends.postgres_errors import in_words, is_conflict, is_lost
from redux_backends.postgres_schema import BEGIN_TO_WRITE, REINDEX, SIZE, find_version, make_ready
from redux_backends.postgres_session import PostgresSession, analyse, prepare
from redux_backends.schema import current_version
from redux_backends.session import T
from redux_backends.urls import without_password
from redux_backends.versions import Version

_DEFAULTS: dict[str, Any] = {
    "fallback_application_name": "redux",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_CONFLICTS = 10
_ANALYSE_AT = 4_000
"""After so many rows that this process wrote, and each time there are eight times as many."""
_PAUSES = (0.0, 0.1, 0.3, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new try where the connection was lost: a server that starts again is back within them."""


@dataclass(slots=True)
class _Opened:
    """The connections of one process; a forked child makes its own and leaves these alone."""

    pid: int
    pool: QueuePool
    """for sessions"""
    views: Engine
    version: Version
    """of the tables, when they were found"""

    def close(self) -> None:
        if self.pid == os.getpid():
            self.pool.dispose()
            self.views.dispose()


class PostgresDatabase:
    """One database on a PostgreSQL server, for this process and its threads."""

    def __init__(self, url: str, password_command: str | None = None) -> None:
        self._target = read_url(url)
        self._password_command = None if "password" in self._target else password_command
        self.place = without_password(url)
        self._opening = RLock()
        self._writing = RLock()
        self._opened: _Opened | None = None
        self._finalizer: weakref.finalize | None = None
        self._drivers: weakref.WeakSet[psycopg.Connection] = weakref.WeakSet()
        self._written = 0
        self._analyse_at = _ANALYSE_AT

    # -- life --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, making the tables where there are none.

        Those of a newer minor version are opened to read, which is told as a `DatabaseNotice`.

        Raises `BackendUnavailable`, `BackendCorrupt`, `BackendNewer`, `BackendOlder`.
        """
        with self._opening:
            if self._opened is not None and self._opened.pid == os.getpid():
                return
            known = current_version()
            opened = _Opened(os.getpid(), self._make_pool(), self._make_views(), known)
            try:
                with _checked_out(opened.pool) as driver:
                    opened.version = make_ready(driver, self.place)
            except psycopg.Error as error:
                opened.close()
                raise in_words(error, self.place) from error
            except BaseException:
                opened.close()
                raise
            self._opened = opened
            self._finalizer = weakref.finalize(self, opened.close)
        if opened.version != known:
            warnings.warn(str(BackendNewer.to_write(self.place, opened.version, known)), DatabaseNotice, stacklevel=2)

    def close(self) -> None:
        """Let go of the connections."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._opened = None

    def connect(self, **settings: str) -> psycopg.Connection:
        """A connection for the caller to close; a forked child leaves it to its parent, as all others."""
        if self._password_command is not None:
            # Each time anew: some give passwords that hold for minutes.
            settings["password"] = ask_password(self._password_command, self.place)
        driver = psycopg.connect(**{**self._target, **settings})
        self._drivers.add(driver)
        return driver

    def _connect_session(self) -> psycopg.Connection:
        driver = self.connect()
        encoding = driver.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            driver.close()
            raise BackendUnavailable(
                f"the database {self.place} keeps texts as {encoding}, which does not hold every one; make it with "
                "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
                self.place,
            )
        prepare(driver)
        return driver

    def _connect_view(self) -> psycopg.Connection:
        driver = self.connect()
        driver.execute("SET jit = off")
        driver.commit()
        return driver

    def _make_pool(self) -> QueuePool:
        connect = cast("Callable[[], Any]", self._connect_session)
        return QueuePool(connect, pool_size=3, max_overflow=-1, reset_on_return=None)

    def _make_views(self) -> Engine:
        return create_engine(
            "postgresql+psycopg://",
            creator=self._connect_view,
            pool_size=2,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            use_native_hstore=False,
        )

    def _ready(self) -> _Opened:
        """Connections of this process's own."""
        opened = self._opened
        if opened is not None and opened.pid != os.getpid():
            _leave_to_parent(self._drivers)
            _of_parents.append(opened)
            self._drivers = weakref.WeakSet()
            self._opening, self._writing = RLock(), RLock()
            self._opened = None
        if self._opened is None:
            self.open()
        assert self._opened is not None
        return self._opened

    # -- use ---------------------------------------------------------------------------------------

    def run_tx(self, closure: Callable[[PostgresSession], T]) -> T:
        """What `closure` returns, its writes made in one transaction, or none of them.

        It is played again, whole, where another transaction was in the way or the connection was lost, so it must
        depend on nothing but the database. Raises `BackendNewer` where the tables can only be read.
        """

        def once(opened: _Opened, again: bool) -> tuple[T, int]:
            with _checked_out(opened.pool) as driver, driver.transaction():
                # From here to the end nobody else writes, so what is read now stays the last.
                self._begin_to_write(driver, opened.version)
                session = PostgresSession(driver, again=again)
                return closure(session), session.written

        version, known = self._ready().version, current_version()
        if version != known:
            raise BackendNewer.to_write(self.place, version, known)
        with self._writing:
            result, written = self._replayed(once)
            self._written += written
            if self._written >= self._analyse_at:
                self._analyse_at *= 8
                self._analyse()
            return result

    def _begin_to_write(self, driver: psycopg.Connection, version: Version) -> None:
        """Have the tables for this transaction alone, and see that they are still what they were taken for."""
        cursor = driver.execute(BEGIN_TO_WRITE, prepare=False)
        cursor.nextset()
        row = cursor.fetchone()
        found = Version.of_header(row[0]) if row is not None else Version(0)
        if found != version:
            raise BackendChanged.of(self.place, found, version)

    def _analyse(self) -> None:
        with suppress(psycopg.Error), _checked_out(self._ready().pool) as driver:
            analyse(driver, self._written)

    def ask(self, closure: Callable[[PostgresSession], T]) -> T:
        """What `closure` returns, which reads with single statements."""

        def once(opened: _Opened, again: bool) -> T:
            with _checked_out(opened.pool) as driver:
                return closure(PostgresSession(driver, again=again))

        return self._replayed(once)

    def view(self, closure: Callable[[Connection], T]) -> T:
        """What `closure` returns, which sees one state of the database."""

        def once(opened: _Opened, again: bool) -> T:
            with opened.views.connect() as connection:
                return closure(connection)

        return self._replayed(once)

    def bytes_on_disk(self) -> int:
        """How many bytes the tables take with their indexes. The server's log is not theirs alone."""
        (size,) = self.ask(lambda session: session.driver.execute(SIZE).fetchall())[0]
        return size

    def complaints(self) -> Sequence[str]:
        """Nothing: the server looks at its pages as it reads them, and says so then."""
        return ()

    def rebuild_indexes(self) -> None:
        """Make the indexes anew from the rows."""
        self.run_tx(lambda session: session.driver.execute(REINDEX))

    def retry(self, closure: Callable[[], T]) -> T:
        """What `closure` returns, called again where its connection was lost."""
        return self._replayed(lambda opened, again: closure())

    def _replayed(self, once: Callable[[_Opened, bool], T]) -> T:
        pauses, conflicts, again = list(_PAUSES), _CONFLICTS, False
        while True:
            opened = self._ready()
            try:
                return once(opened, again)
            except (psycopg.Error, DBAPIError) as error:
                cause = error.orig if isinstance(error, DBAPIError) else error
                if not isinstance(cause, psycopg.Error):
                    raise
                if is_lost(cause) and pauses:
                    opened.pool.dispose()
                    opened.views.dispose()
                    time.sleep(pauses.pop(0))
                elif is_conflict(cause) and conflicts:
                    conflicts -= 1
                else:
                    raise self._explained(cause, opened.version) from error
            again = True

    def _explained(self, error: psycopg.Error, version: Version) -> BackendError:
        """What went wrong; where a statement found other tables than it was made for, that somebody changed them."""
        if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn, errors.NotNullViolation)):
            with suppress(psycopg.Error, BackendUnavailable), self.connect() as driver:
                found = find_version(driver)
                if found not in (None, version):
                    return BackendChanged.of(self.place, found, version)
        return in_words(error, self.place)


_of_parents: list[_Opened] = []


def _leave_to_parent(drivers: Iterable[psycopg.Connection]) -> None:
    """Let go of connections that a fork copied, without a word to the server, which would end them for the parent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for driver in drivers:
            if not driver.closed:
                os.dup2(nowhere, driver.fileno(), inheritable=False)
                driver.close()
    finally:
        os.close(nowhere)


@contextmanager
def _checked_out(pool: QueuePool) -> Iterator[psycopg.Connection]:
    """A connection of the pool's, which gets it back only if it is as it was."""
    proxy = pool.connect()
    driver = proxy.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        yield driver
    finally:
        if driver.info.transaction_status is TransactionStatus.IDLE:
            proxy.close()
        else:
            proxy.invalidate()


def read_url(url: str) -> dict[str, Any]:
    """What the driver is told of a URL. Raises `UnknownDatabase`."""
    try:
        given = conninfo_to_dict("postgresql://" + url.partition("://")[2])
        if "@" in str(given.get("host")):
            raise psycopg.ProgrammingError("the password has an @")
    except psycopg.ProgrammingError:
        # What the driver says may hold the password.
        raise UnknownDatabase(
            f"{without_password(url)!r} is no URL of a PostgreSQL database, as in postgresql://user@host:5432/name; "
            "characters such as / : @ % in a password are written %2F %3A %40 %25",
            without_password(url),
        ) from None
    defaults = dict(_DEFAULTS)
    if "PGCONNECT_TIMEOUT" in os.environ:
        del defaults["connect_timeout"]
    return {**defaults, **given, "client_encoding": "UTF8"}
