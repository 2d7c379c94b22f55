"""What the reading commands show, as data: one page for each kind of thing that can be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from redux.cli.render import TaskRow
from redux.explain import Cause, CauseGroup
from redux_backends.backend import JobView
from redux_backends.records import Argument, CallNode, Execution, TaskRecord, ValueRecord
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class ExecutionLine:
    """An execution in the list of executions."""

    execution: Execution
    tasks: tuple[TaskRow, ...]


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """An execution: its tasks, why jobs ran, and its first jobs. `more` says that there are further ones."""

    execution: Execution
    tasks: tuple[TaskRow, ...]
    causes: tuple[CauseGroup, ...]
    jobs: tuple[JobView, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class JobPage:
    """A job: why it ran, who called it (root first), what it called, and the job that ran where this one did not."""

    job: JobView
    execution: Execution | None
    cause: Cause | None
    callers: tuple[JobView, ...]
    children: tuple[JobView, ...]
    ran: JobView | None
    error: str | None
    """the traceback it ended with"""


@dataclass(frozen=True, slots=True)
class CallPage:
    """A finished call, wherever it was made: its arguments with previews, its result, what it called."""

    call: CallNode
    fullname: str
    task_hash: Digest
    arguments: tuple[tuple[Argument, str], ...]
    result: ValueRecord | None
    children: tuple[tuple[Digest, str], ...]
    jobs: tuple[JobView, ...]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A task under one hash with its code; its other versions, and its newest jobs."""

    task: TaskRecord
    versions: tuple[Digest, ...]
    jobs: tuple[JobView, ...]


class Source(StrEnum):
    """Where a value came from."""

    CALL = "call"
    """a call's result"""
    CODE = "code"
    """written in the code of the calling task"""
    GIVEN = "given"
    """an argument of the whole execution"""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the job that made it with its own inputs, or the task whose code has it."""

    name: str
    value: Digest
    preview: str
    source: Source
    maker: JobView | None = None
    inputs: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class ValuePage:
    """A value: the call that made it with its inputs, the code, who called that, and who used the value."""

    value: ValueRecord
    origin: Origin
    task: TaskRecord | None
    execution: Execution | None
    callers: tuple[JobView, ...]
    users: tuple[JobView, ...]


class Agreement(StrEnum):
    """Whether a file is what was recorded."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FilePage:
    """A file by its path: the newest record of it, or the one whose content it has now; `versions` counts them."""

    path: str
    content: Digest | None
    agreement: Agreement
    versions: int
    page: ValuePage
