"""The records of a memory backend, looked at as those of a database are."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from redux_backends.integrity import (
    AsideKind,
    Bytes,
    CallRow,
    Dangling,
    Gap,
    Grouping,
    Integrity,
    KeptValue,
    KeyRow,
    LooseResult,
    OddJob,
    SetRow,
    TagRow,
    Tally,
    TaskRow,
    Twin,
    Usage,
)
from redux_backends.memory_records import KeptValue as Kept
from redux_backends.memory_records import MemoryRecords
from redux_backends.records import NO_TASKS, CallNode, Job, JobStatus, Place, Seconds, Traits
from redux_valuestore.digest import Digest

_FINISHED = (JobStatus.DONE, JobStatus.CACHED, JobStatus.FAILED)


class MemoryIntegrity(Integrity):
    """Rows are numbered as they came. Order, references and uniqueness are kept by the dicts themselves."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records
        self._lock = records._lock

    def clock(self) -> Seconds:
        return time.time()

    def complaints(self) -> Sequence[str]:
        return ()

    def rebuild_indexes(self) -> None:
        pass

    def dangling(self) -> Iterator[Dangling]:
        return iter(())

    def gaps(self) -> Iterator[Gap]:
        return iter(())

    def twins(self) -> Iterator[Twin]:
        return iter(())

    def unlink(self, row: Dangling) -> None:
        """Nothing to drop, so it is never asked: `AssertionError`."""
        raise AssertionError("a dict names nothing that is not there")

    def loose_results(self) -> Iterator[LooseResult]:
        with self._lock:
            found = [
                LooseResult(row, hash, result)
                for row, hash in enumerate(self._records._keys)
                for result in self._records._reductions.get(hash, ())
                if self._is_loose(hash, result)
            ]
        yield from found

    def _is_loose(self, eval_hash: Digest, result: Digest) -> bool:
        settled = {call.result for call in self._records._calls_of.get(eval_hash, ())}
        holds = self._records._values[result].record.traits & Traits.EXPRESSIONS
        return bool(settled) and result not in settled and not holds

    def odd_jobs(self) -> Iterator[OddJob]:
        with self._lock:
            found = [(job, self._why_odd(job)) for job in self._records._jobs.values()]
        yield from (OddJob(job.id, job.status, why) for job, why in found if why)

    def _why_odd(self, job: Job) -> str:
        records = self._records
        if job.status is JobStatus.RUNNING and records._executions[job.execution].status is not JobStatus.RUNNING:
            return "runs on"
        if job.status in (JobStatus.DONE, JobStatus.CACHED) and job.call_hash is None:
            return "no result"
        if job.status in _FINISHED and job.ended is None:
            return "never ended"
        if job.call_hash and job.eval_hash and records._calls[job.call_hash].eval_hash != job.eval_hash:
            return "other evaluation"
        if job.parent and records._jobs[job.parent].execution != job.execution:
            return "other execution"
        return ""

    # -- what hashes are made of -------------------------------------------------------------------

    def evaluations(self) -> Iterator[Sequence[KeyRow]]:
        with self._lock:
            page = [KeyRow(row, key) for row, key in enumerate(self._records._keys.values())]
        yield page

    def calls(self) -> Iterator[Sequence[CallRow]]:
        with self._lock:
            page = [self._call_row(row, call) for row, call in enumerate(self._records._calls.values())]
        yield page

    def _call_row(self, row: int, call: CallNode) -> CallRow:
        key = self._records._keys[call.eval_hash]
        return CallRow(
            row,
            call.call_hash,
            key.task_hash,
            key.args_hash,
            call.result,
            call.children,
            len(call.children),
            call.task_set == NO_TASKS or key.task_hash in self._records._task_sets[call.task_set],
        )

    def tasks(self) -> Iterator[Sequence[TaskRow]]:
        with self._lock:
            tasks = list(self._records._tasks.values())
        yield [
            TaskRow(row, task.hash, task.fullname, tuple((each.kind, each.name, each.hash) for each in task.pieces))
            for row, task in enumerate(tasks)
        ]

    def task_sets(self) -> Iterator[Sequence[SetRow]]:
        with self._lock:
            sets = list(self._records._task_sets.items())
        yield [SetRow(row, hash, tuple(sorted(tasks))) for row, (hash, tasks) in enumerate(sets)]

    def tags(self) -> Iterator[Sequence[TagRow]]:
        with self._lock:
            records = self._records
            page = [
                TagRow(
                    row,
                    hash,
                    tag,
                    tag.value is not None and hash not in records._superseding,
                    hash in records._superseding,
                )
                for row, (hash, tag) in enumerate(records._tags.items())
            ]
        yield page

    # -- values ------------------------------------------------------------------------------------

    def values(self, shard: int) -> Sequence[KeptValue]:
        with self._lock:
            return [
                KeptValue(hash, kept.record.size, kept.place, _inline_size(kept))
                for hash, kept in self._records._values.items()
                if hash[0] == shard
            ]

    def inline_bytes(self) -> Iterator[Sequence[Bytes]]:
        with self._lock:
            kept = list(self._records._values.items())
        yield [Bytes(hash, each.record.size, each.record.data) for hash, each in kept if each.record.data is not None]

    def remakable(self, values: Sequence[Digest]) -> frozenset[Digest]:
        with self._lock:
            results = {call.result for call in self._records._calls.values()}
            for reduced in self._records._reductions.values():
                results |= reduced.keys()
            return frozenset(values) & self._with_parts(results)

    # -- mending -----------------------------------------------------------------------------------

    def set_aside(self, kind: AsideKind, row: int) -> None:
        with self._lock:
            records = self._records
            if kind == "evaluation":
                key = list(records._keys.values())[row]
                records._reductions.pop(key.eval_hash, None)
                self._calls_aside(call for call in records._calls.values() if call.eval_hash == key.eval_hash)
            elif kind == "call":
                self._calls_aside([list(records._calls.values())[row]])
            elif kind == "task set":
                hash = list(records._task_sets)[row]
                self._calls_aside(call for call in records._calls.values() if call.task_set == hash)
            elif kind == "tag":
                hash = list(records._tags)[row]
                records._tags_of[records._tags[hash].entity].remove(hash)
            elif kind == "value":
                records.forget_value(list(records._values)[row])
            else:
                hash = list(records._tasks)[row]
                records._tasks[hash] = replace(records._tasks[hash], pieces=())

    def settle_tag(self, row: int) -> None:
        pass

    def _calls_aside(self, calls: Iterable[CallNode]) -> None:
        for call in list(calls):
            known = self._records._calls_of[call.eval_hash]
            self._records._calls_of[call.eval_hash] = [each for each in known if each is not call]

    # -- sizes -------------------------------------------------------------------------------------

    def bytes_on_disk(self) -> int:
        return self.tally().database

    def tally(self) -> Tally:
        with self._lock:
            return _tally(self._records._values.values())

    def unused(self) -> Tally:
        with self._lock:
            had = set().union(*self._had("task").values())
            return _tally(kept for hash, kept in self._records._values.items() if hash not in had)

    def usage(self, by: Grouping) -> Sequence[Usage]:
        with self._lock:
            had = self._had(by)
            owners: defaultdict[Digest, int] = defaultdict(int)
            for values in had.values():
                for value in values:
                    owners[value] += 1
            found = [self._usage(name, values, owners) for name, values in had.items()]
        found = [one for one in found if one.values]
        return sorted(found, key=lambda one: (-(one.own_database + one.own_store), -one.values, one.name))

    def _usage(self, name: str, values: set[Digest], owners: Mapping[Digest, int]) -> Usage:
        kept = self._records._values
        own = _tally(kept[value] for value in values if owners[value] == 1)
        shared = _tally(kept[value] for value in values if owners[value] > 1)
        return Usage(name, own.values + shared.values, own.database, own.store, shared.database, shared.store)

    def _had(self, by: Grouping) -> dict[str, set[Digest]]:
        records = self._records
        if by == "type":
            of_type: defaultdict[str, set[Digest]] = defaultdict(set)
            for hash, kept in records._values.items():
                of_type[kept.record.type_name].add(hash)
            return of_type
        had: defaultdict[str, set[Digest]] = defaultdict(set)
        jobs = [(job.eval_hash, job.execution.hex()) for job in records._jobs.values() if job.eval_hash]
        tasks = [(hash, records._tasks[key.task_hash].fullname) for hash, key in records._keys.items()]
        for eval_hash, name in jobs if by == "execution" else tasks:
            had[name] |= {argument.value for argument in records._keys[eval_hash].arguments}
            had[name] |= records._reductions.get(eval_hash, {}).keys()
            had[name] |= {call.result for call in records._calls.values() if call.eval_hash == eval_hash}
        return {name: self._with_parts(values) for name, values in had.items()}

    def _with_parts(self, values: set[Digest]) -> set[Digest]:
        found, waiting = set(values), list(values)
        while waiting:
            inside = set(self._records._values[waiting.pop()].record.subvalues) - found
            found |= inside
            waiting += inside
        return found


def _inline_size(kept: Kept) -> int | None:
    return None if kept.record.data is None else len(kept.record.data)


def _tally(values: Iterable[Kept]) -> Tally:
    there = list(values)
    inline = [kept.record.size for kept in there if kept.place is Place.INLINE]
    stored = [kept.record.size for kept in there if kept.place is Place.STORE]
    return Tally(len(inline), sum(inline), len(stored), sum(stored))
