"""What a backend is: the contract that the memory and SQL backends keep; its answers and errors are found here too."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from redux_backends.amending import AcceptedJobs, Amending, Asked, Remembered
from redux_backends.answers import (
    AskedJob,
    AskedJobs,
    CallCandidate,
    Candidate,
    Disagreement,
    Found,
    GivenBy,
    GivenResult,
    JobFilter,
    JobView,
    MissContext,
    MissGroup,
    TagFilter,
    TagRecord,
    TaskCounts,
)
from redux_backends.errors import (
    MIN_PREFIX,
    AmbiguousId,
    BackendChanged,
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendOlder,
    BackendUnavailable,
    BentRecord,
    DatabaseNotice,
    MissingDriver,
    UnknownDatabase,
    UnknownId,
    UnknownReference,
    UnknownTag,
    UnknownVersion,
    UpgradeFailed,
    hex_prefix,
    unknown_reference,
)
from redux_backends.evaluation_claims import NONE_HELD, Claimed
from redux_backends.exchange import Exchange
from redux_backends.forerunning import Forerunning
from redux_backends.kinds import ACCEPTS, CONTEXT, FORGOTTEN, NONDETERMINISTIC
from redux_backends.listing import ExecutionFilter, Listing
from redux_backends.records import (
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
    Rollback,
    StoredValue,
    Tag,
    TaskRecord,
    Traits,
    ValueRecord,
)
from redux_backends.tracing import Tracing
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux_backends.integrity import Integrity

__all__ = [
    "ACCEPTS",
    "CONTEXT",
    "FORGOTTEN",
    "MIN_PREFIX",
    "NONDETERMINISTIC",
    "AcceptedJobs",
    "AmbiguousId",
    "Asked",
    "AskedJob",
    "AskedJobs",
    "Backend",
    "BackendChanged",
    "BackendCorrupt",
    "BackendError",
    "BackendNewer",
    "BackendOlder",
    "BackendUnavailable",
    "BentRecord",
    "CallCandidate",
    "Candidate",
    "Claimed",
    "DatabaseNotice",
    "Disagreement",
    "Found",
    "GivenBy",
    "GivenResult",
    "JobFilter",
    "JobView",
    "MissContext",
    "MissGroup",
    "MissingDriver",
    "Remembered",
    "TagFilter",
    "TagRecord",
    "TaskCounts",
    "UnknownDatabase",
    "UnknownId",
    "UnknownReference",
    "UnknownTag",
    "UnknownVersion",
    "UpgradeFailed",
    "hex_prefix",
    "unknown_reference",
]


class Backend(Exchange, Tracing, Forerunning, Listing, Amending):
    """Records by their key. Methods may be called from any thread; each write is one transaction, whole or not.

    Writing is idempotent: equal content recorded twice, by whomever, is one record.
    """

    # -- life --------------------------------------------------------------------------------------

    @abstractmethod
    def load(self) -> None:
        """Open the database, making its tables where there are none.

        Tables of an older version may be upgraded by that, and those of a newer minor version can only be read: either
        is told as a `DatabaseNotice`. Raises `BackendUnavailable`, `BackendCorrupt`, `BackendNewer`, `BackendOlder`.
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

    @abstractmethod
    def adopt_value(self, value: Digest) -> None:
        """Note that a value that came from elsewhere was made here too: it is no longer FOREIGN."""

    def record_value(self, value: ValueRecord) -> None:
        """Record one value."""
        self.record(Batch(values=(value,)))

    def set_eval_cache(self, key: EvaluationKey, evaluation: Evaluation) -> None:
        """Record one evaluation's result, with the `key` it is asked by; differing results are kept, newest first."""
        self.record(Batch(keys=(key,), evaluations=(evaluation,)))

    def record_call_node(self, call: CallNode) -> None:
        """Record one finished call, with its edges."""
        self.record(Batch(calls=(call,)))

    def record_call_node_context(self, call: Digest, context: ValueRecord) -> None:
        """Record the `context` in which a finished `call` was made, a value; several ones of a call are all kept."""
        tag = Tag("call", call, CONTEXT, json.dumps(context.hash.hex()))
        self.record(Batch(values=(context,), tags=(tag,)))

    def record_job_start(self, job: Job) -> None:
        """Record that a job began."""
        self.record(Batch(jobs=(job,)))

    def record_job_end(self, job: Job) -> None:
        """Record how a job ended."""
        self.record(Batch(jobs=(job,)))

    # -- editing tags ------------------------------------------------------------------------------
    # A record may have several tags of a key. Each method reads what is current and writes in one transaction, so of
    # two people who edit at once the second edits what the first left. Nothing is ever overwritten: what was current
    # and no longer is stays in the history, with what came in its place.

    @abstractmethod
    def record_tags(self, tags: Sequence[Tag]) -> Sequence[Tag]:
        """Have all these tags current, beside those that are; gives those recorded for it.

        One whose key and value are current already is left as it is, by whomever. One that was superseded or removed is
        current again by a tag with the same key and value and the old one as its parent. (A `Batch`, as runs write
        them, leaves such a tag as people left it.) Two who add the same at once have one tag.
        """

    @abstractmethod
    def update_tags(
        self, kind: str, entity: bytes, keys: Sequence[str], tags: Sequence[tuple[str, str]]
    ) -> Sequence[Tag]:
        """Put `tags`, keys with canonical JSON, in place of all current tags of these `keys`; gives those recorded.

        They are those of the record `entity`, an id or hash, of this `kind`.
        A new tag supersedes the old ones of its key, and those of keys that no new tag has. Where the new ones are just
        what is there, nothing is recorded. Raises `UnknownTag`, and changes nothing, if a key has no current tag. Of
        two who update one key at once the later stands, and supersedes what the earlier wrote.
        """

    @abstractmethod
    def delete_tags(
        self, kind: str, entity: bytes, tags: Sequence[tuple[str, str]] = (), keys: Sequence[str] = ()
    ) -> Sequence[Tag]:
        """Remove the current tags with one of these keys and values, or of these `keys`; gives the removals recorded.

        They are those of the record `entity`, an id or hash, of this `kind`.
        Raises `UnknownTag`, and removes nothing, where one of them is not there: also to the second of two who remove
        the same. What is added under a key after it was removed stays.
        """

    def advance_handle(self, child: HandleVersion) -> None:
        """Record that a handle went on from its parents: the child is valid if each of them is."""
        self.record(Batch(handles=(child,)))

    def rollback_handle(self, handle: Digest, keep: frozenset[Digest] | None = None) -> None:
        """Make what descends from the version `handle` invalid, but for what is on the lines in `keep`: see `Rollback`.

        The version itself stays as it is.
        """
        self.record(Batch(rollbacks=(Rollback(handle, keep),)))

    def is_valid_handle(self, handle: Digest) -> bool:
        """Whether a version is known and was not rolled back since it was last recorded."""
        return handle in self.valid_handles((handle,))

    @abstractmethod
    def claim_line(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        """Have the `line` of a handle for one `execution`; where another that lives has it, which.

        Raises BackendUnavailable where that cannot be noted.
        """

    @abstractmethod
    def release_lines(self, execution: ExecutionId) -> None:
        """Let go of all lines that an execution has."""

    # -- one run of what several miss ----------------------------------------------------------------
    # Of executions that miss the same evaluation one claims it and runs it, and the others wait for its result. A claim
    # counts while its execution runs by its lease, on the database's clock. A backend that keeps none grants all.

    shares_work: bool = False
    """whether executions of other processes and machines see claims here"""

    def claim_evaluations(self, evals: Sequence[Digest], execution: ExecutionId, at_most: int) -> Claimed:
        """Claim for an `execution` the first `at_most` of these `evals` that no other living one has, in one step.

        What it has claimed before it may claim again. Ask the cache after that where the answer says `moved`.
        """
        return Claimed(list(dict.fromkeys(evals))[:at_most], NONE_HELD, False)

    def held_evaluations(self, evals: Sequence[Digest], execution: ExecutionId) -> Mapping[Digest, ExecutionId]:
        """Those of these `evals` that executions other than this `execution` have claimed, and live, with which."""
        return NONE_HELD

    def release_evaluations(self, execution: ExecutionId, evals: Sequence[Digest] | None = None) -> None:
        """End the claims of an `execution` on these `evals`, or all. What came of them is to be recorded by then."""

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
    def values_below(self, call: Digest, traits: Traits) -> frozenset[Digest]:
        """The values with one of these traits that were arguments or results of calls below a finished call."""

    @abstractmethod
    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        """Values as they are kept; unknown ones are left out. Nothing is verified here."""

    def get_value(self, value: Digest) -> StoredValue | None:
        """One value as it is kept, None where it is unknown."""
        return self.get_values((value,)).get(value)

    @abstractmethod
    def get_held(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        """Values with what they hold (files, subvalues, tasks, handles), to ask if they are valid; `data` is None."""

    def describe_values(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        """Values with preview, type, size and what they hold, to show them; `data` is None."""
        return self.get_held(values)

    @abstractmethod
    def known_tasks(self, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
        """The hashes under which tasks are known, newest first; unknown names are left out."""

    @abstractmethod
    def known_evaluations(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        """Which of these evaluations were ever asked for."""

    # -- asking afterwards -------------------------------------------------------------------------

    @abstractmethod
    def explain_cache_miss(self, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
        """What earlier records bear on this evaluation's miss in the execution `asked_by`.

        `key.task_hash` must be recorded.
        """

    @abstractmethod
    def resolve(self, prefix: str) -> Found:
        """The one record whose id starts with these hex digits, at least 4. Raises `UnknownId`, `AmbiguousId`."""

    def executions(self, limit: int, offset: int = 0, tags: Sequence[TagFilter] = ()) -> Sequence[Execution]:
        """At most `limit` executions that have all these `tags`, newest first, without the first `offset`.

        Their status is DIED where the lease ran out or the process is gone.
        """
        return self.find_executions(ExecutionFilter(tags=tuple(tags)), limit, offset)

    @abstractmethod
    def get_execution(self, execution: ExecutionId) -> Execution | None:
        """One execution."""

    def count_jobs(self, execution: ExecutionId) -> Sequence[TaskCounts]:
        """An execution's jobs counted by task and status."""
        return self.count_jobs_of((execution,)).get(execution, ())

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
        tags: Sequence[TagFilter] = (),
        limit: int = 100,
    ) -> Sequence[JobView]:
        """At most `limit` jobs that fit every filter given: oldest first in an execution or parent, else newest first.

        Filters are an `execution`, a `parent` job, a `task` by full name, a finished `call`, a `value` that is the
        result, one that is an `argument`, a `status`, `roots` (jobs without a parent), `missed` (jobs that ran) and
        `tags`, all of which the job or its task has.
        """
        wanted = JobFilter(execution, parent, task, call, value, argument, status, roots, missed, tuple(tags))
        return self.find_jobs(wanted, limit)

    @abstractmethod
    def find_jobs(self, wanted: JobFilter, limit: int, offset: int = 0) -> Sequence[JobView]:
        """What `jobs` gives for the filters in `wanted`: at most `limit` jobs, without the first `offset`."""

    @abstractmethod
    def miss_groups(self, execution: ExecutionId) -> Sequence[MissGroup]:
        """An execution's misses grouped by task, kind and detail; most time first."""

    @abstractmethod
    def disagreements(
        self, *, task: str | None = None, execution: ExecutionId | None = None, limit: int = 100
    ) -> Sequence[Disagreement]:
        """At most `limit` evaluations that gave two results which nothing that they hold explains, newest first.

        Two results disagree that hold no Files, tasks and handles, or the same as these were then, and differ all the
        same; errors, and values that only a run can ask if they are valid, never do. Filters are a `task` by full name,
        and an `execution` that had a job of the evaluation.
        """

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
    def find_files(self, path: str, limit: int = 100) -> Sequence[Digest]:
        """At most `limit` values that hold a File with this `path`, newest first."""

    @abstractmethod
    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        """The current tags of records, oldest first; records without one are left out."""

    @abstractmethod
    def tag_history(self, entity: bytes) -> Sequence[TagRecord]:
        """All tags that a record has and had, removals too, in the order in which they came to this database."""

    @abstractmethod
    def find_tagged(self, tags: Sequence[TagFilter], kind: str | None = None, limit: int = 100) -> Sequence[Found]:
        """At most `limit` records, of a `kind` or any, with all these tags (none: with any), newest by the first."""

    @abstractmethod
    def find_by_tag(self, key: str, beginning: str, limit: int = 100) -> Sequence[Found]:
        """At most `limit` records with a current tag of this `key`, whose JSON has this `beginning`, in its order."""

    @abstractmethod
    def integrity(self) -> Integrity:
        """The records as `redux fsck` and `redux du` look at them."""
