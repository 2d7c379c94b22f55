"""The records that a lineage is made of, each read once, many by one statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from redux_backends.backend import Backend
from redux_backends.exchange import CallRecord, RecordId, RecordKind, Records, in_groups
from redux_backends.records import (
    EvaluationKey,
    Execution,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    TaskRecord,
    ValueRecord,
)
from redux_valuestore.digest import Digest

_K = RecordKind
_Id = TypeVar("_Id", bound=bytes)


class Reader:
    """The records that were read so far, by their ids; what is not there is left out."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.calls: dict[Digest, CallRecord] = {}
        self.keys: dict[Digest, EvaluationKey] = {}
        self.jobs: dict[JobId, Job] = {}
        self.behind: dict[Digest, JobId] = {}
        """the job that stands for a call"""
        self.values: dict[Digest, ValueRecord] = {}
        self.tasks: dict[Digest, TaskRecord] = {}
        self.executions: dict[ExecutionId, Execution] = {}

    def read_calls(self, calls: Iterable[Digest]) -> None:
        """Read finished calls, and what they were asked with."""
        records = self._read(_K.CALL, set(calls) - self.calls.keys())
        for each in records:
            self.calls |= {record.call.call_hash: record for record in each.calls}
            self.read_keys(record.call.eval_hash for record in each.calls)

    def read_keys(self, evals: Iterable[Digest]) -> None:
        """Read what calls were asked with."""
        for each in self._read(_K.EVALUATION, set(evals) - self.keys.keys()):
            self.keys |= {key.eval_hash: key for key in each.keys}

    def read_jobs(self, jobs: Iterable[JobId]) -> None:
        """Read jobs, and their executions; one of an execution that is over does not run."""
        for each in self._read(_K.JOB, set(jobs) - self.jobs.keys()):
            self._keep_jobs(each.jobs)

    def _keep_jobs(self, jobs: Iterable[Job]) -> None:
        jobs = list(jobs)
        for each in self._read(_K.EXECUTION, {job.execution for job in jobs} - self.executions.keys()):
            self.executions |= {execution.id: execution for execution in each.executions}
        for job in jobs:
            execution = self.executions.get(job.execution)
            over = execution is not None and execution.status is not JobStatus.RUNNING
            died = over and job.status is JobStatus.RUNNING
            self.jobs[job.id] = replace(job, status=JobStatus.DIED) if died else job

    def read_jobs_of(self, execution: ExecutionId) -> list[Job]:
        """Read all jobs of an execution, in the order in which they started."""
        ids = self.backend.job_ids_of(execution)
        self.read_jobs(ids)
        return sorted((self.jobs[id] for id in ids if id in self.jobs), key=lambda job: (job.started, job.id))

    def read_behind(self, calls: Iterable[Digest]) -> None:
        """Read the jobs that stand for calls, where no other was said to, and those that called them."""
        asked = sorted(set(calls) - self.behind.keys())
        for group in in_groups(asked):
            self.behind |= self.backend.jobs_behind(group)
        self.read_jobs(self.behind[call] for call in calls if call in self.behind)
        self.read_parents(self.behind[call] for call in calls if call in self.behind)

    def read_parents(self, jobs: Iterable[JobId]) -> None:
        """Read the jobs that called jobs."""
        parents = (self.jobs[job].parent for job in jobs if job in self.jobs)
        self.read_jobs(parent for parent in parents if parent is not None)

    def read_values(self, values: Iterable[Digest]) -> None:
        """Read what is known of values, without their bytes."""
        for group in in_groups(sorted(set(values) - self.values.keys())):
            self.values |= self.backend.describe_values(group)

    def read_tasks(self, tasks: Iterable[Digest]) -> None:
        """Read tasks, with their code."""
        for each in self._read(_K.TASK, set(tasks) - self.tasks.keys()):
            self.tasks |= {task.hash: task for task in each.tasks}

    def _read(self, kind: RecordKind, ids: set[_Id]) -> Iterable[Records]:
        for group in in_groups(sorted(ids)):
            yield self.backend.get_records([RecordId(kind, id) for id in group])
