"""Evaluations that executions have claimed, on a server: a row for each in a table that holds nothing to keep.

The table is no part of the records: no version of the tables knows it, whoever first claims makes it, and a crash of
the server empties it. To claim is one round trip, whatever number is claimed: an execution writes its whole row under a
lock that it has for that moment. Nothing hangs on a connection, so a pooler may be between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from uuid import UUID

import psycopg
from psycopg import errors

from redux_backends import executions
from redux_backends.errors import BackendError
from redux_backends.evaluation_claims import NONE_HELD, Claimed
from redux_backends.liveness import LEASE_SECONDS
from redux_backends.postgres_database import PostgresDatabase
from redux_backends.records import ExecutionId, JobStatus
from redux_backends.schema import PREFIX
from redux_backends.session import T
from redux_valuestore.digest import Digest

_LOCK = "SELECT pg_advisory_xact_lock(x'72656475785f636c'::int8 # 'redux_schema'::regclass::oid::int8)"
_MAKE = f"""
{_LOCK};
CREATE UNLOGGED TABLE IF NOT EXISTS redux_claim (owner bytea PRIMARY KEY, evals uuid[] NOT NULL, ended int8 NOT NULL)
""".encode()
_CLEAN = f"""
DELETE FROM redux_claim WHERE NOT EXISTS (
    SELECT FROM execution WHERE substr(uuid, 1, {PREFIX}) = substr(owner, 1, {PREFIX}) AND uuid = owner
        AND lease_until >= extract(epoch FROM now()) - {LEASE_SECONDS})
""".encode()
"""What nobody's claims are any more goes, though not at once: what they ended shows in the sum."""
_LIVING = f"""
SELECT owner, claimed FROM redux_claim
JOIN execution ON substr(uuid, 1, {PREFIX}) = substr(owner, 1, {PREFIX}) AND uuid = owner
CROSS JOIN unnest(evals) claimed
WHERE owner <> %s AND status = {int(JobStatus.RUNNING)} AND lease_until >= extract(epoch FROM now())
"""
_HELD = f"{_LIVING} AND claimed = ANY ('{{%s}}'::uuid[])"
# Within CASE the server looks into a table of hashes, where it might go through all of `wanted` each time.
_CLAIM = f"""
{_LOCK};
WITH wanted AS MATERIALIZED (
    SELECT asked, at FROM unnest('{{%s}}'::uuid[]) WITH ORDINALITY wanted(asked, at)
), held AS MATERIALIZED (
    {_LIVING} AND CASE WHEN claimed IN (SELECT asked FROM wanted) THEN true END
), mine AS (
    INSERT INTO redux_claim (owner, evals, ended)
    SELECT %s, ARRAY(SELECT asked FROM wanted WHERE asked NOT IN (SELECT claimed FROM held) ORDER BY at LIMIT %d), 0
    ON CONFLICT (owner) DO UPDATE SET evals = redux_claim.evals || excluded.evals
)
SELECT owner, claimed FROM held;
SELECT count(*), sum(ended) FROM redux_claim WHERE owner <> %s
"""
_END = "UPDATE redux_claim SET evals = '{%s}', ended = ended + 1 WHERE owner = %s"
_BURY = b"DELETE FROM redux_claim WHERE owner = ANY (%b)"


_KEY = 16
_Row = tuple[bytes, UUID]
"""Who has a claim, and what of."""


class PostgresEvaluations:
    """Who has claimed which evaluations, among all processes that use a database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._lock = Lock()
        self._pid = os.getpid()
        self._mine: dict[ExecutionId, dict[Digest, None]] = {}
        self._seen: dict[ExecutionId, object] = {}

    def claim(self, evals: Sequence[Digest], execution: ExecutionId, at_most: int) -> Claimed:
        """Claim the first of these that no other living execution has."""
        asked = dict.fromkeys(evals)
        me = _literal(execution)
        with self._lock:
            mine = self._mine_of(execution)
            statement = (_CLAIM % (_keys(asked), me, me, at_most, me)).encode()
            while True:
                first = execution not in self._seen
                rows, moved = self._execute(lambda driver, first=first: _claim(driver, statement, first))
                if not self._bury(rows):
                    break
            held = _of_rows(rows, asked)
            free = [each for each in asked if each not in held][:at_most] if held else list(asked)[:at_most]
            mine.update(dict.fromkeys(free))
            before, self._seen[execution] = self._seen.get(execution), moved
            return Claimed(free, held, before != moved)

    def held(self, evals: Sequence[Digest], execution: ExecutionId) -> Mapping[Digest, ExecutionId]:
        """Those of these that other living executions have, with which."""
        statement = (_HELD % (_literal(execution), _keys(evals))).encode()
        while True:
            rows = self._execute(lambda driver: driver.execute(statement, prepare=False).fetchall())
            if not self._bury(rows):
                return _of_rows(rows, evals)

    def release(self, evals: Sequence[Digest] | None, execution: ExecutionId) -> None:
        """End these claims of an execution, or all."""
        with self._lock:
            mine = self._mine_of(execution)
            if mine:
                gone = mine if evals is None else set(evals)
                left = {each: None for each in mine if each not in gone}
                statement = (_END % (_keys(left), _literal(execution))).encode()
                self._execute(lambda driver: driver.execute(statement, prepare=False))
                self._mine[execution] = left

    def let_go(self) -> None:
        """End all claims that were made here."""
        for execution in list(self._mine):
            with suppress(BackendError):  # they end with the lease
                self.release(None, execution)

    def _mine_of(self, execution: ExecutionId) -> dict[Digest, None]:
        if self._pid != os.getpid():  # a forked child: they are its parent's
            self._pid = os.getpid()
            self._mine, self._seen = {}, {}
        return self._mine.setdefault(execution, {})

    def _bury(self, rows: Sequence[_Row]) -> bool:
        """Take their claims from executions whose process is seen from here to be gone; whether there were any."""
        if not rows:
            return False
        owners = {owner for owner, _ in rows}
        known = self._database.ask(lambda session: executions.read(session, owners))
        gone = [owner for owner in owners if owner not in known or known[owner].status is not JobStatus.RUNNING]
        if gone:
            self._execute(lambda driver: driver.execute(_BURY, [gone]))
        return bool(gone)

    def _execute(self, statement: Callable[[psycopg.Connection], T]) -> T:
        def once(driver: psycopg.Connection) -> T:
            try:
                return statement(driver)
            except errors.UndefinedTable:
                driver.execute(_MAKE, prepare=False)
                return statement(driver)

        return self._database.ask(lambda session: once(session.driver))


def _claim(driver: psycopg.Connection, statement: bytes, first: bool) -> tuple[list[_Row], object]:
    if first:
        driver.execute(_CLEAN, prepare=False)
    cursor = driver.execute(statement, prepare=False)
    cursor.nextset()
    rows = cursor.fetchall()
    cursor.nextset()
    return rows, cursor.fetchone()


def _of_rows(rows: Sequence[_Row], asked: Iterable[Digest]) -> Mapping[Digest, ExecutionId]:
    if not rows:
        return NONE_HELD
    owners = {key.bytes: ExecutionId(owner) for owner, key in rows}
    return {each: owners[each[:_KEY]] for each in asked if each[:_KEY] in owners}


def _keys(evals: Collection[Digest]) -> str:
    """Beginnings of digests as an array's elements: made without a step of Python's for each, since there are many."""
    return b"".join([each[:_KEY] for each in evals]).hex(",", _KEY) if evals else ""


def _literal(execution: ExecutionId) -> str:
    return f"'\\x{execution.hex()}'::bytea"
