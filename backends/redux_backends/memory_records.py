"""Records in plain dicts: how they come in, each once, and none that names what is not there."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

from redux_backends import liveness
from redux_backends.backend import (
    NONDETERMINISTIC,
    Backend,
    unknown_reference,
)
from redux_backends.claims import Claims
from redux_backends.disagreeing import NEVER, disagree, explanation
from redux_backends.records import (
    Batch,
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    HandleVersion,
    Job,
    JobId,
    Place,
    Rollback,
    Seconds,
    Tag,
    TaskRecord,
    Traits,
    ValueRecord,
)
from redux_valuestore.digest import Digest


@dataclass(slots=True)
class KeptValue:
    """A value as it was recorded, and where its bytes are now."""

    record: ValueRecord
    place: Place


@dataclass(slots=True)
class KeptHandle:
    """A version of a handle, and whether it was rolled back."""

    version: HandleVersion
    valid: bool = True


class MemoryRecords(Backend):
    """The records of a memory backend, and how they are kept; what is asked of them is `MemoryBackend`'s."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._values: dict[Digest, KeptValue] = {}
        self._tasks: dict[Digest, TaskRecord] = {}
        self._keys: dict[Digest, EvaluationKey] = {}
        self._reductions: defaultdict[Digest, dict[Digest, Evaluation]] = defaultdict(dict)
        self._disagreeing: dict[Digest, None] = {}
        self._task_sets: dict[Digest, frozenset[Digest]] = {}
        self._calls: dict[Digest, CallNode] = {}
        self._calls_of: defaultdict[Digest, list[CallNode]] = defaultdict(list)
        self._jobs: dict[JobId, Job] = {}
        self._executions: dict[ExecutionId, Execution] = {}
        self._lease_until: dict[ExecutionId, Seconds] = {}
        self._tags: dict[Digest, Tag] = {}
        self._tags_of: defaultdict[bytes, list[Digest]] = defaultdict(list)
        self._superseding: defaultdict[Digest, list[Digest]] = defaultdict(list)
        self._handles: dict[Digest, KeptHandle] = {}
        self._descendants: defaultdict[Digest, list[Digest]] = defaultdict(list)
        self._claims = Claims(None)

    def load(self) -> None:
        pass

    def close(self) -> None:
        self._claims.let_go()

    def claim_line(self, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        return self._claims.take(line, execution)

    def release_lines(self, execution: ExecutionId) -> None:
        self._claims.let_go(execution)

    # -- writing -----------------------------------------------------------------------------------

    def record(self, batch: Batch) -> None:
        with self._lock:
            self._check_references(batch)
            for rollback in batch.rollbacks:
                self._roll_back(rollback)
            for version in batch.handles:
                self._advance(version)
            for value in batch.values:
                self._keep_value(value)
            for task in batch.tasks:
                self._tasks.setdefault(task.hash, task)
            for key in batch.keys:
                self._keys.setdefault(key.eval_hash, key)
            self._keep_evaluations(batch.evaluations)
            for task_set in batch.task_sets:
                self._task_sets.setdefault(task_set.hash, frozenset(task_set.tasks))
            for call in batch.calls:
                if call.call_hash not in self._calls:
                    self._calls[call.call_hash] = call
                    self._calls_of[call.eval_hash].append(call)
            for job in (*batch.new_jobs, *batch.jobs):
                self._jobs[job.id] = job
            for tag in batch.tags:
                self._keep_tag(tag)

    def _check_references(self, batch: Batch, beginning: Iterable[Execution] = ()) -> None:
        """Refuse what names what is nowhere; executions that are `beginning` count as there."""
        values = _Either(self._values, {value.hash for value in batch.values})
        tasks = _Either(self._tasks, {task.hash for task in batch.tasks})
        keys = _Either(self._keys, {key.eval_hash for key in batch.keys})
        sets = _Either(self._task_sets, {task_set.hash for task_set in batch.task_sets})
        calls = _Either(self._calls, {call.call_hash for call in batch.calls})
        executions = _Either(self._executions, {execution.id for execution in beginning})
        recorded = (*batch.new_jobs, *batch.jobs)
        jobs = _Either(self._jobs, {job.id for job in recorded})
        _require("value", values, (child for value in batch.values for child in value.subvalues))
        _require("task", tasks, (key.task_hash for key in batch.keys))
        _require("value", values, (argument.value for key in batch.keys for argument in key.arguments))
        _require("evaluation", keys, (evaluation.eval_hash for evaluation in batch.evaluations))
        _require("value", values, (evaluation.result for evaluation in batch.evaluations))
        _require("task", tasks, (task for task_set in batch.task_sets for task in task_set.tasks))
        _require("evaluation", keys, (call.eval_hash for call in batch.calls))
        _require("value", values, (call.result for call in batch.calls))
        _require("task set", sets, (call.task_set for call in batch.calls))
        _require("call", calls, (child for call in batch.calls for child in call.children))
        _require("call", calls, (upstream.call for call in batch.calls for upstream in call.upstreams))
        _require("execution", executions, (job.execution for job in recorded))
        _require("job", jobs, (job.parent for job in recorded if job.parent))
        _require("task", tasks, (job.task_hash for job in recorded))
        _require("evaluation", keys, (job.eval_hash for job in recorded if job.eval_hash))
        _require("call", calls, (job.call_hash for job in recorded if job.call_hash))
        tagged = {
            "value": values,
            "task": tasks,
            "call": calls,
            "job": jobs,
            "execution": executions,
        }
        for tag in batch.tags:
            _require(tag.kind, tagged.get(tag.kind, frozenset()), (tag.entity,))
        tags = _Either(self._tags, {tag.hash for tag in batch.tags})
        _require("tag", tags, (parent for tag in batch.tags for parent in tag.parents))

    def _advance(self, version: HandleVersion) -> None:
        for parent in version.parents:
            self._handles.setdefault(parent, KeptHandle(HandleVersion(parent, version.name)))
        kept = self._handles.setdefault(version.hash, KeptHandle(HandleVersion(version.hash, version.name)))
        kept.valid = all(self._handles[parent].valid for parent in version.parents)
        if not kept.version.parents:
            kept.version = replace(kept.version, parents=version.parents)
            for parent in version.parents:
                self._descendants[parent].append(version.hash)

    def _hold(self, version: HandleVersion) -> None:
        known = self._handles.get(version.hash)
        stays_valid = known is not None and known.valid
        self._advance(version)
        self._handles[version.hash].valid = stays_valid

    def _roll_back(self, rollback: Rollback) -> None:
        keep = rollback.keep
        waiting = [
            child
            for child in self._descendants[rollback.handle]
            if keep is None or (child not in keep and len(self._handles[child].version.parents) == 1)
        ]
        seen: set[Digest] = set()
        while waiting:
            handle = waiting.pop()
            if handle not in seen:
                seen.add(handle)
                self._handles[handle].valid = False
                waiting += self._descendants[handle]

    def _keep_value(self, value: ValueRecord) -> None:
        known = self._values.get(value.hash)
        if known is None:
            for version in value.handles:
                self._hold(version)
        if known is None or known.place is Place.MISSING:
            place = Place.STORE if value.data is None else Place.INLINE
            self._values[value.hash] = KeptValue(
                value if known is None else replace(known.record, data=value.data), place
            )

    def _keep_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        disagreeing = {each.eval_hash: None for each in evaluations if self._disagrees_now(each)}
        self._disagreeing |= disagreeing
        for task_hash in sorted({self._keys[each].task_hash for each in disagreeing}):
            self._keep_tag(Tag("task", task_hash, NONDETERMINISTIC, "true"))

    def _disagrees_now(self, evaluation: Evaluation) -> bool:
        """Keep a result, and say whether those of its evaluation disagree."""
        results = self._reductions[evaluation.eval_hash]
        known = results.get(evaluation.result)
        if known is None or known.recorded < evaluation.recorded:
            results[evaluation.result] = evaluation
        compared = [self._values[value] for value in results]
        return disagree(explanation(value.record) for value in compared if self._is_compared(value))

    def _keep_tag(self, tag: Tag) -> None:
        hash = tag.hash
        if hash in self._tags:
            return
        parents = tuple(sorted(set(tag.parents)))
        moment = time.time() if tag.recorded is None else tag.recorded
        self._tags[hash] = replace(tag, parents=parents, recorded=moment)
        self._tags_of[tag.entity].append(hash)
        for parent in parents:
            self._superseding[parent].append(hash)

    @staticmethod
    def _is_compared(value: KeptValue) -> bool:
        return value.place is not Place.MISSING and not value.record.traits & NEVER

    def _fits(self, job: Job, call: Digest) -> bool:
        """Whether a job asked for the evaluation that its call is of, by which databases find it."""
        return call in self._calls and self._calls[call].eval_hash == job.eval_hash

    def record_execution(self, execution: Execution) -> None:
        with self._lock:
            self._executions[execution.id] = execution
            self._lease_until[execution.id] = time.time() + liveness.LEASE_SECONDS

    def renew_lease(self, execution: ExecutionId) -> None:
        with self._lock:
            self._lease_until[execution] = time.time() + liveness.LEASE_SECONDS

    def forget_value(self, value: Digest) -> None:
        with self._lock:
            if (known := self._values.get(value)) is not None:
                self._values[value] = KeptValue(replace(known.record, data=None), Place.MISSING)

    def adopt_value(self, value: Digest) -> None:
        with self._lock:
            if (known := self._values.get(value)) is not None:
                record = replace(known.record, traits=known.record.traits & ~Traits.FOREIGN)
                self._values[value] = KeptValue(record, known.place)


@dataclass(frozen=True, slots=True)
class _Either(Container[bytes]):
    """What is known already or comes now, without a copy of all that is known for each batch."""

    known: Container[Any]
    new: Container[Any]

    def __contains__(self, digest: object) -> bool:
        return digest in self.new or digest in self.known


def _require(kind: str, known: Container[bytes], named: Iterable[bytes]) -> None:
    for digest in named:
        if digest not in known:
            raise unknown_reference(kind, digest)
