"""What a report says of an execution, as data: bounded in size, whatever the size of the execution."""

from __future__ import annotations

from dataclasses import dataclass

from redux.explain import CauseGroup
from redux.exports.picture import Picture
from redux.words.jobs import TaskRow
from redux_backends.backend import AcceptedJobs, JobView
from redux_backends.records import CodePiece, Execution, ExecutionId, JobId, JobStatus, Seconds
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


@frozen
class Stretch:
    """A part of an execution's time, from `begin` to `end`, in seconds since the execution began."""

    begin: Seconds
    end: Seconds

    @property
    def seconds(self) -> Seconds:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class PathJob:
    """A job on the critical path: for how many `seconds` all waited for it, and when."""

    job: JobId
    fullname: str
    call: str
    status: JobStatus
    seconds: Seconds
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class PathTask:
    """A task's part of the critical path: how many of its jobs are on it, and for how long."""

    fullname: str
    jobs: int
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The jobs that decided when the execution ended: each waited for the one before.

    `seconds` is how long they took one after the other; besides, all `waited` so long for a worker, or for what no
    argument tells. `tasks` are the longest, longest first, of `all_tasks`; `jobs` the longest, in order, of `all_jobs`.
    """

    seconds: Seconds
    waited: Seconds
    tasks: tuple[PathTask, ...]
    jobs: tuple[PathJob, ...]
    all_tasks: int
    all_jobs: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the timeline: when its jobs were at work, and when they were on the critical path.

    A job that waits for calls that it made is not at work. `label` is a task, or the call of a single job. `bins` is
    how many jobs were at work, on average in each of equal parts of the time; a single job has `stretches` instead.
    """

    label: str
    jobs: int
    seconds: Seconds
    bins: tuple[float, ...]
    stretches: tuple[Stretch, ...]
    critical: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """An execution's `seconds` as lanes of tasks, or of jobs where these are few (`of_jobs`).

    `more` tasks have none.
    """

    seconds: Seconds
    lanes: tuple[Lane, ...]
    of_jobs: bool
    more: int = 0


@dataclass(frozen=True, slots=True)
class CallGroup:
    """All jobs of a task that were called along the same way of tasks, with those that they called.

    `again` says that the task called itself on that way: such jobs are counted here. `seconds` is what they did by
    themselves, `examples` are some of their ids, those that failed first. `more` groups below are left out.
    """

    fullname: str
    ran: int
    cached: int
    failed: int
    unfinished: int
    seconds: Seconds
    examples: tuple[JobId, ...]
    again: bool
    calls: tuple[CallGroup, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed by itself: its call, what it raised in a line, and the traceback where it could be read."""

    job: JobId
    call: str
    error: str
    traceback: str | None


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """The code that gave the results of so many of a task's `jobs`: its hash, and the pieces that it covers."""

    fullname: str
    task_hash: Digest
    version: str | None
    pieces: tuple[CodePiece, ...]
    jobs: int


@dataclass(frozen=True, slots=True)
class Dataflow:
    """What a chosen output, under its `name`, came from: a picture, and how much it stands for."""

    name: str
    picture: Picture
    calls: int
    files: int
    executions: int


@dataclass(frozen=True, slots=True)
class Context:
    """A context in which the execution was made: a value, and what shows it."""

    context: Digest
    preview: str


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """All that a report says. `written` is the moment it was made, `until` that to which times are counted.

    `jobs` is how many there are, `looked_at` how many of them timeline, path, calls and code are made of.
    """

    execution: Execution
    written: Seconds
    until: Seconds
    tasks: tuple[TaskRow, ...]
    jobs: int
    looked_at: int
    places: tuple[tuple[str, int], ...]
    """executors, and how many jobs ran there"""
    tags: tuple[tuple[str, object], ...]
    contexts: tuple[Context, ...]
    timeline: Timeline
    path: CriticalPath
    calls: tuple[CallGroup, ...]
    failures: tuple[FailedJob, ...]
    all_failures: int
    causes: tuple[CauseGroup, ...]
    code: tuple[CodeUsed, ...]
    outputs: tuple[Dataflow, ...]
    result: JobView | None
    """the job of the execution's own expression"""
    accepted: tuple[AcceptedJobs, ...] = ()
    """the jobs that took results of older code"""

    @property
    def id(self) -> ExecutionId:
        """The execution's id."""
        return self.execution.id

    @property
    def seconds(self) -> Seconds:
        """How long it took, or has been running."""
        return max(self.until - self.execution.started, 0.0)
