"""The records a backend keeps: frozen data in the words of DESIGN.md, with the hashes that name them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NewType

from redux_backends.kinds import MAY_CHANGE, JobStatus, MissKind, Outcome, Place, TagEntity, Traits
from redux_valuestore.digest import Digest, digest_struct
from redux_valuestore.frozen import frozen

__all__ = [
    "MAY_CHANGE",
    "Argument",
    "Batch",
    "CallNode",
    "CodePiece",
    "Evaluation",
    "EvaluationKey",
    "Execution",
    "ExecutionId",
    "FileFact",
    "HandleVersion",
    "Job",
    "JobId",
    "JobStatus",
    "Lease",
    "MissKind",
    "Outcome",
    "Place",
    "Reason",
    "Rollback",
    "Seconds",
    "StoredValue",
    "Tag",
    "TagEntity",
    "TaskFact",
    "TaskRecord",
    "TaskSet",
    "Traits",
    "Upstream",
    "ValueRecord",
    "hash_call",
    "hash_evaluation",
    "hash_tag",
    "hash_task_set",
    "new_id",
]

ExecutionId = NewType("ExecutionId", bytes)
"""16 random bytes."""

JobId = NewType("JobId", bytes)
"""16 random bytes."""

Seconds = float
"""A duration in seconds; a moment is seconds since the epoch, UTC."""


_IDS_AT_ONCE = 256
_ids: list[bytes] = []
# A forked child must not give out what its parent gives out.
os.register_at_fork(after_in_child=_ids.clear)


def new_id() -> bytes:
    """16 random bytes, for an execution or a job."""
    try:
        return _ids.pop()
    except IndexError:
        drawn = os.urandom(16 * _IDS_AT_ONCE)
        _ids.extend(drawn[at : at + 16] for at in range(16, len(drawn), 16))
        return drawn[:16]


@frozen
class FileFact:
    """A File held by a value: its path as given, and the digest of its content (None: it was not there)."""

    path: str
    content: Digest | None


@frozen
class TaskFact:
    """A task held by a value: its `fullname`, and its `task_hash` when the value was recorded."""

    fullname: str
    task_hash: Digest


@frozen
class HandleVersion:
    """One version of a handle, by its `hash`: `name` is what people call it, `parents` are those it descends from."""

    hash: Digest
    name: str
    parents: tuple[Digest, ...] = ()


@frozen
class Rollback:
    """A call is about to change what a version stands for, so what descends from the version is no longer valid.

    `handle` is the hash of the version. Where `keep` is given, its children in there stay with all that descends from
    them, and so do those that descend from several versions.
    """

    handle: Digest
    keep: frozenset[Digest] | None = None


@frozen
class ValueRecord:
    """A value by its `hash`: `data` is its bytes where they are small, else None: the value store has them before.

    `type_name` is for people, as in `pandas.DataFrame`; `size` is in bytes; `preview` is one line that shows the value.
    `traits` say what it holds, and `files`, `subvalues`, `tasks` and `handles` list it, each in the order met.
    """

    hash: Digest
    type_name: str
    size: int
    data: bytes | None
    preview: str
    traits: Traits = Traits.PLAIN
    files: tuple[FileFact, ...] = ()
    subvalues: tuple[Digest, ...] = ()
    tasks: tuple[TaskFact, ...] = ()
    handles: tuple[HandleVersion, ...] = ()


@frozen
class StoredValue:
    """A value by its `hash` as a backend gives it back, not verified yet, with its `traits`.

    `data` is None unless `place` is INLINE.
    """

    hash: Digest
    data: bytes | None
    place: Place
    traits: Traits


@dataclass(frozen=True, slots=True)
class CodePiece:
    """One piece of the user's code that a task's hash covers, with its source as written."""

    hash: Digest
    kind: str
    """task, function, class, constant, closure, default, method, opaque, version, include"""
    name: str
    """qualified, as in `helpers.normalise`"""
    source: str


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task under one `hash` of its code: its `fullname`, and the `version` that it was declared with, if any.

    `pieces` is the code that the hash covers; the first of them is the task's own function.
    """

    hash: Digest
    fullname: str
    version: str | None
    pieces: tuple[CodePiece, ...]


