"""The records a backend keeps: frozen data in the words of DESIGN.md, with the hashes that name them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NewType

from redux_valuestore.digest import Digest, digest_struct
from redux_valuestore.frozen import frozen

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


class Traits(IntFlag):
    """What a value holds, so that its validity can be asked without its bytes."""

    PLAIN = 0
    EXPRESSIONS = 1
    """It holds expressions: it is not a final result."""
    FILES = 2
    """It holds Files, each listed in `ValueRecord.files`."""
    SUBVALUES = 4
    """It refers to other values by digest, each listed in `ValueRecord.subvalues`."""
    TRUST = 8
    """Decoding it runs code named by its bytes (reduce protocol, pickle)."""
    ERROR = 16
    """It is the error a job ended with."""
    TASKS = 32
    """It holds tasks, each listed in `ValueRecord.tasks` by name and hash."""
    HOOKS = 64
    """It holds what only a run can ask if it is valid: instances that say so, the user's own functions and classes."""

    HANDLES = 128
    """It holds handles; those with a version are listed in `ValueRecord.handles`. Unrecorded ones are not valid."""


MAY_CHANGE = Traits.FILES | Traits.TASKS | Traits.ERROR | Traits.HOOKS | Traits.HANDLES
"""What lets two results of one evaluation differ though both were right when they were recorded."""


class Place(IntEnum):
    """Where a value's bytes are."""

    INLINE = 0
    STORE = 1
    MISSING = 2


@frozen
class FileFact:
    """A File held by a value: its path as given, and the digest of its content (None: it was not there)."""

    path: str
    content: Digest | None


@frozen
class TaskFact:
    """A task held by a value: its full name and hash."""

    fullname: str
    task_hash: Digest


@frozen
class HandleVersion:
    """One version of a handle: `name` is what people call the handle, `parents` are the versions it descends from."""

    hash: Digest
    name: str
    parents: tuple[Digest, ...] = ()


@frozen
class Rollback:
    """A call is about to change what a version stands for, so what descends from the version is no longer valid.

    Where `keep` is given, its children in there stay with all that descends from them, and so do those that descend
    from several versions.
    """

    handle: Digest
    keep: frozenset[Digest] | None = None


@frozen
class ValueRecord:
    """A value: `data` is its bytes where they are small, else None: they are in the value store before this record."""

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
    """A value as a backend gives it back, not verified yet; `data` is None unless `place` is INLINE."""

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
    """A task under one hash of its code. The first piece is the task's own function."""

    hash: Digest
    fullname: str
    version: str | None
    pieces: tuple[CodePiece, ...]


@frozen
class Argument:
    """A bound argument of an evaluation: `x`, or `rest[0]` of `*rest`, or `options[key]` of `**options`."""

    name: str
    value: Digest


@frozen
class EvaluationKey:
    """What is asked of the cache: a task with its arguments."""

    eval_hash: Digest
    task_hash: Digest
    args_hash: Digest
    arguments: tuple[Argument, ...]


@frozen
class Evaluation:
    """The result of one reduction of a task call, which may itself hold expressions; `duration` is its time."""

    eval_hash: Digest
    result: Digest
    duration: Seconds
    recorded: Seconds


@frozen
class Upstream:
    """A call that an argument was made from: its result is the argument, or is somewhere in it."""

    argument: str
    call: Digest


@frozen
class CallNode:
    """A finished call; `children` are call hashes in the order they were made."""

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
    """The task hashes in a call node's subtree, content-addressed: equal sets are one record."""

    hash: Digest
    tasks: tuple[Digest, ...]


class JobStatus(IntEnum):
    """How a job stands. RUNNING in the database means RUNNING only while its execution's lease holds."""

    RUNNING = 0
    DONE = 1
    CACHED = 2
    FAILED = 3
    CANCELLED = 4
    DIED = 5


class Outcome(IntEnum):
    """Where a job's result came from."""

    RAN = 0
    SAME_EXECUTION = 1
    SINGLE = 2
    """single reduction: its evaluation was known"""
    ULTIMATE = 3
    """ultimate reduction: its finished call was known and current"""


class MissKind(IntEnum):
    """Why a job ran."""

    NONE = 0
    NEW_TASK = 1
    CODE_CHANGED = 2
    NEW_ARGUMENTS = 3
    FILE_CHANGED = 4
    VALUE_GONE = 5
    CACHE_OFF = 6
    NO_RESULT = 7
    """The same call was made before and left no result to use: it failed, was interrupted or is not finished."""
    TASK_CHANGED = 8
    """A task held in the remembered result is not the one known now."""
    STALE_SUBTREE = 9
    """Asked shallowly: a task below it changed."""
    NOT_VALID = 10
    """A type in the remembered result says that its instance is not valid any more."""
    CANNOT_DECODE = 11
    """The remembered result cannot be built any more: a class is gone, or says no."""
    HELD_CODE_CHANGED = 12
    """A function or class held in the remembered result is not the one known now."""
    RETRIED = 13
    """The attempt before it raised, and its task says to try again."""
    HANDLE_ROLLED_BACK = 14
    """A version of a handle that it was given, or returned, is not what is outside any more."""


@frozen
class Reason:
    """Why a job missed; `detail` names the file, value, type or earlier hash concerned."""

    kind: MissKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs an execution, so that what died shows as died."""

    host: str
    boot: str
    pid: int
    process_started: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One `redux run`, or one `Scheduler.run`."""

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
    """One attempt, in one execution, to get a call's result."""

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
    """A key–value on a record; `entity` is its id or hash, `kind` execution, job, call, task or value."""

    kind: str
    entity: bytes
    key: str
    value: str
    """canonical JSON"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction records, in this order; every part may be empty. Equal records there are kept."""

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
    rollbacks: Sequence[Rollback] = ()
    """Done before the handles of this batch are recorded."""
    handles: Sequence[HandleVersion] = ()
    """A version is valid from here on if each of its parents is; an unknown parent is the valid beginning of a line."""


def hash_evaluation(task_hash: Digest, args_hash: Digest) -> Digest:
    """The eval hash: what the cache is asked by."""
    return digest_struct("Eval", task_hash, args_hash)


def hash_call(task_hash: Digest, args_hash: Digest, result: Digest, children: Iterable[Digest]) -> Digest:
    """The call hash: a Merkle node, so that equal call graphs have equal hashes."""
    return digest_struct("CallNode", task_hash, args_hash, result, sorted(children))


def hash_task_set(tasks: Iterable[Digest]) -> Digest:
    """The hash of a set of task hashes."""
    return digest_struct("TaskSet", sorted(tasks))


def hash_arguments(arguments: Iterable[tuple[str, Digest]]) -> Digest:
    """The hash of bound arguments, in the signature's order: name and value hash of each."""
    return digest_struct("Args", *[part for argument in arguments for part in argument])


def hash_task(fullname: str, pieces: Iterable[tuple[str, str, Digest]]) -> Digest:
    """The task hash: of its name, and of kind, name and hash of each piece of its code."""
    return digest_struct("Task", fullname, [list(piece) for piece in sorted(set(pieces))])
