"""What people said of records that runs heed, in plain dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from redux_backends.amending import AcceptedJobs, Asked, Remembered
from redux_backends.memory_tags import MemoryTags
from redux_backends.records import CallNode, Evaluation, ExecutionId, Job, JobId, Outcome, Tag
from redux_valuestore.digest import Digest


class MemoryAmending(MemoryTags):
    """What runs heed, asked of a memory backend."""

    def tags_of(self, keys: Sequence[str]) -> Sequence[Tag]:
        with self._lock:
            return tuple(
                tag
                for hash, tag in self._tags.items()
                if tag.key in keys and tag.value is not None and hash not in self._superseding
            )

    def evaluations_of(self, calls: Sequence[Digest], jobs: Sequence[JobId]) -> Mapping[bytes, Asked]:
        with self._lock:
            asked: dict[bytes, Digest | None] = {}
            asked.update((call, self._calls[call].eval_hash) for call in calls if call in self._calls)
            asked.update((job, self._jobs[job].eval_hash) for job in jobs if job in self._jobs)
            return {id: Asked(one, self._keys[one].task_hash) for id, one in asked.items() if one is not None}

    def have_below(self, calls: Sequence[Digest], key: str) -> frozenset[Digest]:
        with self._lock:
            tagged = {tag.entity for tag in self.tags_of((key,)) if tag.kind == "call"}
            return frozenset(call for call in calls if not tagged.isdisjoint(self._below(call)))

    def _below(self, call: Digest) -> set[Digest]:
        """The calls somewhere below one."""
        below: set[Digest] = set()
        waiting = [*self._calls[call].children] if call in self._calls else []
        while waiting:
            child = waiting.pop()
            if child not in below:
                below.add(child)
                waiting += self._calls[child].children
        return below

    def accepted_in(self, execution: ExecutionId) -> Sequence[AcceptedJobs]:
        with self._lock:
            counted = Counter(
                (self._tasks[job.task_hash].fullname, job.task_hash, self._keys[job.eval_hash].task_hash)
                for job in self._jobs.values()
                if job.execution == execution and job.outcome is Outcome.ACCEPTED and job.eval_hash is not None
            )
            return [AcceptedJobs(*of, count) for of, count in sorted(counted.items())]

    def remembered(self, kind: str, ids: Sequence[bytes]) -> Sequence[Remembered]:
        with self._lock:
            wanted = set(self._evaluations_meant(kind, set(ids)))
            found = [
                self._remembered("call", call.call_hash, call, call.eval_hash)
                for call in self._calls.values()
                if call.eval_hash in wanted
            ]
            found += [
                self._remembered("job", job.id, None, job.eval_hash)
                for job in self._jobs.values()
                if job.call_hash is None
                and job.eval_hash in wanted
                and job.eval_hash
                and self._reductions.get(job.eval_hash)
            ]
            return sorted(found, key=lambda one: (one.kind, one.entity))

    def _evaluations_meant(self, kind: str, ids: set[bytes]) -> Iterator[Digest]:
        tests: Mapping[str, Callable[[Job], bool]] = {
            "job": lambda job: job.id in ids,
            "execution": lambda job: job.execution in ids and job.outcome is Outcome.RAN,
        }
        if kind == "task":
            yield from (key.eval_hash for key in self._keys.values() if key.task_hash in ids)
        elif kind == "call":
            yield from (call.eval_hash for call in self._calls.values() if call.call_hash in ids)
        elif kind in tests:
            yield from (job.eval_hash for job in self._jobs.values() if job.eval_hash and tests[kind](job))

    def _remembered(self, kind: str, entity: bytes, call: CallNode | None, eval_hash: Digest) -> Remembered:
        results = self._reductions.get(eval_hash, {}).values()
        newest: Evaluation | CallNode | None = max(results, key=lambda one: (one.recorded, one.duration), default=call)
        assert newest is not None
        fullname = self._tasks[self._keys[eval_hash].task_hash].fullname
        return Remembered(kind, entity, eval_hash, fullname, newest.duration, newest.recorded)
