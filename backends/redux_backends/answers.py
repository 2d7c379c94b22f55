"""What a backend's questions answer, and the filter that one of them takes: frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redux_backends.records import (
    Argument,
    EvaluationKey,
    ExecutionId,
    FileFact,
    Job,
    JobId,
    JobStatus,
    Outcome,
    Reason,
    Seconds,
    StoredValue,
    Tag,
    Upstream,
)
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


@frozen
class Candidate:
    """A remembered result of one reduction: its `value`, and the `duration` that it took, in seconds.

    `leaf` is the hash of the finished call without children that has it, if any, `leaf_set` that of its task set.
    `recorded` is the moment at which it was last given.
    """

    value: StoredValue
    duration: Seconds
    leaf: Digest | None
    leaf_set: Digest | None = None
    recorded: Seconds = 0.0


@frozen
class CallCandidate:
    """A finished call with the eval hash asked for, for ultimate reduction: its `call_hash` and its result, `value`.

    `task_set` is the hash of the tasks below it, `duration` how long it took with all of them, in seconds.
    """

    call_hash: Digest
    value: StoredValue
    task_set: Digest
    duration: Seconds


@dataclass(frozen=True, slots=True)
class MissContext:
    """What the database knows that bears on a miss of one evaluation.

    `nearest` is the other evaluation of its task's name which this one most likely stands in for. One that had a job in
    an execution started before the one that asks goes before all others: a call beside this one in a fan-out is no
    forerunner of it. Then count, in this order: arguments that are equal; Files of the same path, in arguments of the
    same name that are not; that the execution that asks did not ask for it too; such arguments of the same preview; how
    late the last earlier execution that had it started; how late it was recorded. Where several hundred are equal but
    for the last three, the newest of them are looked at.
    """

    nearest: EvaluationKey | None


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """The `count` of jobs of the task `fullname` in one execution that have this `status`."""

    fullname: str
    status: JobStatus
    count: int
    seconds: Seconds
    """their time in all: of running where they ran, of the calls that they reused where they are CACHED"""


@frozen
class TagFilter:
    """What has a current tag of this `key`, with this `value` (canonical JSON) or, where it is None, with any."""

    key: str
    value: str | None = None

    def fits(self, tag: Tag) -> bool:
        """Whether it is such a tag, if it is current."""
        return tag.key == self.key and self.value in (None, tag.value)


NO_LIMIT = 2**31 - 1
"""A limit that leaves nothing out: more than there can be."""


@frozen
class GivenFilter:
    """What was given one of these `values` as an argument: of this `name` or, where it is None, of any."""

    values: tuple[Digest, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are asked for; None and False ask for nothing.

    Those of one `execution`, below one `parent`, with the finished call `call`, with this `status`; and as said below.
    """

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
    tags: tuple[TagFilter, ...] = ()
    """which the job or its task has, all of them"""
    given: tuple[GivenFilter, ...] = ()
    """all of them"""
    results: tuple[Digest, ...] | None = None
    """one of which is the result"""
    files: tuple[str, ...] = ()
    """patterns, see `patterns`: the path of a File that an argument or the result holds fits one"""
    since: Seconds | None = None
    """started then or after"""
    until: Seconds | None = None
    """started before"""


@frozen
class TagRecord:
    """A tag as it was recorded: `current` while it has a value and no other supersedes it.

    `superseded_by` are the hashes of those that do. The tag's `recorded` is its moment, 0 where nobody kept it.
    """

    tag: Tag
    current: bool
    superseded_by: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class JobView:
    """A `job` with what people want to see beside it: its task's `fullname`, and its `result`, a value's hash.

    `result_preview` and `result_type` show the result; both are empty where there is none.
    """

    job: Job
    fullname: str
    arguments: tuple[tuple[Argument, str], ...]
    """with previews"""
    result: Digest | None
    result_preview: str
    result_type: str


@frozen
class AskedJob:
    """A job by its `id`, with what it asked for and got, to be set beside others.

    It is one of an `execution`, called by the job `parent`, of the task `fullname` under `task_hash`. `eval_hash` says
    what was asked for, with these `arguments`; `call_hash` and `result` what came of it, a call and its value's hash.
    `outcome` is where that came from, and `reason` why it ran where it did. It `started` at this moment and took
    `seconds`. `upstreams` say where its call's arguments came from, where that was asked for.
    """

    id: JobId
    execution: ExecutionId
    parent: JobId | None
    fullname: str
    task_hash: Digest
    eval_hash: Digest | None
    call_hash: Digest | None
    result: Digest | None
    outcome: Outcome
    reason: Reason | None
    started: Seconds
    seconds: Seconds
    arguments: tuple[Argument, ...] = ()
    upstreams: tuple[Upstream, ...] = ()


@frozen
class AskedJobs:
    """The `jobs`, in the order in which they started, and the `files` that their arguments hold, by value hash."""

    jobs: tuple[AskedJob, ...]
    files: Mapping[Digest, tuple[FileFact, ...]]


@dataclass(frozen=True, slots=True)
class MissGroup:
    """The `count` of jobs of one task, `fullname` under `task_hash`, that ran for one `reason` in one execution.

    `seconds` is how long they ran in all, `example` is one of them.
    """

    fullname: str
    task_hash: Digest
    reason: Reason
    count: int
    seconds: Seconds
    example: JobId

    def order(self) -> tuple[Seconds, str, int, str, Digest]:
        """Where it stands among others: most time first, and no two alike."""
        return -self.seconds, self.fullname, int(self.reason.kind), self.reason.detail, self.task_hash


@dataclass(frozen=True, slots=True)
class GivenBy:
    """A `job` of an `execution` that ran and gave a result; it ended at `ended`."""

    job: JobId
    execution: ExecutionId
    ended: Seconds


@dataclass(frozen=True, slots=True)
class GivenResult:
    """One `result` of an evaluation, a value's hash: last given at the moment `recorded`, after `duration` seconds.

    `preview` and `type_name` show it, `gone` tells that its bytes are not known any more. `given_by` are the newest
    jobs that gave it.
    """

    result: Digest
    type_name: str
    preview: str
    gone: bool
    recorded: Seconds
    duration: Seconds
    given_by: tuple[GivenBy, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An evaluation, `key`, of the task `fullname`, that gave two results which nothing that they hold explains.

    `results` are the newest of them, newest first; `count` is how many there are in all.
    """

    key: EvaluationKey
    fullname: str
    previews: tuple[str, ...]
    """of the arguments, in order"""
    results: tuple[GivenResult, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """What an id or prefix stands for: `kind` is execution, job, call, task or value."""

    kind: str
    id: bytes
