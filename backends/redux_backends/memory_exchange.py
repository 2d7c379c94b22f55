"""Exchange of records with a backend of dicts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redux_backends import liveness
from redux_backends.errors import unknown_reference
from redux_backends.exchange import (
    TAGGED,
    UNDER_WAY,
    CallRecord,
    HandleRecord,
    RecordId,
    RecordKind,
    Records,
    batch_of,
    is_missing,
    named_first,
    verify,
)
from redux_backends.memory_records import KeptHandle, KeptValue
from redux_backends.records import Execution, ExecutionId, Job, JobStatus, Place, TaskSet
from redux_valuestore.digest import DIGEST_SIZE, Digest

if TYPE_CHECKING:
    from redux_backends.memory import MemoryBackend

_Key = tuple[RecordKind, bytes]
_K = RecordKind


class MemoryExchange:
    """The records of a backend, as they leave it and come in. It holds the backend's lock where it is used."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend
        self._kept: dict[RecordKind, Any] = {
            _K.HANDLE: backend._handles,
            _K.VALUE: backend._values,
            _K.TASK: backend._tasks,
            _K.EVALUATION: backend._keys,
            _K.RESULT: {
                eval_hash + result: evaluation
                for eval_hash, results in backend._reductions.items()
                for result, evaluation in results.items()
            },
            _K.TASK_SET: backend._task_sets,
            _K.CALL: backend._calls,
            _K.EXECUTION: backend._executions,
            _K.JOB: backend._jobs,
            _K.TAG: backend._tags,
        }

    # -- ids ---------------------------------------------------------------------------------------

    def ids(self, roots: Iterable[RecordId] | None) -> list[RecordId]:
        """The ids of all records, or of those at and below `roots`, each after those that it names."""
        left_behind = self._left_behind()
        every = [(kind, id) for kind in _K for id in self._kept[kind] if id not in left_behind]
        if roots is not None:
            wanted = self._below([(root.kind, root.id) for root in roots])
            every = [key for key in every if key in wanted]
        return [RecordId(*key, self._told(*key)) for key in named_first(every, self._named, set())]

    def missing(self, ids: Sequence[RecordId]) -> list[RecordId]:
        """Those that are not here, or have come further there."""
        return [each for each in ids if is_missing(each, self.stage(each.kind, each.id))]

    def stage(self, kind: RecordKind, id: bytes) -> float | None:
        """How far a record has come; None where it is not here."""
        kept = self._kept[kind].get(id)
        if kept is None:
            return None
        if kind is _K.RESULT:
            return kept.recorded
        if isinstance(kept, KeptValue):
            return float(kept.place is not Place.MISSING)
        return kept.ended or 0.0 if isinstance(kept, (Execution, Job)) else 0.0

    def _left_behind(self) -> set[bytes]:
        """The tags that were set aside, with all that supersedes them: under another hash they would be other tags."""
        tags, found = self._backend._tags, set[bytes]()
        for hash, tag in tags.items():
            if hash not in self._backend._tags_of[tag.entity] or not found.isdisjoint(tag.parents):
                found.add(hash)
        return found

    def _told(self, kind: RecordKind, id: bytes) -> float:
        """The stage that another database is told."""
        kept = self._kept[kind][id]
        if isinstance(kept, Execution) and self._backend._as_it_stands(kept).status is JobStatus.RUNNING:
            return UNDER_WAY
        return self.stage(kind, id) or 0.0

    def _below(self, roots: Sequence[_Key]) -> set[_Key]:
        wanted: set[_Key] = set()
        waiting = self._jobs_below([key for key in roots if key[1] in self._kept[key[0]]])
        while waiting:
            key = waiting.pop()
            if key not in wanted:
                wanted.add(key)
                waiting += self._named(key)
                waiting += self._belonging(*key)
        return wanted

    def _jobs_below(self, roots: list[_Key]) -> list[_Key]:
        below: defaultdict[_Key, list[_Key]] = defaultdict(list)
        for job in self._kept[_K.JOB].values():
            below[_K.EXECUTION, job.execution].append((_K.JOB, job.id))
            if job.parent is not None:
                below[_K.JOB, job.parent].append((_K.JOB, job.id))
        return list(named_first(roots, lambda key: below[key], set()))

    def _named(self, key: _Key) -> list[_Key]:
        """What a record names."""
        kind, id = key
        kept = self._kept[kind][id]
        match kind:
            case _K.HANDLE:
                return [(_K.HANDLE, parent) for parent in kept.version.parents]
            case _K.VALUE:
                held = [(_K.HANDLE, one.hash) for one in kept.record.handles]
                return held + [(_K.VALUE, part) for part in kept.record.subvalues]
            case _K.EVALUATION:
                return [(_K.TASK, kept.task_hash), *((_K.VALUE, each.value) for each in kept.arguments)]
            case _K.RESULT:
                return [(_K.EVALUATION, id[:DIGEST_SIZE]), (_K.VALUE, id[DIGEST_SIZE:])]
            case _K.TASK_SET:
                return [(_K.TASK, task) for task in kept]
            case _K.CALL:
                calls = [*kept.children, *(each.call for each in kept.upstreams)]
                of_it = [(_K.EVALUATION, kept.eval_hash), (_K.VALUE, kept.result), (_K.TASK_SET, kept.task_set)]
                return of_it + [(_K.CALL, call) for call in calls]
            case _K.JOB:
                always = [(_K.EXECUTION, kept.execution), (_K.TASK, kept.task_hash)]
                maybe = [(_K.JOB, kept.parent), (_K.EVALUATION, kept.eval_hash), (_K.CALL, kept.call_hash)]
                return always + [(of, its) for of, its in maybe if its is not None]
            case _K.TAG:
                return [(TAGGED[kept.kind], kept.entity), *((_K.TAG, parent) for parent in kept.parents)]
        return []

    def _belonging(self, kind: RecordKind, id: bytes) -> list[_Key]:
        """What names a record and goes with it: the rest of a handle's line, an evaluation's results, tags."""
        found: list[_Key] = [(_K.TAG, tag) for tag in self._backend._tags_of.get(id, ())]
        if kind is _K.HANDLE:
            found += [(kind, child) for child in self._backend._descendants.get(Digest(id), ())]
        if kind is _K.EVALUATION:
            found += [(_K.RESULT, id + result) for result in self._backend._reductions.get(Digest(id), ())]
        return found

    # -- records -----------------------------------------------------------------------------------

    def get(self, ids: Sequence[RecordId]) -> Records:
        """The records with these ids."""
        ids = list({(each.kind, each.id): each for each in ids}.values())
        found: dict[RecordKind, list[Any]] = {kind: [] for kind in _K}
        for each in ids:
            kept = self._kept[each.kind].get(each.id)
            if kept is not None:
                found[each.kind].append(kept)
        keys = self._backend._keys
        return Records(
            handles=[self._handle(kept) for kept in found[_K.HANDLE]],
            values=[kept.record for kept in found[_K.VALUE]],
            gone=frozenset(kept.record.hash for kept in found[_K.VALUE] if kept.place is Place.MISSING),
            tasks=found[_K.TASK],
            keys=found[_K.EVALUATION],
            results=found[_K.RESULT],
            task_sets=[
                TaskSet(Digest(each.id), tuple(sorted(self._kept[each.kind][each.id])))
                for each in ids
                if each.kind is _K.TASK_SET and each.id in self._kept[each.kind]
            ],
            calls=[
                CallRecord(call, keys[call.eval_hash].task_hash, keys[call.eval_hash].args_hash)
                for call in found[_K.CALL]
            ],
            executions=[self._backend._as_it_stands(execution) for execution in found[_K.EXECUTION]],
            jobs=found[_K.JOB],
            tags=found[_K.TAG],
        )

    def _handle(self, kept: KeptHandle) -> HandleRecord:
        parents = kept.version.parents
        sound = tuple(parent for parent in parents if self._backend._handles[parent].valid)
        return HandleRecord(kept.version, kept.valid, sound)

    def put(self, records: Records) -> None:
        """Record what another database gave."""
        verify(records)
        backend = self._backend
        lost = records.gone - backend._values.keys()
        batch = batch_of(records, lost, [job for job in records.jobs if self._is_open(job)])
        backend._check_references(replace(batch, values=records.values, jobs=records.jobs), records.executions)
        self._check_handles(records.handles)
        self._put_handles(records.handles)
        for execution in records.executions:
            self._put_execution(execution)
        backend.record(batch)
        self._tell_calls(records.jobs)
        for value in lost:
            backend.forget_value(value)
        self._let_die({execution.id for execution in records.executions} | {job.execution for job in records.jobs})

    def _is_open(self, job: Job) -> bool:
        """Whether a job is new here, or has ended there and not here."""
        here = self._backend._jobs.get(job.id)
        return here is None or (here.ended is None and job.ended is not None)

    def _tell_calls(self, jobs: Sequence[Job]) -> None:
        """Note the calls of jobs that ended here and there alike, and have none here."""
        for job in jobs:
            here = self._backend._jobs[job.id]
            if here.call_hash is None and here.ended is not None and here.status is job.status:
                self._backend._jobs[job.id] = replace(here, call_hash=job.call_hash)

    def _check_handles(self, handles: Sequence[HandleRecord]) -> None:
        known = self._backend._handles.keys() | {record.version.hash for record in handles}
        for record in handles:
            for parent in record.version.parents:
                if parent not in known:
                    raise unknown_reference("handle", parent)

    def _put_handles(self, handles: Sequence[HandleRecord]) -> None:
        kept = self._backend._handles
        valid = [each for each in handles if each.valid and each.version.hash not in kept]
        others = [each for each in handles if not each.valid or each.version.hash in kept]
        for record in others:
            self._backend._hold(record.version)
        for record in valid:
            self._backend._advance(record.version)
            kept[record.version.hash].valid = all(kept[parent].valid for parent in record.on)

    def _put_execution(self, execution: Execution) -> None:
        here = self._backend._executions.get(execution.id)
        # Of what died there nobody heard an end: that is asked anew wherever it is shown.
        unheard = execution.status is JobStatus.DIED and execution.ended is None
        if here is not None and (here.ended is not None or unheard):
            return
        runs = execution.status is JobStatus.RUNNING
        if here is None or not runs:
            kept = replace(execution, status=JobStatus.RUNNING) if unheard else execution
            self._backend._executions[execution.id] = kept
        self._backend._lease_until[execution.id] = time.time() + liveness.LEASE_SECONDS if runs else 0.0

    def _let_die(self, executions: set[ExecutionId]) -> None:
        over = {id for id in executions if self._backend._executions[id].status is not JobStatus.RUNNING}
        for job in list(self._backend._jobs.values()):
            if job.execution in over and job.status is JobStatus.RUNNING:
                self._backend._jobs[job.id] = replace(job, status=JobStatus.DIED)
