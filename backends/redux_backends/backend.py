"""What a backend is: the contract that the memory and SQL backends keep, and its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redux_backends.integrity import Integrity
from redux_backends.records import (
    Argument,
    Batch,
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    HandleVersion,
    Job,
    JobId,
    JobStatus,
    Reason,
    Rollback,
    Seconds,
    StoredValue,
    Tag,
    TaskRecord,
    ValueRecord,
)
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen


class BackendError(ReduxError):
    """The database could not do what was asked. `concerning` is the path, id or hash that it is about."""

    exit_code = 4

    def __init__(self, message: str, concerning: str = "") -> None:
        self.concerning = concerning
        super().__init__(message)


class BackendUnavailable(BackendError):
    """The database cannot be opened, read or written now: full disk, read-only, lost server, locked too long."""


class UnknownDatabase(BackendError):
    """No backend knows databases at such a URL."""

    exit_code = 2


class BackendCorrupt(BackendError):
    """The database file is damaged or not a redux database."""


class BackendNewer(BackendError):
    """The database was written by a newer redux."""


class BackendOlder(BackendError):
    """The database was written by an older redux, and nothing brings it up to date yet."""


class UnknownId(BackendError):
    """No record has this id, prefix or name."""

    exit_code = 2

    @classmethod
    def of(cls, prefix: str) -> UnknownId:
        return cls(f"no execution, job, call, task or value has an id starting with {prefix!r}", prefix)


class AmbiguousId(BackendError):
    """More than one record has this prefix."""

    exit_code = 2

    @classmethod
    def of(cls, prefix: str, found: Sequence[Found]) -> AmbiguousId:
        examples = ", ".join(f"{one.kind} {one.id.hex()[: len(prefix) + 8]}" for one in found[:5])
        return cls(f"{prefix!r} starts the ids of several records: {examples}; give more digits", prefix)


@frozen
class Candidate:
    """A remembered result of one reduction; `leaf` is the finished call without children that has it, if any."""

    value: StoredValue
    duration: Seconds
    leaf: Digest | None
    leaf_set: Digest | None = None


@frozen
class CallCandidate:
    """A finished call with the eval hash asked for, for ultimate reduction."""

    call_hash: Digest
    value: StoredValue
    task_set: Digest
    duration: Seconds


@dataclass(frozen=True, slots=True)
class MissContext:
    """What the database knows that bears on a miss of one evaluation.

    `same_call` tells whether the very evaluation is known (it failed or left no result), `known_task` whether
    another evaluation of this very task is. `previous_task` is the newest other version of the task's name.

    `nearest` is the other evaluation of that name which this one most likely stands in for. One that had a job in an
    execution started before the one that asks goes before all others: a call beside this one in a fan-out is no
    forerunner of it. Then count, in this order: arguments that are equal; Files of the same path, in arguments of the
    same name that are not; that the execution that asks did not ask for it too; such arguments of
    the same preview; how late the last earlier execution that had it started; how late it was recorded. Where several
    hundred are equal but for the last three, the newest of them are looked at.
    """

    same_call: bool
    known_task: bool
    previous_task: TaskRecord | None
    nearest: EvaluationKey | None


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Jobs of one task in one execution, by status."""

    fullname: str
    status: JobStatus
    count: int
    seconds: Seconds
    """their time in all: of running where they ran, of the calls that they reused where they are CACHED"""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are asked for; None and False ask for nothing."""

    execution: ExecutionId | None = None
    parent: JobId | None = None
    task: str | None = None
    """a full name"""
    call: Digest | None = None
    value: Digest | None = None
    """a result"""
    argument: Digest | None = None
    """a value that was an argument"""
    status: JobStatus | None = None
    roots: bool = False
    """only jobs without a parent"""
    missed: bool = False
    """only jobs that ran"""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with what people want to see beside it."""

    job: Job
    fullname: str
    arguments: tuple[tuple[Argument, str], ...]
    """with previews"""
    result: Digest | None
    result_preview: str
    result_type: str