@frozen
class Argument:
    """A bound argument of an evaluation: `value` is the value's hash, `name` the parameter's.

    That is `x`, or `rest[0]` of `*rest`, or `options[key]` of `**options`.
    """

    name: str
    value: Digest


@frozen
class EvaluationKey:
    """What is asked of the cache, by `eval_hash`: the task `task_hash` with its `arguments`, in the signature's order.

    `args_hash` is made of their names and values.
    """

    eval_hash: Digest
    task_hash: Digest
    args_hash: Digest
    arguments: tuple[Argument, ...]


@frozen
class Evaluation:
    """The `result` of one reduction of the call asked for by `eval_hash`: a value's hash.

    The value may itself hold expressions. `duration` is how long the task ran, `recorded` the moment it ended.
    """

    eval_hash: Digest
    result: Digest
    duration: Seconds
    recorded: Seconds


@frozen
class Upstream:
    """A call that an argument was made from: the result of `call` is the `argument` of that name, or is in it."""

    argument: str
    call: Digest


@frozen
class CallNode:
    """A finished call: a Merkle node, so that `call_hash` covers all below it.

    `eval_hash` says what was called, `result` is its value's hash, `children` are call hashes in the order they were
    made, `task_set` is the hash of the set of tasks below. `recorded` is the moment it was first finished.
    """

    call_hash: Digest
    eval_hash: Digest
    result: Digest
    children: tuple[Digest, ...]
    task_set: Digest
    duration: Seconds
    """of the whole subtree when it was first computed"""
    recorded: Seconds
    upstreams: tuple[Upstream, ...] = ()
    """where its arguments came from when it was first made; by argument, each call once"""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """The task hashes in a call node's subtree (`tasks`, sorted) under their `hash`: equal sets are one record."""

    hash: Digest
    tasks: tuple[Digest, ...]


@frozen
class Reason:
    """Why a job missed, by `kind`; `detail` names the file, value, type or earlier hash concerned."""

    kind: MissKind
    detail: str = ""

    @property
    def earlier_version(self) -> Digest | None:
        """The hash of the version that was known before, where the code changed and one was."""
        changed = self.kind is MissKind.CODE_CHANGED and self.detail
        return Digest(bytes.fromhex(self.detail)) if changed else None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs an execution, so that what died shows as died: a process of one boot of one machine.

    `host` is the machine's name, `boot` the kernel's id of the boot, `pid` the process, and `process_started` the
    kernel's time of its start, since numbers of processes are used again.
    """

    host: str
    boot: str
    pid: int
    process_started: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One `redux run`, or one `Scheduler.run`: `id` is random, 16 bytes; `argv` is the command line that began it.

    `user` ran it in the folder `cwd`. It `started` and `ended` at these moments (None: not yet), with this `status`;
    until then the `lease` says whether it still runs.
    """

    id: ExecutionId
    argv: tuple[str, ...]
    user: str
    cwd: str
    started: Seconds
    lease: Lease
    ended: Seconds | None = None
    status: JobStatus = JobStatus.RUNNING


@frozen
class Job:
    """One attempt, in one execution, to get a call's result: `id` is random, 16 bytes; `parent` made the call.

    `task_hash` and `eval_hash` say what was called; the latter is None where its arguments never came. `status` is how
    it stands, `outcome` where the result came from, `reason` why it ran where it did. `call_hash` is the finished call.
    It `started` when its arguments were there, and `ended` with all below it.
    """

    id: JobId
    execution: ExecutionId
    parent: JobId | None
    task_hash: Digest
    eval_hash: Digest | None
    status: JobStatus
    outcome: Outcome
    started: Seconds
    ended: Seconds | None = None
    call_hash: Digest | None = None
    reason: Reason | None = None
    place: str = ""
    """the executor it ran on"""


