"""The jobs of an execution and those before it, in dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from redux_backends.answers import AskedJob, AskedJobs
from redux_backends.memory_records import MemoryRecords
from redux_backends.records import ExecutionId, Job, JobId, Outcome, Seconds, TaskRecord
from redux_valuestore.digest import Digest

_KNOWN = (Outcome.SINGLE, Outcome.ULTIMATE, Outcome.ACCEPTED)


class MemoryForerunning(MemoryRecords):
    """What sets jobs beside earlier ones, asked of a memory backend."""

    def jobs_that_ran(self, execution: ExecutionId) -> AskedJobs:
        with self._lock:
            return self._asked(
                lambda job: job.execution == execution and job.outcome is Outcome.RAN and job.reason is not None,
                upstreams=True,
            )

    def jobs_before(
        self, executions: Sequence[ExecutionId], tasks: Sequence[str], asked_by: ExecutionId | None
    ) -> AskedJobs:
        with self._lock:
            jobs = self._jobs.values()
            known = {job.eval_hash for job in jobs if job.execution == asked_by and job.outcome in _KNOWN}
            return self._asked(
                lambda job: (
                    job.execution in executions
                    and self._tasks[job.task_hash].fullname in tasks
                    and job.eval_hash is not None
                    and job.eval_hash not in known
                ),
                upstreams=False,
            )

    def newest_before(self, tasks: Sequence[str], before: Seconds) -> Mapping[str, ExecutionId]:
        with self._lock:
            rows = {id: row for row, id in enumerate(self._jobs)}
            newest: dict[str, Job] = {}
            for job in sorted(self._jobs.values(), key=lambda job: (job.started, rows[job.id])):
                fullname = self._tasks[job.task_hash].fullname
                if fullname in tasks and job.started < before:
                    newest[fullname] = job
            return {fullname: job.execution for fullname, job in newest.items()}

    def get_tasks(self, tasks: Sequence[Digest]) -> Mapping[Digest, TaskRecord]:
        with self._lock:
            return {task: self._tasks[task] for task in tasks if task in self._tasks}

    def _asked(self, wanted: Callable[[Job], bool], *, upstreams: bool) -> AskedJobs:
        found: dict[JobId, Job] = {}
        for job in self._jobs.values():
            one: Job | None = job if wanted(job) else None
            while one is not None and one.id not in found:
                found[one.id] = one
                one = None if one.parent is None else self._jobs[one.parent]
        rows = {id: row for row, id in enumerate(self._jobs)}
        jobs = sorted(found.values(), key=lambda job: (job.started, rows[job.id]))
        asked = tuple(self._asked_job(job, upstreams) for job in jobs)
        values = {argument.value for job in asked for argument in job.arguments}
        kept = {value: self._values[value].record.files for value in values if value in self._values}
        return AskedJobs(asked, {value: files for value, files in kept.items() if files})

    def _asked_job(self, job: Job, upstreams: bool) -> AskedJob:
        key = self._keys.get(job.eval_hash) if job.eval_hash is not None else None
        call = self._calls.get(job.call_hash) if job.call_hash is not None else None
        return AskedJob(
            id=job.id,
            execution=job.execution,
            parent=job.parent,
            fullname=self._tasks[job.task_hash].fullname,
            task_hash=job.task_hash,
            eval_hash=job.eval_hash,
            call_hash=job.call_hash,
            result=None if call is None else call.result,
            outcome=job.outcome,
            reason=job.reason,
            started=job.started,
            seconds=0.0 if job.ended is None else job.ended - job.started,
            arguments=() if key is None else key.arguments,
            upstreams=() if call is None or not upstreams else call.upstreams,
        )
