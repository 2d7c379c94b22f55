"""Lists of what was recorded, newest or by name, a page at a time; and what people see of many records at once.

Each question takes a number of statements that does not depend on how many rows it answers with. Where several values
or patterns are given, any of them fits; of several filters all hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redux_backends.answers import GivenFilter, JobView, TagFilter, TaskCounts
from redux_backends.records import Argument, Execution, ExecutionId, JobId, JobStatus, Seconds
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions: with this `status`, started at `since` or after and before `until`, with all `tags`."""

    status: JobStatus | None = None
    since: Seconds | None = None
    until: Seconds | None = None
    tags: tuple[TagFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which finished calls: of the `task` of this full name, `given` such arguments, recorded in a span of time.

    `results` are values, `files` patterns of paths of Files that an argument or the result holds; `execution` is one
    that had a job of the call.
    """

    execution: ExecutionId | None = None
    task: str | None = None
    given: tuple[GivenFilter, ...] = ()
    results: tuple[Digest, ...] | None = None
    files: tuple[str, ...] = ()
    since: Seconds | None = None
    until: Seconds | None = None
    tags: tuple[TagFilter, ...] = ()


@frozen
class CallView:
    """A finished call with what people see of it; `arguments` with previews, `recorded` is when it was first made."""

    call_hash: Digest
    fullname: str
    task_hash: Digest
    arguments: tuple[tuple[Argument, str], ...]
    result: Digest
    result_preview: str
    result_type: str
    duration: Seconds
    recorded: Seconds


@frozen
class TaskLine:
    """A task by its full name: how many `versions` of it are known, and the hash of the newest."""

    fullname: str
    versions: int
    newest: Digest


@frozen
class FileLine:
    """A path of Files, folders or patterns: how many `contents` were recorded, and the newest value that holds it."""

    path: str
    contents: int
    newest: Digest


@frozen
class TagLine:
    """How many records of a `kind` have a current tag of this `key` and `value`, canonical JSON."""

    key: str
    value: str
    kind: str
    count: int


class Listing(ABC):
    """What is asked to list records."""

    @abstractmethod
    def find_executions(self, wanted: ExecutionFilter, limit: int, offset: int = 0) -> Sequence[Execution]:
        """At most `limit` `wanted` executions, newest first, without the first `offset`; as `executions` gives them."""

    @abstractmethod
    def count_jobs_of(self, executions: Sequence[ExecutionId]) -> Mapping[ExecutionId, Sequence[TaskCounts]]:
        """The jobs of executions counted by task and status; those without jobs are left out."""

    @abstractmethod
    def callers_of_job(self, job: JobId, limit: int = 20) -> Sequence[JobView]:
        """The jobs that led to a job, at most the `limit` nearest, outermost first."""

    @abstractmethod
    def job_ids_of(self, execution: ExecutionId) -> Sequence[JobId]:
        """The ids of all jobs of an execution, in the order in which they started."""

    @abstractmethod
    def calls_of_task(self, fullname: str) -> Sequence[Digest]:
        """The finished calls that the jobs of a task came to, in the order of their hashes."""

    @abstractmethod
    def list_calls(self, wanted: CallFilter, limit: int, offset: int = 0) -> Sequence[CallView]:
        """At most `limit` `wanted` finished calls, without the first `offset`: newest evaluations first."""

    @abstractmethod
    def list_tasks(
        self, names: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[TaskLine]:
        """Tasks by name whose names fit one of the patterns `names`, with a version that has all `tags`.

        At most `limit`, without the first `offset`.
        """

    @abstractmethod
    def list_values(
        self, files: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[Digest]:
        """Values that hold a File whose path fits one of the patterns `files`, with all `tags`; newest first.

        At most `limit`, without the first `offset`.
        """

    @abstractmethod
    def list_files(self, patterns: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[FileLine]:
        """Files that values hold, by path, at most `limit` without the first `offset`; they fit one of `patterns`."""

    @abstractmethod
    def known_paths(self, paths: Sequence[str]) -> frozenset[str]:
        """Which of these are paths of Files, folders or patterns that values hold."""

    @abstractmethod
    def list_tags(self, keys: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[TagLine]:
        """Current tags counted by key, value and kind of record, in that order; of these `keys` if any are given.

        At most `limit`, without the first `offset`.
        """