@dataclass(frozen=True, slots=True)
class Tag:
    """A key–value on a record; `entity` is its id or hash, `kind` execution, job, call, task or value.

    `value` is canonical JSON. `parents` are the hashes of the tags that it supersedes; where `value` is None it is a
    *removal*: these were taken off, and nothing is there instead. A tag that no other supersedes is *current*.
    """

    kind: str
    entity: bytes
    key: str
    value: str | None
    parents: tuple[Digest, ...] = ()
    recorded: Seconds | None = field(default=None, compare=False)
    """the moment of it (None: now), which is no part of its hash: equal tags recorded twice are one"""

    @property
    def hash(self) -> Digest:
        """The hash that the tag is found by: of all but `recorded`."""
        return hash_tag(self.kind, self.entity, self.key, self.value, self.parents)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction records; every part may be empty. Equal records there are kept.

    `values`, `tasks`, `keys`, `evaluations`, `task_sets`, `calls` and `tags` are each in the order to record them.
    """

    values: Sequence[ValueRecord] = ()
    tasks: Sequence[TaskRecord] = ()
    keys: Sequence[EvaluationKey] = ()
    evaluations: Sequence[Evaluation] = ()
    task_sets: Sequence[TaskSet] = ()
    calls: Sequence[CallNode] = ()
    jobs: Sequence[Job] = ()
    """Jobs started or ended: a job already recorded is brought up to date."""
    new_jobs: Sequence[Job] = ()
    """Jobs under ids just drawn, so that nobody looks whether they are there."""
    tags: Sequence[Tag] = ()
    """Those known already stay as they are, current or not; the parents of others are no longer current."""
    rollbacks: Sequence[Rollback] = ()
    """Done before the handles of this batch are recorded."""
    handles: Sequence[HandleVersion] = ()
    """A version is valid from here on if each of its parents is; an unknown parent is the valid beginning of a line."""


def hash_evaluation(task_hash: Digest, args_hash: Digest) -> Digest:
    """The eval hash, by which the cache is asked: of a task's `task_hash` and the `args_hash` of its arguments."""
    return digest_struct("Eval", task_hash, args_hash)


def hash_call(task_hash: Digest, args_hash: Digest, result: Digest, children: Iterable[Digest]) -> Digest:
    """The call hash, a Merkle node's: of `task_hash`, `args_hash`, the `result`'s hash and those of the `children`.

    Equal call graphs have equal hashes, in whatever order the children ended.
    """
    return digest_struct("CallNode", task_hash, args_hash, result, sorted(children))


def hash_task_set(tasks: Iterable[Digest]) -> Digest:
    """The hash of a set of task hashes."""
    return digest_struct("TaskSet", sorted(tasks))


def hash_tag(kind: str, entity: bytes, key: str, value: str | None, parents: Iterable[Digest]) -> Digest:
    """The hash of a tag: of the `kind` and id of the `entity` it is on, its `key` and `value`, and its `parents`."""
    # As bytes, for a text may hold what UTF-8 does not know.
    said = None if value is None else value.encode(errors="surrogatepass")
    return digest_struct("Tag", kind, entity, key.encode(errors="surrogatepass"), said, sorted(set(parents)))


def hash_arguments(arguments: Iterable[tuple[str, Digest]]) -> Digest:
    """The hash of bound `arguments`, in the signature's order: name and value hash of each."""
    return digest_struct("Args", *[part for argument in arguments for part in argument])


def hash_task(fullname: str, pieces: Iterable[tuple[str, str, Digest]]) -> Digest:
    """The task hash: of its `fullname`, and of kind, name and hash of each of the `pieces` of its code."""
    return digest_struct("Task", fullname, [list(piece) for piece in sorted(set(pieces))])


NO_TASKS = hash_task_set(())
"""The set of no task: a call that has it is never taken whole, for every call has a task."""
