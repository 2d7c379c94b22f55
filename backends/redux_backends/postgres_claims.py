"""Lines of handles that executions have for themselves on a server: by locks that go with the connection.

As with files (`claims`), all processes of an execution hold its lines by shared locks, so that a line is free when the
last of them has let go; and one at a time tries its locks, so that nobody sees a line between the two.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

import psycopg

from redux_backends.claims import UNNAMED
from redux_backends.postgres_database import PostgresDatabase
from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest

_NAME = "redux lines "
_KEY = "(%b::int8 # 'redux_schema'::regclass::oid::int8)"
"""Of a line in these tables, by whatever search_path they were found."""

_TRY = f"SELECT pg_try_advisory_lock{_KEY}".encode()
_SHARE = f"SELECT pg_advisory_lock_shared{_KEY}".encode()
_UNLOCK = f"SELECT pg_advisory_unlock{_KEY}".encode()
_MY_TURN = b"SELECT pg_advisory_lock(~ 'redux_schema'::regclass::oid::int8)"
_NEXT = b"SELECT pg_advisory_unlock(~ 'redux_schema'::regclass::oid::int8)"
_LET_GO = b"SELECT pg_advisory_unlock_all()"
_OWNER = f"""
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND database = datid AND datname = current_database() AND objsubid = 1
    AND (classid::int8 << 32 | objid::int8) = {_KEY}
""".encode()


@dataclass(slots=True)
class _Held:
    """An execution's lines, and the connection that has their locks: its name tells others whose they are."""

    driver: psycopg.Connection
    pid: int
    lines: set[Digest] = field(default_factory=set)

    def take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        if line in self.lines:
            self.ask()
            return None
        try:
            self.driver.execute(_MY_TURN)
            owner = self._share(line, execution)
            self.driver.execute(_NEXT)
        except BaseException:
            # The turn goes with the connection, so that nobody waits for it; the next connection has the lines again.
            self.driver.close()
            raise
        if owner == execution:
            self.lines.add(line)
            return None
        return owner

    def ask(self) -> None:
        """With its connection a lock is lost, which shows when something is asked."""
        self.driver.execute(b"SELECT 1")

    def _share(self, line: Digest, execution: ExecutionId) -> ExecutionId:
        """Hold a line together with others of an execution, if that has it or can have it: the one that has it."""
        free = _first(self.driver, _TRY, line) == (True,)
        name = None if free else _first(self.driver, _OWNER, line)
        if name is not None and _owner_named(name[0]) != execution:
            return _owner_named(name[0])
        _first(self.driver, _SHARE, line)
        if free:
            _first(self.driver, _UNLOCK, line)
        return execution

    def let_go(self) -> None:
        if self.pid == os.getpid():
            # A connection that ends is told of by and by: who asks next is to find the lines free.
            with suppress(psycopg.Error):
                self.driver.execute(_LET_GO)
        self.close()

    def close(self) -> None:
        # To a forked child it is the parent's.
        if self.pid == os.getpid():
            self.driver.close()


class PostgresClaims:
    """Who has which line, among all processes that use a database. A process that dies lets go."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._lock = Lock()
        self._held: dict[ExecutionId, _Held] = {}
        self._finalizer = weakref.finalize(self, _close, self._held)

    def take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        """Have a line for an execution, which may have it already; who has it, if another does."""
        with self._lock:
            return self._database.retry(lambda: self._take(line, execution))

    def keep(self) -> None:
        """Have the lines again whose locks were lost with a connection, but for those that others took since."""
        with self._lock:
            for execution, held in list(self._held.items()):
                if held.pid == os.getpid():
                    self._database.retry(lambda execution=execution: self._held_now(execution).ask())

    def let_go(self, execution: ExecutionId | None = None) -> None:
        """Let go of all lines of an execution, or of every one."""
        with self._lock:
            for owner in list(self._held) if execution is None else {execution} & self._held.keys():
                self._held.pop(owner).let_go()

    def _take(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        return self._held_now(execution).take(line, execution)

    def _held_now(self, execution: ExecutionId) -> _Held:
        held = self._held.get(execution)
        if held is None or held.driver.closed:
            held = self._connect(execution, () if held is None else held.lines)
        return held

    def _connect(self, execution: ExecutionId, lost: Iterable[Digest]) -> _Held:
        """A new connection for an execution; of the lines that it lost, it has those again that nobody took."""
        driver = self._database.connect(application_name=_NAME + execution.hex())
        driver.autocommit = True
        held = _Held(driver, os.getpid())
        for line in lost:
            held.take(line, execution)
        # Not before: where this connection is lost too, all lines are still to be had again.
        self._held[execution] = held
        return held


def _first(driver: psycopg.Connection, statement: bytes, line: Digest) -> tuple | None:
    return driver.execute(statement, [int.from_bytes(line[:8], signed=True)]).fetchone()


def _owner_named(name: str) -> ExecutionId:
    return ExecutionId(bytes.fromhex(name.removeprefix(_NAME))) if name.startswith(_NAME) else UNNAMED


def _close(held: dict[ExecutionId, _Held]) -> None:
    for each in held.values():
        each.close()
