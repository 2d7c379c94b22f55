"""What the reading commands show, as data: one page for each kind of thing that can be asked about."""

from __future__ import annotations

from dataclasses import dataclass

from redux.cli.made_elsewhere import Elsewhere
from redux.cli.said import NOTHING_SAID, Said
from redux.explain import Cause, CauseGroup
from redux.lineage.graph import Lineage
from redux.lineage.recorded_files import Agreement
from redux.words.jobs import TaskRow
from redux_backends.backend import JobView
from redux_backends.records import Argument, CallNode, Execution, TaskRecord, ValueRecord
from redux_valuestore.digest import Digest

SCRIPT_TASK = "redux.script"
"""Its results have the log of what ran."""

TagPairs = tuple[tuple[str, object], ...]
"""Tags as keys and values."""


@dataclass(frozen=True, slots=True)
class Within:
    """A context in which something was called: a value, and what shows it."""

    context: Digest
    preview: str


@dataclass(frozen=True, slots=True)
class ExecutionLine:
    """An execution in the list of executions."""

    execution: Execution
    tasks: tuple[TaskRow, ...]
    tags: TagPairs = ()


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """An execution: its tasks, why jobs ran, and its first jobs. `more` says that there are further ones."""

    execution: Execution
    tasks: tuple[TaskRow, ...]
    causes: tuple[CauseGroup, ...]
    jobs: tuple[JobView, ...]
    more: bool
    tags: TagPairs = ()
    within: tuple[Within, ...] = ()
    said: Said = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class Behind:
    """The calls that an argument was made from, each with the name of its task."""

    argument: str
    calls: tuple[tuple[Digest, str], ...]


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
    behind: tuple[Behind, ...]
    """the calls that its arguments were made from, when its call was first made"""
    tags: TagPairs = ()
    """its own, then its task's"""
    log: str | None = None
    """what the script said while it ran, where the job was one"""
    within: tuple[Within, ...] = ()
    said: Said = NOTHING_SAID
    elsewhere: Elsewhere | None = None
    """who made the call that it reused, where that came from a shared cache"""


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
    behind: tuple[Behind, ...]
    tags: TagPairs = ()
    """its own, then its result's"""
    within: tuple[Within, ...] = ()
    """as its own tags say, and those of its jobs"""
    said: Said = NOTHING_SAID
    elsewhere: Elsewhere | None = None
    """who made it, where it came from a shared cache"""


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A task under one hash with its code; its other versions, and its newest jobs."""

    task: TaskRecord
    versions: tuple[Digest, ...]
    jobs: tuple[JobView, ...]
    tags: TagPairs = ()
    said: Said = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class ValuePage:
    """A value: the job that made it, the code, who called that, who used the value, and what it all came from."""

    value: ValueRecord
    maker: JobView | None
    """of the innermost call: those around it only handed the value on"""
    handed_on: tuple[str, ...]
    """the tasks that did, outermost first"""
    task: TaskRecord | None
    execution: Execution | None
    callers: tuple[JobView, ...]
    users: tuple[JobView, ...]
    tags: TagPairs = ()
    upstream: Lineage | None = None
    """some steps back; None where no call gave it or was given it"""


@dataclass(frozen=True, slots=True)
class FilePage:
    """A file by its path: the newest record of it, or the one whose content it has now; `versions` counts them."""

    path: str
    content: Digest | None
    agreement: Agreement
    versions: int
    page: ValuePage
