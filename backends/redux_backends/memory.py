"""A backend of plain dicts: the oracle of the tests, and where runs without a database keep their records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from redux_backends.backend import (
    AmbiguousId,
    Disagreement,
    Found,
    GivenBy,
    GivenResult,
    MissContext,
    MissGroup,
    UnknownId,
    hex_prefix,
    unknown_reference,
)
from redux_backends.disagreeing import GIVERS_TOLD, RESULTS_TOLD, gave
from redux_backends.exchange import RecordId, Records
from redux_backends.memory_exchange import MemoryExchange
from redux_backends.memory_forerunning import MemoryForerunning
from redux_backends.memory_jobs import elapsed
from redux_backends.memory_listing import MemoryListing
from redux_backends.memory_lookup import MemoryLookup, newest
from redux_backends.memory_tracing import MemoryTracing
from redux_backends.records import (
    CallNode,
    Evaluation,
    EvaluationKey,
    ExecutionId,
    Job,
    Outcome,
    Place,
    Reason,
    Seconds,
    TaskRecord,
)
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux_backends.integrity import Integrity


class MemoryBackend(MemoryTracing, MemoryForerunning, MemoryLookup, MemoryListing):
    """Records in this process's memory, gone with it."""

    # -- asking afterwards -------------------------------------------------------------------------

    def explain_cache_miss(self, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
        with self._lock:
            if key.task_hash not in self._tasks:
                raise unknown_reference("task", key.task_hash)
            fullname = self._tasks[key.task_hash].fullname
            others = [
                other
                for other in reversed(self._keys.values())
                if other.eval_hash != key.eval_hash and self._tasks[other.task_hash].fullname == fullname
            ]
            last_asked = self._last_asked_before(asked_by)
            asked_now = {job.eval_hash for job in self._jobs_of(asked_by)}
            near = max(others, key=lambda other: self._nearness(other, key, last_asked, asked_now), default=None)
            return MissContext(near)

    def _last_asked_before(self, asked_by: ExecutionId) -> Mapping[Digest, Seconds]:
        """When the last execution that asked for each evaluation started, of those started before this one."""
        asking = self._executions.get(asked_by)
        last: dict[Digest, Seconds] = {}
        for job in self._jobs.values():
            started = self._executions[job.execution].started
            if asking is not None and job.eval_hash is not None and started < asking.started:
                last[job.eval_hash] = max(started, last.get(job.eval_hash, started))
        return last

    def _nearness(
        self,
        other: EvaluationKey,
        key: EvaluationKey,
        last_asked: Mapping[Digest, Seconds],
        asked_now: Container[Digest | None],
    ) -> tuple[bool, int, int, bool, int, Seconds]:
        """What makes an evaluation nearer than another, as `MissContext` orders it."""
        mine = {argument.name: argument.value for argument in key.arguments}
        differing = [
            (self._values[argument.value].record, self._values[mine[argument.name]].record)
            for argument in other.arguments
            if mine.get(argument.name, argument.value) != argument.value and mine[argument.name] in self._values
        ]
        return (
            other.eval_hash in last_asked,
            len(set(key.arguments) & set(other.arguments)),
            sum(
                len({file.path for file in theirs.files} & {file.path for file in ours.files})
                for theirs, ours in differing
            ),
            other.eval_hash not in asked_now,
            sum(theirs.preview == ours.preview for theirs, ours in differing),
            last_asked.get(other.eval_hash, 0.0),
        )

    def resolve(self, prefix: str) -> Found:
        hex_prefix(prefix)
        with self._lock:
            ids: dict[str, Iterable[bytes]] = {
                "execution": self._executions,
                "job": self._jobs,
                "call": self._calls,
                "task": self._tasks,
                "value": self._values,
            }
            wanted = prefix.lower()
            found = [Found(kind, id) for kind in ids for id in ids[kind] if id.hex().startswith(wanted)]
        if not found:
            raise UnknownId.of(prefix)
        if len(found) > 1:
            raise AmbiguousId.of(prefix, found)
        return found[0]

    def miss_groups(self, execution: ExecutionId) -> Sequence[MissGroup]:
        with self._lock:
            groups: defaultdict[tuple[Digest, Reason], list[Job]] = defaultdict(list)
            for job in self._jobs_of(execution):
                if job.outcome is Outcome.RAN and job.reason is not None:
                    groups[job.task_hash, job.reason].append(job)
            found = [
                MissGroup(
                    fullname=self._tasks[task_hash].fullname,
                    task_hash=task_hash,
                    reason=reason,
                    count=len(jobs),
                    seconds=sum(map(elapsed, jobs)),
                    example=min(jobs, key=lambda job: job.started).id,
                )
                for (task_hash, reason), jobs in groups.items()
            ]
            return sorted(found, key=MissGroup.order)

    def disagreements(
        self, *, task: str | None = None, execution: ExecutionId | None = None, limit: int = 100
    ) -> Sequence[Disagreement]:
        with self._lock:
            asked = None if execution is None else {job.eval_hash for job in self._jobs_of(execution)}
            keys = [self._keys[each] for each in self._disagreeing if asked is None or each in asked]
            keys = [key for key in keys if task is None or self._tasks[key.task_hash].fullname == task]
            keys.sort(key=lambda key: -max(one.recorded for one in self._reductions[key.eval_hash].values()))
            return [self._disagreement(key) for key in keys[:limit]]

    def _disagreement(self, key: EvaluationKey) -> Disagreement:
        results = newest(self._reductions[key.eval_hash].values())
        ran = [job for job in self._jobs.values() if job.eval_hash == key.eval_hash and job.outcome is Outcome.RAN]
        final = [(GivenBy(job.id, job.execution, job.ended), self._final(job)) for job in ran if job.ended is not None]
        final.sort(key=lambda one: (-one[0].ended, one[0].job))
        return Disagreement(
            key=key,
            fullname=self._tasks[key.task_hash].fullname,
            previews=tuple(self._values[argument.value].record.preview for argument in key.arguments),
            results=tuple(self._given(one, final) for one in results[:RESULTS_TOLD]),
            count=len(results),
        )

    def _given(self, one: Evaluation, final: Sequence[tuple[GivenBy, Digest | None]]) -> GivenResult:
        kept = self._values[one.result]
        return GivenResult(
            result=one.result,
            type_name=kept.record.type_name,
            preview=kept.record.preview,
            gone=kept.place is Place.MISSING,
            recorded=one.recorded,
            duration=one.duration,
            given_by=tuple([by for by, came in final if gave(one.result, one.recorded, by, came)][:GIVERS_TOLD]),
        )

    def get_call(self, call: Digest) -> CallNode | None:
        return self._calls.get(call)

    def name_calls(self, calls: Sequence[Digest]) -> Mapping[Digest, str]:
        with self._lock:
            return {call: self._name_of(self._calls[call]) for call in calls if call in self._calls}

    def _name_of(self, call: CallNode) -> str:
        return self._tasks[self._keys[call.eval_hash].task_hash].fullname

    def get_key(self, eval_hash: Digest) -> EvaluationKey | None:
        return self._keys.get(eval_hash)

    def get_task(self, task_hash: Digest) -> TaskRecord | None:
        return self._tasks.get(task_hash)

    def task_versions(self, fullname: str) -> Sequence[TaskRecord]:
        with self._lock:
            return [task for task in reversed(self._tasks.values()) if task.fullname == fullname]

    def find_files(self, path: str, limit: int = 100) -> Sequence[Digest]:
        with self._lock:
            holders = [
                value for value, known in self._values.items() if any(file.path == path for file in known.record.files)
            ]
            return holders[::-1][:limit]

    # -- exchange ----------------------------------------------------------------------------------

    def iter_record_ids(self, roots: Iterable[RecordId] | None = None) -> Iterator[RecordId]:
        with self._lock:
            ids = MemoryExchange(self).ids(roots)
        yield from ids

    def missing_records(self, ids: Sequence[RecordId]) -> Sequence[RecordId]:
        with self._lock:
            return MemoryExchange(self).missing(ids)

    def get_records(self, ids: Sequence[RecordId]) -> Records:
        with self._lock:
            return MemoryExchange(self).get(ids)

    def put_records(self, records: Records) -> None:
        with self._lock:
            MemoryExchange(self).put(records)

    def integrity(self) -> Integrity:
        from redux_backends.memory_integrity import MemoryIntegrity  # noqa: PLC0415 - only a check needs it

        return MemoryIntegrity(self)
