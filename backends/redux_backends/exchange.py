"""What goes from one database to another: ids in the order in which records can be put, and the records themselves.

A record names only records that come before it, so whoever stops between two puts leaves nothing that dangles.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cached_property
from itertools import islice
from typing import NoReturn, TypeVar

from redux_backends.errors import BentRecord
from redux_backends.integrity import is_aside
from redux_backends.records import (
    Batch,
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    HandleVersion,
    Job,
    Tag,
    TaskRecord,
    TaskSet,
    ValueRecord,
    hash_arguments,
    hash_call,
    hash_evaluation,
    hash_task,
    hash_task_set,
)
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.frozen import frozen

RECORDS_AT_ONCE = 2_000
"""How many records are read or put at a time."""


class RecordKind(IntEnum):
    """What a record is. A record names only records of kinds before its own, and earlier ones of its own."""

    HANDLE = 0
    """a version of a handle; first, since values hold them, and what nobody recorded is held as not valid"""
    VALUE = 1
    TASK = 2
    EVALUATION = 3
    """what was asked, with its arguments"""
    RESULT = 4
    """what one reduction of an evaluation gave"""
    TASK_SET = 5
    CALL = 6
    EXECUTION = 7
    JOB = 8
    TAG = 9

    @property
    def singular(self) -> str:
        """How people call one of them."""
        return self.name.lower().replace("_", " ")

    @property
    def plural(self) -> str:
        """How people call several of them."""
        return self.singular + "s"


TAGGED: Mapping[str, RecordKind] = {
    "execution": RecordKind.EXECUTION,
    "job": RecordKind.JOB,
    "call": RecordKind.CALL,
    "task": RecordKind.TASK,
    "value": RecordKind.VALUE,
}
"""The kinds of records that have tags, by what tags and ids call them."""


@frozen
class RecordId:
    """Which record: its `kind`, and its hash or id. A result's `id` is its eval hash and then its value's hash.

    `stage` says how far a record that goes on changing has come, and is compared between databases: the moment a job or
    execution ended (0: it has not), the moment a result was recorded, 1 for a value whose bytes are not gone. UNDER_WAY
    is that of an execution that runs now.
    """

    kind: RecordKind
    id: bytes
    stage: float = 0.0


UNDER_WAY = -1.0
"""The stage of what has to be told again each time, for it has not ended and nobody knows how long it goes on."""


@frozen
class HandleRecord:
    """A `version` of a handle, whether it was `valid` where it comes from, and which of its parents were (`on`).

    A valid merge may rest on a version that is not.
    """

    version: HandleVersion
    valid: bool
    on: tuple[Digest, ...] = ()


@frozen
class CallRecord:
    """A finished call with the `task_hash` and `args_hash` that its own hash is made of."""

    call: CallNode
    task_hash: Digest
    args_hash: Digest


@dataclass(frozen=True)
class Records:
    """Records in an order in which they can be put: each kind after those it names, and so within a kind.

    Values have their `data` where these are in the record; the bytes of others are in the value store, but for those
    in `gone`, whose bytes nobody has. Executions are as they stand: RUNNING only if they run.
    """

    handles: Sequence[HandleRecord] = ()
    values: Sequence[ValueRecord] = ()
    gone: frozenset[Digest] = frozenset()
    tasks: Sequence[TaskRecord] = ()
    keys: Sequence[EvaluationKey] = ()
    results: Sequence[Evaluation] = ()
    task_sets: Sequence[TaskSet] = ()
    calls: Sequence[CallRecord] = ()
    executions: Sequence[Execution] = ()
    jobs: Sequence[Job] = ()
    tags: Sequence[Tag] = ()

    @cached_property
    def stored(self) -> Sequence[Digest]:
        """The values whose bytes are in the value store."""
        return [value.hash for value in self.values if value.data is None and value.hash not in self.gone]

    def __len__(self) -> int:
        """How many records there are."""
        return sum(len(getattr(self, each.name)) for each in fields(self) if each.name != "gone")


class Exchange(ABC):
    """How records leave one database and come into another."""

    @abstractmethod
    def iter_record_ids(self, roots: Iterable[RecordId] | None = None) -> Iterator[RecordId]:
        """The ids of records, each once, in an order in which they can be put: None for all there are.

        With `roots`, these and all that they name or that is below them: an execution's jobs, a job's calls, parents
        and children, a call's evaluation, results, children, upstreams and task set, the values inside values, the
        whole line of each handle, the tags of everything. Roots that are not there are left out.

        What is recorded meanwhile may come or not, so a record may name one that did not come. Only row numbers are
        held in memory, and those only for `roots`.
        """

    @abstractmethod
    def missing_records(self, ids: Sequence[RecordId]) -> Sequence[RecordId]:
        """Those of `ids`, in their order, that are not here, or have come further there than here: see `stage`."""

    @abstractmethod
    def get_records(self, ids: Sequence[RecordId]) -> Records:
        """The records with these ids, in their order within each kind; unknown ones are left out.

        Nothing is verified here.
        """

    @abstractmethod
    def put_records(self, records: Records) -> None:
        """Record what another database gave, in one transaction, after all of it was verified.

        What is here already stays: equal work is one record. A value whose bytes were gone gets them. Differing
        results of one evaluation are both kept, equal ones with the later moment. Executions and jobs that are here
        learn from there that they ended, if they have not ended here; a job that ended alike learns its call, if it has
        none here. An execution that runs there counts here as running for the time of a lease, by this database's
        clock. That one has died there says nothing of it where it is known: it may be this database that it runs in.
        Jobs that never ended, of an execution that did, have died.

        A handle's version that is known here stays as valid as it is: this database's runs know what they did. One
        that is new is valid if it was there, and if those of its parents are here that were there.

        Raises `BentRecord` where a record has not the hash that its parts make, `UnknownReference` where one names
        what is neither here nor among `records`, and what `record` raises; then nothing is recorded.
        """


_T = TypeVar("_T", bound=Hashable)
_R = TypeVar("_R", TaskRecord, EvaluationKey, Tag)


def named_first(things: Iterable[_T], named: Callable[[_T], Iterable[_T]], done: set[_T]) -> Iterator[_T]:
    """Each of `things` once, after those that it has `named`; not what is in `done`, to which each is added."""
    for thing in things:
        waiting = [thing]
        opened: set[_T] = set()
        while waiting:
            last = waiting[-1]
            if last in done:
                waiting.pop()
            elif last in opened:
                done.add(last)
                yield last
            else:
                # What names itself, as only a damaged record does, is not waited for.
                opened.add(last)
                waiting += [each for each in named(last) if each not in done and each not in opened]


def in_groups(things: Iterable[_T], size: int = RECORDS_AT_ONCE) -> Iterator[list[_T]]:
    """The same things in lists of at most `size`."""
    coming = iter(things)
    while group := list(islice(coming, size)):
        yield group


def batch_of(records: Records, lost: Collection[Digest], jobs: Sequence[Job]) -> Batch:
    """The same records as a run would record them, but for handles and executions; of the jobs only these `jobs`.

    Of the values whose bytes are gone it has only those `lost`: the others are here.
    """
    return Batch(
        values=[value for value in records.values if value.hash not in records.gone or value.hash in lost],
        tasks=records.tasks,
        keys=records.keys,
        evaluations=records.results,
        task_sets=records.task_sets,
        calls=[record.call for record in records.calls],
        jobs=jobs,
        tags=records.tags,
    )


def is_missing(there: RecordId, here: float | None) -> bool:
    """Whether a record that has come so far `there` is missing where its stage is `here` (None: it is not there)."""
    if here is None:
        return True
    return here <= 0.0 if there.stage == UNDER_WAY else here < there.stage


def has_its_bytes(value: ValueRecord) -> bool:
    """Whether the bytes in a value's record, if there are any, are those of its hash and size."""
    return value.data is None or (len(value.data) == value.size and digest_bytes(value.data) == value.hash)


