"""Executions and jobs in plain dicts: as they stand, listed and counted."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from redux_backends import liveness
from redux_backends.answers import GivenFilter, JobFilter, JobView, TaskCounts
from redux_backends.listing import ExecutionFilter
from redux_backends.memory_tags import MemoryTags
from redux_backends.patterns import fits
from redux_backends.records import Execution, ExecutionId, Job, JobId, JobStatus, Outcome, Seconds
from redux_valuestore.digest import Digest


class MemoryJobs(MemoryTags):
    """The records of a memory backend with what is asked of executions and jobs."""

    def find_executions(self, wanted: ExecutionFilter, limit: int, offset: int = 0) -> Sequence[Execution]:
        tests: list[Callable[[Execution], bool]] = [
            lambda one: wanted.status is None or self._as_it_stands(one).status is wanted.status,
            lambda one: wanted.since is None or one.started >= wanted.since,
            lambda one: wanted.until is None or one.started < wanted.until,
            lambda one: self._has_tags(wanted.tags, one.id),
        ]
        with self._lock:
            fitting = [one for one in self._executions.values() if all(test(one) for test in tests)]
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

    def count_jobs_of(self, executions: Sequence[ExecutionId]) -> Mapping[ExecutionId, Sequence[TaskCounts]]:
        with self._lock:
            found = {execution: self._counts(execution) for execution in executions}
            return {execution: counts for execution, counts in found.items() if counts}

    def _counts(self, execution: ExecutionId) -> Sequence[TaskCounts]:
        counts: Counter[tuple[str, JobStatus]] = Counter()
        seconds: defaultdict[tuple[str, JobStatus], Seconds] = defaultdict(float)
        for job in self._jobs_of(execution):
            group = self._tasks[job.task_hash].fullname, self._job_as_it_stands(job).status
            counts[group] += 1
            call = self._calls.get(job.call_hash) if job.call_hash else None
            seconds[group] += (call.duration if call else 0.0) if job.status is JobStatus.CACHED else elapsed(job)
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

    def find_jobs(self, wanted: JobFilter, limit: int, offset: int = 0) -> Sequence[JobView]:
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
            lambda job: all(self._was_given(job.eval_hash, each) for each in wanted.given),
            lambda job: wanted.results is None or self._final(job) in wanted.results,
            lambda job: not wanted.files or self._holds(wanted.files, self._final(job), *self._arguments_of(job)),
            lambda job: wanted.since is None or job.started >= wanted.since,
            lambda job: wanted.until is None or job.started < wanted.until,
        ]
        with self._lock:
            fitting = [job for job in self._jobs.values() if all(test(job) for test in tests)]
            newest_first = wanted.execution is None and wanted.parent is None
            fitting.sort(key=lambda job: -job.started if newest_first else job.started)
            return [self._view(job) for job in fitting[offset : offset + limit]]

    def _arguments_of(self, job: Job) -> list[Digest]:
        return [each.value for each in self._keys[job.eval_hash].arguments] if job.eval_hash else []

    def _was_given(self, eval_hash: Digest | None, wanted: GivenFilter) -> bool:
        bound = self._keys[eval_hash].arguments if eval_hash else ()
        return any(each.value in wanted.values and wanted.name in (None, each.name) for each in bound)

    def _holds(self, patterns: Sequence[str], *values: Digest | None) -> bool:
        """Whether one of these values holds a File whose path fits one of some patterns."""
        known = [self._values[value].record for value in values if value is not None]
        return any(fits(pattern, file.path) for record in known for file in record.files for pattern in patterns)

    def _final(self, job: Job) -> Digest | None:
        return self._calls[job.call_hash].result if job.call_hash else None


def elapsed(job: Job) -> Seconds:
    """How long a job took, 0 while it runs."""
    return 0.0 if job.ended is None else job.ended - job.started
