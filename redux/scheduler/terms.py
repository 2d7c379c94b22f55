"""What is asked of a scheduler, under which terms it works, and what it gives another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from redux.repo import Address
from redux.scheduler.jobs import Scope
from redux.scheduler.report import Report
from redux.scheduler.task_book import TaskBook
from redux.scheduler.wholes import as_part
from redux.settings.layers import Entrypoint
from redux.tags import Tags
from redux.tasks.options import NO_OPTIONS
from redux_backends.records import Execution, ExecutionId, JobId, JobStatus
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be run, and what is to be known of it."""

    expression: object
    context: Mapping[str, object]
    execution: Execution
    tags: Tags = ()
    parent: JobId | None = None
    """the job below which its jobs are recorded"""
    joins: bool = False
    """whether the execution is another scheduler's, who says how it stands"""
    exported: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """options that all jobs inherit"""
    book: TaskBook | None = None
    before: JobStatus | None = None
    """how the execution stood before, where it is continued"""

    @property
    def begins(self) -> bool:
        """Whether the execution begins with this."""
        return not self.joins and self.before is None


@dataclass(frozen=True, slots=True)
class Joined:
    """How the evaluation below a job of another scheduler went, with the calls that it made first hand.

    A call is what `Grafted` says of one.
    """

    report: Report
    calls: tuple[tuple[Digest | None, Digest | None, int], ...]

    @classmethod
    def with_calls_of(cls, report: Report, scope: Scope) -> Joined:
        """The calls in a scope, as another scheduler is to have them."""
        own = [(child.call_hash, child.task_set, int(as_part(child))) for child in scope.children]
        return cls(report, (*own, *((graft.call_hash, graft.task_set, int(graft.whole)) for graft in scope.grafts)))


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what a scheduler works, as plain values: what a sub-scheduler, maybe of another process, takes over."""

    token: str
    address: Address | None
    folder: str
    executor: str
    workers: int | None
    use_cache: bool
    keep_going: bool
    limits: tuple[tuple[str, int], ...]
    federated_tasks: tuple[Entrypoint, ...] = ()
    inside: tuple[str, ...] = ()
    """the executors (no aliases) that wait for it: jobs for them run on threads of its own, so none waits for itself"""
    root: ExecutionId | None = None
    """the execution that it works for, which has lines of handles for all below it; None for none but its own"""
