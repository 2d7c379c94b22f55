"""A backend of plain dicts: the oracle of the tests, and where runs without a database keep their records."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from redux_backends import liveness
from redux_backends.backend import (
    AmbiguousId,
    Disagreement,
    Found,
    GivenBy,
    GivenResult,
    JobFilter,
    JobView,
    MissContext,
    MissGroup,
    TagFilter,
    TaskCounts,
    UnknownId,
    hex_prefix,
    unknown_reference,
)
from redux_backends.disagreeing import GIVERS_TOLD, RESULTS_TOLD, gave
from redux_backends.exchange import RecordId, Records
from redux_backends.memory_exchange import MemoryExchange
from redux_backends.memory_forerunning import MemoryForerunning
from redux_backends.memory_lookup import MemoryLookup, newest
from redux_backends.memory_tracing import MemoryTracing
from redux_backends.records import (
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    Outcome,
    Place,
    Reason,
    Seconds,
    TaskRecord,
)
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux_backends.integrity import Integrity


class MemoryBackend(MemoryTracing, MemoryForerunning, MemoryLookup):
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
            versions = [task for task in self.task_versions(fullname) if task.hash != key.task_hash]
            last_asked = self._last_asked_before(asked_by)
            asked_now = {job.eval_hash for job in self._jobs_of(asked_by)}
            return MissContext(
                same_call=key.eval_hash in self._keys,
                known_task=any(other.task_hash == key.task_hash for other in others),
                previous_task=versions[0] if versions else None,
                nearest=max(others, key=lambda other: self._nearness(other, key, last_asked, asked_now), default=None),
            )

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

    def executions(self, limit: int, offset: int = 0, tags: Sequence[TagFilter] = ()) -> Sequence[Execution]:
        with self._lock:
            fitting = [one for one in self._executions.values() if self._has_tags(tags, one.id)]
            newest = sorted(fitting, key=lambda execution: -execution.started)
            return [self._as_it_stands(execution) for execution in newest[offset : offset + limit]]

    def get_execution(self, execution: ExecutionId) -> Execution | None:
        with self._lock:
            known = self._executions.get(execution)
            return known and self._as_it_stands(known)

    def _as_it_stands(self, execution: Execution) -> Execution:
        if execution.status is not JobStatus.RUNNING:
            return execution
        lease_until = self._lease_until[execution.id]
        alive = liveness.is_running(execution.lease, lease_until, time.time())
        return execution if alive else replace(execution, status=JobStatus.DIED)

    def _job_as_it_stands(self, job: Job) -> Job:
        if job.status is not JobStatus.RUNNING:
            return job
        execution = self._as_it_stands(self._executions[job.execution])
        return job if execution.status is JobStatus.RUNNING else replace(job, status=JobStatus.DIED)

    def count_jobs(self, execution: ExecutionId) -> Sequence[TaskCounts]:
        with self._lock:
            counts: Counter[tuple[str, JobStatus]] = Counter()
            seconds: defaultdict[tuple[str, JobStatus], Seconds] = defaultdict(float)
            for job in self._jobs_of(execution):
                group = self._tasks[job.task_hash].fullname, self._job_as_it_stands(job).status
                counts[group] += 1
                call = self._calls.get(job.call_hash) if job.call_hash else None
                seconds[group] += (call.duration if call else 0.0) if job.status is JobStatus.CACHED else _elapsed(job)
            return [TaskCounts(*group, count, seconds[group]) for group, count in sorted(counts.items())]

    def _jobs_of(self, execution: ExecutionId) -> list[Job]:
        return [job for job in self._jobs.values() if job.execution == execution]

    def get_job(self, job: JobId) -> JobView | None:
        with self._lock:
            known = self._jobs.get(job)
            return known and self._view(known)

    def _view(self, job: Job) -> JobView:
        key = self._keys.get(job.eval_hash) if job.eval_hash else None
        call = self._calls.get(job.call_hash) if job.call_hash else None
        result = self._values[call.result].record if call else None
        return JobView(
            job=self._job_as_it_stands(job),
            fullname=self._tasks[job.task_hash].fullname,
            arguments=tuple(
                (argument, self._values[argument.value].record.preview) for argument in (key.arguments if key else ())
            ),
            result=result and result.hash,
            result_preview=result.preview if result else "",
            result_type=result.type_name if result else "",
        )

    def find_jobs(self, wanted: JobFilter, limit: int) -> Sequence[JobView]:
        tests: list[Callable[[Job], bool]] = [
            lambda job: wanted.execution is None or job.execution == wanted.execution,
            lambda job: wanted.parent is None or job.parent == wanted.parent,
            lambda job: wanted.task is None or self._tasks[job.task_hash].fullname == wanted.task,
            lambda job: wanted.call is None or job.call_hash == wanted.call,
            lambda job: wanted.value is None or self._final(job) == wanted.value,
            lambda job: wanted.argument is None or wanted.argument in self._arguments_of(job),
            lambda job: wanted.status is None or self._job_as_it_stands(job).status is wanted.status,
            lambda job: not wanted.roots or job.parent is None,
            lambda job: not wanted.missed or job.outcome is Outcome.RAN,
            lambda job: self._has_tags(wanted.tags, job.id, job.task_hash),
        ]
        with self._lock:
            fitting = [job for job in self._jobs.values() if all(test(job) for test in tests)]
            newest_first = wanted.execution is None and wanted.parent is None
            fitting.sort(key=lambda job: -job.started if newest_first else job.started)
            return [self._view(job) for job in fitting[:limit]]

    def _arguments_of(self, job: Job) -> list[Digest]:
        return [each.value for each in self._keys[job.eval_hash].arguments] if job.eval_hash else []

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
                    seconds=sum(map(_elapsed, jobs)),
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

    def _final(self, job: Job) -> Digest | None:
        return self._calls[job.call_hash].result if job.call_hash else None

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


def _elapsed(job: Job) -> Seconds:
    return 0.0 if job.ended is None else job.ended - job.started
