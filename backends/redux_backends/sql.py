"""The SQL backend: its pieces put together."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import sqlite

from redux_backends import calls, executions, history, lookup, query, schema
from redux_backends.backend import (
    Backend,
    CallCandidate,
    Candidate,
    Found,
    JobFilter,
    JobView,
    MissContext,
    MissGroup,
    TaskCounts,
    UnknownDatabase,
)
from redux_backends.database import Database
from redux_backends.handles import valid_handles
from redux_backends.integrity import Integrity
from redux_backends.memory import MemoryBackend
from redux_backends.mounts import MOUNT_TABLE
from redux_backends.records import (
    Batch,
    CallNode,
    EvaluationKey,
    Execution,
    ExecutionId,
    JobId,
    StoredValue,
    Tag,
    TaskRecord,
    ValueRecord,
)
from redux_backends.rowids import Ledger, Memory
from redux_backends.sql_integrity import Change, Closure, Own, SqlIntegrity
from redux_valuestore.digest import Digest

_SQLITE = "sqlite:///"
_IN_MEMORY = _SQLITE + ":memory:"
_DIALECT = sqlite.dialect(paramstyle="named")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")


class SQLiteBackend(Backend):
    """Records in one SQLite file on a local disk, shared by any number of processes and threads."""

    def __init__(self, path: str | Path, mount_table: Path = MOUNT_TABLE) -> None:
        self.path = Path(path).absolute()
        self._database = Database(self.path, mount_table)
        self._memory = Memory()

    def load(self) -> None:
        self._database.open()

    def close(self) -> None:
        self._database.close()
        self._memory = Memory()

    # -- writing -----------------------------------------------------------------------------------

    def record(self, batch: Batch) -> None:
        self._write(lambda connection, ledger: calls.record(connection, ledger, batch))

    def record_execution(self, execution: Execution) -> None:
        self._write(lambda connection, ledger: executions.record_execution(connection, ledger, execution))

    def _write(self, write: Callable[[sqlite3.Connection, Ledger], None]) -> None:
        def closure(connection: sqlite3.Connection) -> Ledger:
            ledger = Ledger(connection, self._memory)
            write(connection, ledger)
            return ledger

        # Only what is committed is remembered.
        self._database.run_tx(closure).remember()

    def renew_lease(self, execution: ExecutionId) -> None:
        self._database.run_tx(lambda connection: executions.renew_lease(connection, execution))

    def forget_value(self, value: Digest) -> None:
        self._database.run_tx(lambda connection: calls.forget_value(connection, value))

    # -- the cache's questions, for a whole wave ---------------------------------------------------

    def valid_handles(self, handles: Iterable[Digest]) -> frozenset[Digest]:
        with self._database.driver() as connection:
            return valid_handles(connection, handles)

    def check_cache(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[Candidate]]:
        with self._database.driver() as connection:
            return lookup.check_cache(connection, self._memory, evals)

    def find_calls(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[CallCandidate]]:
        with self._database.driver() as connection:
            return lookup.find_calls(connection, self._memory, evals)

    def get_task_sets(self, sets: Iterable[Digest]) -> Mapping[Digest, frozenset[Digest]]:
        with self._database.driver() as connection:
            return lookup.get_task_sets(connection, sets)

    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        with self._database.driver() as connection:
            return lookup.get_values(connection, values)

    def get_held(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        with self._database.driver() as connection:
            return lookup.get_held(connection, values)

    def known_tasks(self, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
        with self._database.driver() as connection:
            return lookup.known_tasks(connection, fullnames)

    def known_evaluations(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        with self._database.driver() as connection:
            return lookup.known_evaluations(connection, evals)

    # -- asking afterwards -------------------------------------------------------------------------

    def explain_cache_miss(self, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
        with self._database.snapshot() as connection:
            return history.explain_cache_miss(connection, key, asked_by)

    def resolve(self, prefix: str) -> Found:
        with self._database.snapshot() as connection:
            return query.resolve(connection, prefix)

    def executions(self, limit: int, offset: int = 0) -> Sequence[Execution]:
        with self._database.snapshot() as connection:
            return executions.executions(connection, limit, offset)

    def get_execution(self, execution: ExecutionId) -> Execution | None:
        with self._database.snapshot() as connection:
            return executions.get_execution(connection, execution)

    def count_jobs(self, execution: ExecutionId) -> Sequence[TaskCounts]:
        with self._database.snapshot() as connection:
            return query.count_jobs(connection, execution)

    def get_job(self, job: JobId) -> JobView | None:
        with self._database.snapshot() as connection:
            return query.get_job(connection, job)

    def find_jobs(self, wanted: JobFilter, limit: int) -> Sequence[JobView]:
        with self._database.snapshot() as connection:
            return query.find_jobs(connection, wanted, limit)

    def miss_groups(self, execution: ExecutionId) -> Sequence[MissGroup]:
        with self._database.snapshot() as connection:
            return query.miss_groups(connection, execution)

    def get_call(self, call: Digest) -> CallNode | None:
        with self._database.snapshot() as connection:
            return query.get_call(connection, call)

    def name_calls(self, calls: Sequence[Digest]) -> Mapping[Digest, str]:
        with self._database.snapshot() as connection:
            return history.name_calls(connection, calls)

    def get_key(self, eval_hash: Digest) -> EvaluationKey | None:
        with self._database.snapshot() as connection:
            return history.get_key(connection, eval_hash)

    def get_task(self, task_hash: Digest) -> TaskRecord | None:
        with self._database.snapshot() as connection:
            return history.get_task(connection, task_hash)

    def task_versions(self, fullname: str) -> Sequence[TaskRecord]:
        with self._database.snapshot() as connection:
            return history.task_versions(connection, fullname)

    def describe_values(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        return self.get_held(values)

    def find_files(self, path: str, limit: int = 100) -> Sequence[Digest]:
        with self._database.snapshot() as connection:
            return query.find_files(connection, path, limit)

    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        with self._database.snapshot() as connection:
            return query.get_tags(connection, entities)

    def integrity(self) -> Integrity:
        return SqlIntegrity(
            self._view, self._change, Own(self._clock, self._bytes_on_disk, self._complaints, self._rebuild_indexes)
        )

    def _view(self, closure: Closure) -> Any:
        with self._database.snapshot() as connection:
            return closure(connection)

    def _change(self, changes: Sequence[Change]) -> None:
        def closure(connection: sqlite3.Connection) -> None:
            for statement, parameters in changes:
                compiled = statement.compile(dialect=_DIALECT)  # pyright: ignore[reportAttributeAccessIssue]
                connection.execute(str(compiled), {**compiled.params, **parameters})

        self._database.run_tx(closure)

    def _clock(self) -> float:
        with self._database.driver() as connection:
            return connection.execute(f"SELECT {schema.NOW}").fetchone()[0]

    def _bytes_on_disk(self) -> int:
        files = (self.path.with_name(self.path.name + ending) for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _complaints(self) -> Sequence[str]:
        with self._database.driver() as connection:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        return [] if said == ["ok"] else said

    def _rebuild_indexes(self) -> None:
        self._database.run_tx(lambda connection: connection.execute("REINDEX"))


def open_backend(url: str) -> Backend:
    """The backend at a database URL, `sqlite:///relative.db` or `sqlite:////absolute.db`; not loaded yet.

    `sqlite:///:memory:` is a memory of this process's own. Raises `UnknownDatabase` where no backend knows such URLs.
    """
    if url == _IN_MEMORY:
        return MemoryBackend()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SQLiteBackend(url.removeprefix(_SQLITE))
    raise UnknownDatabase(
        f"no database is known at URLs like {_without_password(url)!r}; the known scheme is sqlite, "
        "as in sqlite:////path/to/redux.db",
        url,
    )


def _without_password(url: str) -> str:
    return _PASSWORD.sub(r"\1…@", url)
