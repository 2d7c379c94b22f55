"""Following data from record to record in dicts: every record is looked at for each question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from redux_backends.memory_records import MemoryRecords
from redux_backends.records import Evaluation, ExecutionId, FileFact, Job, JobId, Outcome
from redux_backends.tracing import Traced, newest_results
from redux_valuestore.digest import Digest


class MemoryTracing(MemoryRecords):
    """What follows data, asked of a memory backend."""

    def makers_of(self, values: Sequence[Digest]) -> Traced:
        with self._lock:
            return _found(values, ((call.result, hash) for hash, call in self._calls.items()))

    def results_of(self, tasks: Sequence[Digest], limit: int) -> Mapping[Digest, Sequence[Evaluation]]:
        with self._lock:
            asked: defaultdict[Digest, list[Digest]] = defaultdict(list)
            for key in reversed(self._keys.values()):
                asked[key.task_hash].append(key.eval_hash)
            given = {
                task: [one for asked_for in asked[task][:limit] for one in self._reductions.get(asked_for, {}).values()]
                for task in tasks
                if task in asked
            }
        return {task: newest_results(results) for task, results in given.items() if results}

    def users_of(self, values: Sequence[Digest]) -> Traced:
        with self._lock:
            return _found(values, self._used())

    def _used(self) -> Iterator[tuple[Digest, Digest]]:
        for hash, call in self._calls.items():
            for argument in self._keys[call.eval_hash].arguments:
                yield argument.value, hash

    def fed_by(self, calls: Sequence[Digest]) -> Traced:
        with self._lock:
            return _found(calls, ((each.call, hash) for hash, call in self._calls.items() for each in call.upstreams))

    def callers_of(self, calls: Sequence[Digest]) -> Traced:
        with self._lock:
            return _found(calls, self._called())

    def _called(self) -> Iterator[tuple[Digest, Digest]]:
        for job in self._jobs.values():
            caller = self._jobs[job.parent].call_hash if job.parent is not None else None
            if job.call_hash is not None and caller is not None and self._fits(job, job.call_hash):
                yield job.call_hash, caller

    def parents_of(self, calls: Sequence[Digest]) -> Traced:
        with self._lock:
            return _found(calls, ((child, hash) for hash, call in self._calls.items() for child in call.children))

    def executions_of(self, calls: Sequence[Digest]) -> Mapping[Digest, Sequence[ExecutionId]]:
        wanted = set(calls)
        found: defaultdict[Digest, set[ExecutionId]] = defaultdict(set)
        with self._lock:
            for job in self._jobs.values():
                if job.call_hash is not None and job.call_hash in wanted and self._fits(job, job.call_hash):
                    found[job.call_hash].add(job.execution)
        return {call: sorted(executions) for call, executions in found.items()}

    def containers_of(self, values: Sequence[Digest]) -> Traced:
        with self._lock:
            kept = self._values.values()
            return _found(values, ((part, one.record.hash) for one in kept for part in one.record.subvalues))

    def holders_of(self, files: Sequence[FileFact]) -> Mapping[FileFact, Sequence[Digest]]:
        wanted = set(files)
        found: defaultdict[FileFact, set[Digest]] = defaultdict(set)
        with self._lock:
            for kept in self._values.values():
                for file in wanted.intersection(kept.record.files):
                    found[file].add(kept.record.hash)
        return {file: sorted(values) for file, values in found.items()}

    def jobs_behind(self, calls: Sequence[Digest]) -> Mapping[Digest, JobId]:
        wanted = set(calls)
        best: dict[Digest, Job] = {}
        with self._lock:
            for job in self._jobs.values():
                if job.call_hash is not None and job.call_hash in wanted and self._fits(job, job.call_hash):
                    best[job.call_hash] = max(best.get(job.call_hash, job), job, key=_rank)
        return {call: job.id for call, job in best.items()}


def _rank(job: Job) -> tuple[bool, float, bytes]:
    return job.outcome is Outcome.RAN, job.started, job.id


def _found(asked: Collection[Digest], pairs: Iterable[tuple[Digest, Digest]]) -> Traced:
    wanted = set(asked)
    found: defaultdict[Digest, set[Digest]] = defaultdict(set)
    for one, other in pairs:
        if one in wanted:
            found[one].add(other)
    return {one: sorted(others) for one, others in found.items()}