def verify(records: Records) -> None:
    """Check that records have the hashes that their parts make, and tags values. Raises `BentRecord`, naming the first.

    What was set aside is not looked at, nor what names it: nobody can tell any more. No hash covers jobs, executions,
    times and previews.
    """
    for handle in records.handles:
        if not set(handle.on) <= set(handle.version.parents):
            raise BentRecord.of("handle", handle.version.hash, "it is said to rest on what is no parent of its")
    for value in records.values:
        if not has_its_bytes(value):
            raise BentRecord.of("value", value.hash, "its bytes are not those of its hash")
    for task in records.tasks:
        _of_text("task", task.hash, _verify_task, task)
    for key in records.keys:
        _of_text("evaluation", key.eval_hash, _verify_key, key)
    for task_set in records.task_sets:
        if task_set.hash != hash_task_set(task_set.tasks) and not _any_aside(task_set.hash, *task_set.tasks):
            raise BentRecord.of("task set", task_set.hash, "it has not the hash of its tasks")
    for record in records.calls:
        _verify_call(record)
    for tag in records.tags:
        _of_text("tag", tag.hash, _verify_tag, tag)


def _of_text(kind: str, hash: Digest, check: Callable[[_R], None], record: _R) -> None:
    """Check a record that has texts: a name that is none in UTF-8 has no hash."""
    try:
        check(record)
    except UnicodeEncodeError:
        raise BentRecord.of(kind, hash, "a name in it is no text") from None


def _verify_task(task: TaskRecord) -> None:
    covered = ((piece.kind, piece.name, piece.hash) for piece in task.pieces)
    if task.pieces and task.hash != hash_task(task.fullname, covered):
        raise BentRecord.of("task", task.hash, "it has not the hash of its code")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _verify_tag(tag: Tag) -> None:
    try:
        json.loads("null" if tag.value is None else tag.value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BentRecord.of("tag", tag.hash, "its value is not JSON") from None


def _verify_key(key: EvaluationKey) -> None:
    if key.eval_hash != hash_evaluation(key.task_hash, key.args_hash):
        trouble = "it has not the hash of its task and arguments"
    elif key.args_hash != hash_arguments([(each.name, each.value) for each in key.arguments]):
        trouble = "its arguments have not the hash that it says"
    else:
        return
    if not _any_aside(key.eval_hash, key.task_hash, *(each.value for each in key.arguments)):
        raise BentRecord.of("evaluation", key.eval_hash, trouble)


def _verify_call(record: CallRecord) -> None:
    call = record.call
    if call.eval_hash != hash_evaluation(record.task_hash, record.args_hash):
        trouble = "its evaluation is not of its task and arguments"
    elif call.call_hash != hash_call(record.task_hash, record.args_hash, call.result, call.children):
        trouble = "it has not the hash of its parts"
    else:
        return
    if not _any_aside(call.call_hash, call.eval_hash, record.task_hash, call.result, *call.children):
        raise BentRecord.of("call", call.call_hash, trouble)


def _any_aside(*hashes: bytes) -> bool:
    return any(map(is_aside, hashes))
