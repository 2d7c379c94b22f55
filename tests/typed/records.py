"""Records, backends, value stores, and the errors of both."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_type

from redux import ReduxError
from redux.errors import (
    AmbiguousId,
    BackendChanged,
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendOlder,
    BackendUnavailable,
    BentRecord,
    ConfigError,
    DatabaseMissing,
    DatabaseNotice,
    MissingDriver,
    ObjectTooLarge,
    ProjectMissing,
    ProjectRefused,
    ProjectUnwritable,
    SetupFailed,
    StoreError,
    StoreRefuses,
    StoreUnavailable,
    UnknownDatabase,
    UnknownId,
    UnknownReference,
    UnknownTag,
    UnknownVersion,
    UpgradeFailed,
    UsageError,
    ValueMissing,
    ValueOutOfReach,
    WorkflowImportError,
    nearest,
)
from redux_backends.backend import (
    ACCEPTS,
    CONTEXT,
    FORGOTTEN,
    MIN_PREFIX,
    NONDETERMINISTIC,
    AcceptedJobs,
    Asked,
    AskedJob,
    AskedJobs,
    Backend,
    CallCandidate,
    Candidate,
    Claimed,
    Disagreement,
    Found,
    GivenBy,
    GivenResult,
    JobFilter,
    JobView,
    MissContext,
    MissGroup,
    Remembered,
    TagFilter,
    TagRecord,
    TaskCounts,
    hex_prefix,
    unknown_reference,
)
from redux_backends.integrity import Integrity, Tally
from redux_backends.memory import MemoryBackend
from redux_backends.records import (
    MAY_CHANGE,
    Argument,
    Batch,
    CallNode,
    CodePiece,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    FileFact,
    HandleVersion,
    Job,
    JobId,
    JobStatus,
    Lease,
    MissKind,
    Outcome,
    Place,
    Reason,
    Rollback,
    Seconds,
    StoredValue,
    Tag,
    TagEntity,
    TaskFact,
    TaskRecord,
    TaskSet,
    Traits,
    Upstream,
    ValueRecord,
    hash_arguments,
    hash_call,
    hash_evaluation,
    hash_tag,
    hash_task,
    hash_task_set,
    new_id,
)
from redux_backends.sql import SqlBackend, SQLiteBackend, open_backend
from redux_valuestore.digest import (
    Digest,
    NotADigest,
    check_digest,
    derive_key,
    digest_bytes,
    digest_chunks,
    digest_keyed,
    digest_pieces,
    digest_stream,
    digest_struct,
    digest_view,
)
from redux_valuestore.disk import Disk, make_folders, publish
from redux_valuestore.local import LocalStore
from redux_valuestore.remote import RemoteStore
from redux_valuestore.sharded import open_store
from redux_valuestore.store import Litter, MemoryStore, ValueStore


def digests(path: Path) -> Digest:
    """Digests are bytes of a type of their own."""
    with path.open("rb") as stream:
        assert_type(digest_stream(stream), Digest)
    view = memoryview(b"b")
    pieces = [b"a", view]
    made = [digest_chunks(pieces), digest_pieces(pieces), digest_view(view), digest_struct("Tag", 1, "a")]
    made.append(digest_keyed(derive_key("a purpose", b"material"), b"data"))
    assert_type(made, list[Digest])
    assert_type(hash_task("flow.f", [("task", "f", made[0])]), Digest)
    assert_type(hash_arguments([("x", made[0])]), Digest)
    return check_digest(digest_bytes(b"a"))


def calls(digest: Digest, now: Seconds) -> Batch:
    """One call with all that belongs to it."""
    piece = CodePiece(digest, "task", "flow.f", "def f(): …")
    task = TaskRecord(digest, "flow.f", None, (piece,))
    files, tasks = (FileFact("a", None),), (TaskFact("flow.f", digest),)
    value = ValueRecord(digest, "int", 1, b"3", "3", Traits.FILES, files, (), tasks)
    key = EvaluationKey(hash_evaluation(digest, digest), digest, digest, (Argument("x", digest),))
    task_set = TaskSet(hash_task_set([digest]), (digest,))
    call = CallNode(
        hash_call(digest, digest, digest, []), digest, digest, (), digest, 0.5, now, (Upstream("x", digest),)
    )
    execution = ExecutionId(new_id())
    reason = Reason(MissKind.CODE_CHANGED, "")
    job = Job(JobId(new_id()), execution, None, digest, None, JobStatus.DONE, Outcome.RAN, now, reason=reason)
    tags = (Tag(TagEntity.Job, job.id, NONDETERMINISTIC, "true"), Tag(TagEntity.Job, job.id, CONTEXT, '""'))
    handles = (HandleVersion(digest, "Connection('main')"),)
    Job(new_id(), execution, None, digest, None, JobStatus.DONE, Outcome.RAN, now)  # pyright: ignore[reportArgumentType]
    return Batch(
        (value,), (task,), (key,), (Evaluation(digest, digest, 0.5, now),), (task_set,), (call,), (job,), (), tags,
        (Rollback(digest),), handles,
    )  # fmt: skip


def questions(backend: Backend, digest: Digest, execution: ExecutionId) -> None:
    """What backends answer."""
    assert_type(backend.check_cache([digest]), Mapping[Digest, Sequence[Candidate]])
    assert_type(backend.find_calls([digest]), Mapping[Digest, Sequence[CallCandidate]])
    assert_type(backend.claim_evaluations([digest], execution, 1), Claimed)
    assert_type(backend.held_evaluations([digest], execution), Mapping[Digest, ExecutionId])
    assert_type(backend.get_value(digest), StoredValue | None)
    assert_type(backend.resolve("abcd"), Found)
    assert_type(backend.executions(10), Sequence[Execution])
    assert_type(backend.count_jobs(execution), Sequence[TaskCounts])
    assert_type(backend.find_jobs(JobFilter(execution), 10), Sequence[JobView])
    assert_type(backend.miss_groups(execution), Sequence[MissGroup])
    assert_type(backend.disagreements(task="flow.f", execution=execution, limit=1), Sequence[Disagreement])
    assert_type(backend.disagreements()[0].results, tuple[GivenResult, ...])
    assert_type(backend.disagreements()[0].results[0].given_by, tuple[GivenBy, ...])
    assert_type(backend.jobs_that_ran(execution), AskedJobs)
    assert_type(backend.jobs_before([execution], ["flow.f"], None).jobs, tuple[AskedJob, ...])
    assert_type(backend.explain_cache_miss(EvaluationKey(digest, digest, digest, ()), execution), MissContext)
    assert_type(Execution(execution, (), "me", "/", 0.0, Lease("host", "boot", 1, "2")).status, JobStatus)
    assert_type(StoredValue(digest, None, Place.STORE, MAY_CHANGE).place, Place)
    assert_type(backend.executions(10, tags=[TagFilter("stage")]), Sequence[Execution])
    assert_type(backend.tag_history(digest), Sequence[TagRecord])
    assert_type(backend.find_tagged([TagFilter("n", "1")], TagEntity.Job), Sequence[Found])
    assert_type(backend.record_tags([]), Sequence[Tag])
    assert_type(backend.update_tags("value", digest, ["n"], [("n", "1")]), Sequence[Tag])
    assert_type(backend.delete_tags("value", digest, keys=["n"]), Sequence[Tag])
    assert_type(backend.tags_of([ACCEPTS, FORGOTTEN]), Sequence[Tag])
    assert_type(backend.evaluations_of([digest], []), Mapping[bytes, Asked])
    assert_type(backend.have_below([digest], FORGOTTEN), frozenset[Digest])
    assert_type(backend.accepted_in(execution), Sequence[AcceptedJobs])
    assert_type(backend.remembered(TagEntity.Task, [digest]), Sequence[Remembered])
    assert_type(hash_tag("value", digest, "n", None, [digest]), Digest)
    assert_type(hex_prefix("ab" * MIN_PREFIX), tuple[bytes, bytes])
    assert_type(unknown_reference("call", digest), UnknownReference)


def places(digest: Digest) -> None:
    """Backends and stores."""
    backends: list[Backend] = [MemoryBackend(), SQLiteBackend("redux.db"), open_backend("sqlite:///redux.db")]
    stores: list[ValueStore] = [MemoryStore(), LocalStore("values"), RemoteStore("s3://a"), open_store("values")]
    assert_type([len(backends), len(stores)], list[int])
    assert_type(stores[0].get(digest), memoryview)
    assert_type([one for store in stores for one in store.litter()], list[Litter])
    assert_type([one for one in backends if isinstance(one, SqlBackend)], list[SqlBackend])
    assert_type(backends[0].integrity(), Integrity)
    assert_type(backends[0].integrity().tally(), Tally)
    stores[0].put(digest, [b"a"])
    stores[0].get(b"a")  # pyright: ignore[reportArgumentType]
    disk = Disk()
    make_folders(disk, "values")
    publish(disk, "values/a", [b"a"])


def errors(digest: Digest, folder: Path) -> list[ReduxError]:
    """Each error can be made by whoever writes a backend, a store or a command."""
    asked_wrongly: list[UsageError] = [
        ConfigError("redux.toml", "no such key"),
        ProjectMissing(folder),
        DatabaseMissing(folder),
    ]
    projects: list[ProjectRefused] = [ProjectUnwritable(folder, "is full")]
    stores: list[StoreError] = [
        ValueMissing(digest, "memory"),
        ValueOutOfReach(digest, "far"),
        ObjectTooLarge("a", "s3://bucket", 10),
    ]
    stores += [StoreUnavailable("full"), StoreRefuses("no rights", "s3://bucket")]
    backends: list[BackendError] = [
        BackendUnavailable("full"), BackendCorrupt("damaged"), BackendNewer("newer"), BackendOlder("older"),
        UnknownDatabase("x://"), MissingDriver("no psycopg"), UnknownId.of("abcd"),
        UnknownReference("?"), BentRecord.of("call", bytes(32), "?"),
        AmbiguousId.of("abcd", [Found("job", b"")]), UnknownTag.of("job", b"", ["n"], []),
        BackendChanged("changed"), UpgradeFailed("full"), UnknownVersion("9"),
    ]  # fmt: skip
    warnings.warn("upgraded", DatabaseNotice, stacklevel=2)
    assert_type(nearest("runn", ["run"]), str)
    others: list[ReduxError] = [WorkflowImportError("flow.py", "no"), SetupFailed("setup", "no", ""), NotADigest("a")]
    return [*asked_wrongly, *projects, *stores, *backends, *others]
