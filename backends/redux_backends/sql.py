"""The SQL backends: their pieces put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from redux_backends import calls, contents, executions, history, lookup, query, tags
from redux_backends.backend import (
    Backend,
    CallCandidate,
    Candidate,
    Claimed,
    Disagreement,
    Found,
    JobFilter,
    JobView,
    MissContext,
    MissGroup,
    TagFilter,
    TagRecord,
    UnknownDatabase,
)
from redux_backends.claims import Claims, LineClaims
from redux_backends.evaluation_claims import EvaluationClaims
from redux_backends.exchange import RecordId, Records, verify
from redux_backends.handles import valid_handles
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
    Traits,
    ValueRecord,
)
from redux_backends.rowids import Ledger, Memory
from redux_backends.session import Session, SqlDatabase
from redux_backends.sql_afterwards import SqlAfterwards
from redux_backends.sqlite_database import SQLiteDatabase
from redux_backends.tag_edits import adding, deleting, updating
from redux_backends.tags import find_tagged
from redux_backends.urls import IN_MEMORY, file_to_open, needs_psycopg, without_password
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux_backends.integrity import Integrity

_T = TypeVar("_T")

_POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")


class SqlBackend(SqlAfterwards, Backend):
    """Records in a `database` that speaks SQL, shared by any number of processes and threads.

    `claims` says which execution has which line of a handle, `evaluations` which evaluations (None: that is not kept).
    """

    def __init__(self, database: SqlDatabase, claims: LineClaims, evaluations: EvaluationClaims | None = None) -> None:
        self._database = database
        self._claims = claims
        self._evaluations = evaluations
        self.shares_work = evaluations is not None
        self._memory = Memory()

    def load(self) -> None:
        self._database.open()

    def close(self) -> None:
        self._claims.let_go()
        if self._evaluations is not None:
            self._evaluations.let_go()
        self._database.close()
        self._memory = Memory()

    # -- writing -----------------------------------------------------------------------------------

    def record(self, batch: Batch) -> None:
        self._write(lambda session, ledger: calls.record(session, ledger, batch))

    def record_execution(self, execution: Execution) -> None:
        self._write(lambda session, ledger: executions.record_execution(session, ledger, execution))

    def _write(self, write: Callable[[Session, Ledger], _T]) -> _T:
        def closure(session: Session) -> tuple[Ledger, _T]:
            if session.again:
                self._memory.forget()
            ledger = Ledger(session, self._memory)
            return ledger, write(session, ledger)

        ledger, result = self._database.run_tx(closure)
        # Only what is committed is remembered.
        ledger.remember()
        return result

    def record_tags(self, tags: Sequence[Tag]) -> Sequence[Tag]:
        return self._edit({tag.entity for tag in tags}, lambda history: adding(history, tags))

    def update_tags(
        self, kind: str, entity: bytes, keys: Sequence[str], tags: Sequence[tuple[str, str]]
    ) -> Sequence[Tag]:
        return self._edit({entity}, lambda history: updating(history, kind, entity, keys, tags))

    def delete_tags(
        self, kind: str, entity: bytes, tags: Sequence[tuple[str, str]] = (), keys: Sequence[str] = ()
    ) -> Sequence[Tag]:
        return self._edit({entity}, lambda history: deleting(history, kind, entity, tags, keys))

    def _edit(self, entities: Collection[bytes], decide: Callable[[Sequence[TagRecord]], list[Tag]]) -> Sequence[Tag]:
        made: list[Tag] = []

        def write(session: Session, ledger: Ledger) -> None:
            history = tags.history(session, entities)
            # A try may have been committed without anybody hearing of it: its edits are not made upon themselves.
            if made and {tag.hash for tag in made} <= {one.tag.hash for one in history}:
                return
            made[:] = decide(history)
            tags.record(session, ledger, made)

        self._write(write)
        return tuple(made)

    def renew_lease(self, execution: ExecutionId) -> None:
        self._database.run_tx(lambda session: executions.renew_lease(session, execution))
        self._claims.keep()

    def forget_value(self, value: Digest) -> None:
        self._database.run_tx(lambda session: contents.forget_value(session, value))

    def adopt_value(self, value: Digest) -> None:
        self._database.run_tx(lambda session: contents.adopt_value(session, value))

    def claim_line(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        return self._claims.take(line, execution)

    def release_lines(self, execution: ExecutionId) -> None:
        self._claims.let_go(execution)

    def claim_evaluations(self, evals: Sequence[Digest], execution: ExecutionId, at_most: int) -> Claimed:
        if self._evaluations is None:
            return super().claim_evaluations(evals, execution, at_most)
        return self._evaluations.claim(evals, execution, at_most)

    def held_evaluations(self, evals: Sequence[Digest], execution: ExecutionId) -> Mapping[Digest, ExecutionId]:
        if self._evaluations is None:
            return super().held_evaluations(evals, execution)
        return self._evaluations.held(evals, execution)

    def release_evaluations(self, execution: ExecutionId, evals: Sequence[Digest] | None = None) -> None:
        if self._evaluations is not None:
            self._evaluations.release(evals, execution)

    # -- the cache's questions, for a whole wave ---------------------------------------------------

    def valid_handles(self, handles: Iterable[Digest]) -> frozenset[Digest]:
        return self._database.ask(lambda session: valid_handles(session, handles))

    def check_cache(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[Candidate]]:
        return self._database.ask(lambda session: lookup.check_cache(session, self._memory, evals))

    def find_calls(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[CallCandidate]]:
        return self._database.ask(lambda session: lookup.find_calls(session, self._memory, evals))

    def get_task_sets(self, sets: Iterable[Digest]) -> Mapping[Digest, frozenset[Digest]]:
        return self._database.ask(lambda session: lookup.get_task_sets(session, sets))

    def values_below(self, call: Digest, traits: Traits) -> frozenset[Digest]:
        return self._database.ask(lambda session: lookup.values_below(session, call, traits))

    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        return self._database.ask(lambda session: lookup.get_values(session, values))

    def get_held(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        return self._database.ask(lambda session: lookup.get_held(session, values))

    def known_tasks(self, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
        return self._database.ask(lambda session: lookup.known_tasks(session, fullnames))

    def known_evaluations(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        return self._database.ask(lambda session: lookup.known_evaluations(session, evals))

    # -- asking afterwards -------------------------------------------------------------------------

    def explain_cache_miss(self, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
        return self._database.view(lambda connection: history.explain_cache_miss(connection, key, asked_by))

    def resolve(self, prefix: str) -> Found:
        return self._database.view(lambda connection: query.resolve(connection, prefix))

    def get_execution(self, execution: ExecutionId) -> Execution | None:
        return self._database.view(lambda connection: executions.get_execution(connection, execution))

    def get_job(self, job: JobId) -> JobView | None:
        return self._database.view(lambda connection: query.get_job(connection, job))

    def find_jobs(self, wanted: JobFilter, limit: int, offset: int = 0) -> Sequence[JobView]:
        return self._database.view(lambda connection: query.find_jobs(connection, wanted, limit, offset))

    def miss_groups(self, execution: ExecutionId) -> Sequence[MissGroup]:
        return self._database.view(lambda connection: query.miss_groups(connection, execution))

    def disagreements(
        self, *, task: str | None = None, execution: ExecutionId | None = None, limit: int = 100
    ) -> Sequence[Disagreement]:
        from redux_backends import disagreements as disagreeing  # noqa: PLC0415 - few commands ask

        return self._database.view(lambda connection: disagreeing.disagreements(connection, task, execution, limit))

    def get_call(self, call: Digest) -> CallNode | None:
        return self._database.view(lambda connection: history.get_call(connection, call))

    def name_calls(self, calls: Sequence[Digest]) -> Mapping[Digest, str]:
        return self._database.view(lambda connection: history.name_calls(connection, calls))

    def get_key(self, eval_hash: Digest) -> EvaluationKey | None:
        return self._database.view(lambda connection: history.get_key(connection, eval_hash))

    def get_task(self, task_hash: Digest) -> TaskRecord | None:
        return self._database.view(lambda connection: history.get_task(connection, task_hash))

    def task_versions(self, fullname: str) -> Sequence[TaskRecord]:
        return self._database.view(lambda connection: history.task_versions(connection, fullname))

    def find_files(self, path: str, limit: int = 100) -> Sequence[Digest]:
        return self._database.view(lambda connection: query.find_files(connection, path, limit))

    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        return self._database.ask(lambda session: tags.get_tags(session, entities))

    def tag_history(self, entity: bytes) -> Sequence[TagRecord]:
        return self._database.ask(lambda session: tags.history(session, (entity,)))

    def find_tagged(self, tags: Sequence[TagFilter], kind: str | None = None, limit: int = 100) -> Sequence[Found]:
        return self._database.view(lambda connection: find_tagged(connection, tags, kind, limit))

    def find_by_tag(self, key: str, beginning: str, limit: int = 100) -> Sequence[Found]:
        return self._database.view(lambda connection: tags.find_by_tag(connection, key, beginning, limit))

    # -- exchange ----------------------------------------------------------------------------------

    def iter_record_ids(self, roots: Iterable[RecordId] | None = None) -> Iterator[RecordId]:
        from redux_backends.sql_record_ids import RecordIds  # noqa: PLC0415 - only an exchange needs it

        ids = RecordIds(self._database, self._memory)
        return ids.every() if roots is None else ids.below(roots)

    def missing_records(self, ids: Sequence[RecordId]) -> Sequence[RecordId]:
        from redux_backends import sql_exchange  # noqa: PLC0415 - only an exchange needs it

        return self._database.ask(lambda session: sql_exchange.missing(session, self._memory, ids))

    def get_records(self, ids: Sequence[RecordId]) -> Records:
        from redux_backends import sql_records  # noqa: PLC0415 - only an exchange needs it

        return self._database.ask(lambda session: sql_records.get(session, self._memory, ids))

    def put_records(self, records: Records) -> None:
        from redux_backends import sql_exchange  # noqa: PLC0415 - only an exchange needs it

        verify(records)
        self._write(lambda session, ledger: sql_exchange.put(session, ledger, records))

    def integrity(self) -> Integrity:
        from redux_backends.sql_integrity import SqlIntegrity  # noqa: PLC0415 - only a check needs it

        return SqlIntegrity(self._database, self._memory)


class SQLiteBackend(SqlBackend):
    """Records in the SQLite file at `path`, on a local disk.

    `mount_table` is the file that says which file systems are mounted where: those of networks are refused. Without
    `upgrades` an older file stays as it is, and is read from a copy; without `writes` it is only read.
    """

    _database: SQLiteDatabase

    def __init__(
        self, path: str | Path, mount_table: Path = MOUNT_TABLE, *, upgrades: bool = True, writes: bool = True
    ) -> None:
        self.path = Path(path).absolute()
        lines = self.path.with_name(self.path.name + ".lines")
        super().__init__(SQLiteDatabase(self.path, mount_table, upgrades=upgrades, writes=writes), Claims(lines))


def open_backend(
    url: str, password_command: str | None = None, *, upgrades: bool = True, writes: bool = True
) -> Backend:
    """The backend at a database URL, `url`: `sqlite:///path.db` or `postgresql://user@host/name`; not loaded yet.

    `sqlite:///:memory:` is a memory of this process's own. Where a URL has no password, `password_command` is run for
    each connection to a server, and gives it. Without `upgrades` an older SQLite file is read from a copy; without
    `writes` one is only read.

    Raises `UnknownDatabase` where no backend knows such URLs, `MissingDriver` where what it needs is not installed.
    """
    if url == IN_MEMORY:
        return MemoryBackend()
    path = file_to_open(url)
    if path is not None:
        return SQLiteBackend(path, upgrades=upgrades, writes=writes)
    if url.startswith(_POSTGRES):
        return _open_postgres(url, password_command)
    raise UnknownDatabase(
        f"no database is known at URLs like {without_password(url)!r}; the known schemes are sqlite, as in "
        "sqlite:////path/to/redux.db, and postgresql, as in postgresql://user@host/name",
        without_password(url),
    )


def _open_postgres(url: str, password_command: str | None) -> Backend:
    with needs_psycopg(url):
        from redux_backends.postgres_claims import PostgresClaims  # noqa: PLC0415 - psycopg is an extra
        from redux_backends.postgres_database import PostgresDatabase  # noqa: PLC0415 - psycopg is an extra
        from redux_backends.postgres_evaluations import PostgresEvaluations  # noqa: PLC0415 - psycopg is an extra
    database = PostgresDatabase(url, password_command)
    return SqlBackend(database, PostgresClaims(database), PostgresEvaluations(database))