@dataclass(frozen=True, slots=True)
class MissGroup:
    """Jobs of one execution that ran for one reason."""

    fullname: str
    task_hash: Digest
    reason: Reason
    count: int
    seconds: Seconds
    example: JobId


@dataclass(frozen=True, slots=True)
class Found:
    """What an id or prefix stands for: `kind` is execution, job, call, task or value."""

    kind: str
    id: bytes


NONDETERMINISTIC = "nondeterministic"
"""The tag of a task that gave two results for one evaluation, though nothing they hold could have changed."""

MIN_PREFIX = 4
"""The fewest hex digits that are taken for an id."""


def hex_prefix(prefix: str) -> tuple[bytes, bytes]:
    """The first and the last possible 32-byte id that starts with these hex digits. Raises `UnknownId`."""
    digits = prefix.lower()
    if not MIN_PREFIX <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
        raise UnknownId(f"{prefix!r} is no id: give at least {MIN_PREFIX} of its hex digits", prefix)
    return bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))


def unknown_reference(kind: str, key: bytes) -> BackendError:
    """The error of a record that names another one which is not there."""
    return BackendError(f"cannot record: {kind} {key.hex()} is named but neither recorded nor in the batch", key.hex())


class Backend(ABC):
    """Records by their key. Methods may be called from any thread; each write is one transaction, whole or not.

    Writing is idempotent: equal content recorded twice, by whomever, is one record.
    """

    # -- life --------------------------------------------------------------------------------------

    @abstractmethod
    def load(self) -> None:
        """Open the database, making its tables where there are none.

        Raises `BackendUnavailable`, `BackendCorrupt`, `BackendNewer`, `BackendOlder`.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; the backend can be loaded again."""

    # -- writing -----------------------------------------------------------------------------------

    @abstractmethod
    def record(self, batch: Batch) -> None:
        """Record a batch in one transaction. Every record named by it is in it or already there."""

    @abstractmethod
    def record_execution(self, execution: Execution) -> None:
        """Record an execution's start, or its end; takes or gives up its lease."""

    @abstractmethod
    def renew_lease(self, execution: ExecutionId) -> None:
        """Say, on the database's clock, that the execution still runs."""

    @abstractmethod
    def forget_value(self, value: Digest) -> None:
        """Note that a value's bytes are gone or damaged; recording it again brings it back."""

    def record_value(self, value: ValueRecord) -> None:
        """Record one value."""
        self.record(Batch(values=(value,)))

    def set_eval_cache(self, key: EvaluationKey, evaluation: Evaluation) -> None:
        """Record one evaluation's result; differing results of one evaluation are kept, newest first."""
        self.record(Batch(keys=(key,), evaluations=(evaluation,)))

    def record_call_node(self, call: CallNode) -> None:
        """Record one finished call, with its edges."""
        self.record(Batch(calls=(call,)))

    def record_job_start(self, job: Job) -> None:
        """Record that a job began."""
        self.record(Batch(jobs=(job,)))

    def record_job_end(self, job: Job) -> None:
        """Record how a job ended."""
        self.record(Batch(jobs=(job,)))

    def record_tags(self, tags: Sequence[Tag]) -> None:
        """Record tags; equal ones are one."""
        self.record(Batch(tags=tuple(tags)))

    def advance_handle(self, child: HandleVersion) -> None:
        """Record that a handle went on from its parents: the child is valid if each of them is."""
        self.record(Batch(handles=(child,)))

    def rollback_handle(self, handle: Digest, keep: frozenset[Digest] | None = None) -> None:
        """Make what descends from a version invalid, as `Rollback` says; the version itself stays as it is."""
        self.record(Batch(rollbacks=(Rollback(handle, keep),)))

    def is_valid_handle(self, handle: Digest) -> bool:
        """Whether a version is known and was not rolled back since it was last recorded."""
        return handle in self.valid_handles((handle,))

    # -- the cache's questions, for a whole wave ---------------------------------------------------

    @abstractmethod
    def valid_handles(self, handles: Iterable[Digest]) -> frozenset[Digest]:
        """Which of these versions are known and were not rolled back since they were last recorded."""

    @abstractmethod
    def check_cache(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[Candidate]]:
        """The remembered results of single reductions, newest first; evaluations without one are left out."""

    @abstractmethod
    def find_calls(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[CallCandidate]]:
        """The finished calls, newest first, that did not fail; evaluations without one are left out."""

    @abstractmethod
    def get_task_sets(self, sets: Iterable[Digest]) -> Mapping[Digest, frozenset[Digest]]:
        """The members of task sets."""

    @abstractmethod
    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        """Values as they are kept; unknown ones are left out. Nothing is verified here."""

    def get_value(self, value: Digest) -> StoredValue | None:
        """One value as it is kept, None where it is unknown."""
        return self.get_values((value,)).get(value)

    @abstractmethod
    def get_held(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        """Values with what they hold (files, subvalues, tasks, handles), to ask if they are valid; `data` is None."""

    @abstractmethod
    def known_tasks(self, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
        """The hashes under which tasks are known, newest first; unknown names are left out."""

    @abstractmethod
    def known_evaluations(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        """Which of these evaluations were ever asked for."""

    # -- asking afterwards -------------------------------------------------------------------------

    @abstractmethod
    def explain_cache_miss(self, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
        """What earlier records bear on this evaluation's miss in an execution. `key.task_hash` must be recorded."""

    @abstractmethod
    def resolve(self, prefix: str) -> Found:
        """The one record whose id starts with these hex digits, at least 4. Raises `UnknownId`, `AmbiguousId`."""

    @abstractmethod
    def executions(self, limit: int, offset: int = 0) -> Sequence[Execution]:
        """Executions, newest first. Status DIED where the lease ran out or the process is gone."""

    @abstractmethod
    def get_execution(self, execution: ExecutionId) -> Execution | None:
        """One execution."""

    @abstractmethod
    def count_jobs(self, execution: ExecutionId) -> Sequence[TaskCounts]:
        """An execution's jobs counted by task and status."""

    @abstractmethod
    def get_job(self, job: JobId) -> JobView | None:
        """One job."""

    def jobs(
        self,
        *,
        execution: ExecutionId | None = None,
        parent: JobId | None = None,
        task: str | None = None,
        call: Digest | None = None,
        value: Digest | None = None,
        argument: Digest | None = None,
        status: JobStatus | None = None,
        roots: bool = False,
        missed: bool = False,
        limit: int = 100,
    ) -> Sequence[JobView]:
        """Jobs that fit every filter given: oldest first within an execution or parent, else newest first."""
        wanted = JobFilter(execution, parent, task, call, value, argument, status, roots, missed)
        return self.find_jobs(wanted, limit)

    @abstractmethod
    def find_jobs(self, wanted: JobFilter, limit: int) -> Sequence[JobView]:
        """What `jobs` gives."""

    @abstractmethod
    def miss_groups(self, execution: ExecutionId) -> Sequence[MissGroup]:
        """An execution's misses grouped by task, kind and detail; most time first."""

    @abstractmethod
    def get_call(self, call: Digest) -> CallNode | None:
        """One finished call, children and upstreams in order."""

    @abstractmethod
    def name_calls(self, calls: Sequence[Digest]) -> Mapping[Digest, str]:
        """The full names of the tasks of finished calls; unknown calls are left out."""

    @abstractmethod
    def get_key(self, eval_hash: Digest) -> EvaluationKey | None:
        """One evaluation's task and arguments."""

    @abstractmethod
    def get_task(self, task_hash: Digest) -> TaskRecord | None:
        """One task with its pieces of code."""

    @abstractmethod
    def task_versions(self, fullname: str) -> Sequence[TaskRecord]:
        """A task's versions, newest first."""

    @abstractmethod
    def describe_values(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        """Values with preview, type, size and what they hold; `data` is None."""

    @abstractmethod
    def find_files(self, path: str, limit: int = 100) -> Sequence[Digest]:
        """Values that hold a File with this path, newest first."""

    @abstractmethod
    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        """Tags of records."""

    @abstractmethod
    def integrity(self) -> Integrity:
        """The records as `redux fsck` and `redux du` look at them."""
