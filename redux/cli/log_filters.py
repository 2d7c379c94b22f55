"""The filters of `redux log`: which go with which list, and what they ask the database for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from redux.cli import lookup
from redux.cli.given_values import read_given, values_meant
from redux.cli.moments import tell_span
from redux.errors import UsageError
from redux_backends.answers import GivenFilter, JobFilter, TagFilter
from redux_backends.backend import Backend
from redux_backends.listing import CallFilter, ExecutionFilter
from redux_backends.records import ExecutionId, JobStatus, Seconds


class Kind(StrEnum):
    """What is listed."""

    EXECUTIONS = "executions"
    JOBS = "jobs"
    CALLS = "calls"
    TASKS = "tasks"
    VALUES = "values"
    FILES = "files"
    TAGS = "tags"


_K = Kind
_APPLIES: Mapping[str, tuple[tuple[Kind, ...], str]] = {
    "--status": ((_K.EXECUTIONS, _K.JOBS), "have a status"),
    "--since": ((_K.EXECUTIONS, _K.JOBS, _K.CALLS), "have a moment"),
    "--until": ((_K.EXECUTIONS, _K.JOBS, _K.CALLS), "have a moment"),
    "--task": ((_K.JOBS, _K.CALLS, _K.TASKS), "are of a task"),
    "--execution": ((_K.JOBS, _K.CALLS), "are of an execution"),
    "--arg": ((_K.JOBS, _K.CALLS), "were given arguments"),
    "--result": ((_K.JOBS, _K.CALLS), "gave a result"),
    "--file": ((_K.JOBS, _K.CALLS, _K.VALUES, _K.FILES), "have to do with files"),
    "--tag": (tuple(kind for kind in _K if kind is not _K.FILES), "have tags"),
}
_OF_JOBS = ("--task", "--status", "--execution", "--arg", "--result", "--file")
"""Filters that ask for jobs where nothing says what is to be listed."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as it was written, but for `since` and `until` in seconds."""

    task: str | None = None
    status: JobStatus | None = None
    since: Seconds | None = None
    until: Seconds | None = None
    tags: tuple[TagFilter, ...] = ()
    args: tuple[str, ...] = ()
    result: str | None = None
    files: tuple[str, ...] = ()
    execution: ExecutionId | None = None

    @property
    def given(self) -> Sequence[str]:
        """The options that were given."""
        said = {
            "--status": self.status is not None,
            "--since": self.since is not None,
            "--until": self.until is not None,
            "--task": self.task is not None,
            "--execution": self.execution is not None,
            "--arg": self.args,
            "--result": self.result is not None,
            "--file": self.files,
            "--tag": self.tags,
        }
        return [option for option, there in said.items() if there]

    @property
    def kind(self) -> Kind:
        """What they ask for where nothing says what is to be listed."""
        return _K.JOBS if any(option in _OF_JOBS for option in self.given) else _K.EXECUTIONS

    def check(self, kind: Kind) -> None:
        """Refuse filters that this list cannot have. Raises UsageError."""
        for option in self.given:
            kinds, why = _APPLIES[option]
            if kind not in kinds:
                listed = ", ".join(kinds[:-1]) + f" and {kinds[-1]}"
                raise UsageError(f"{option} does not go with a list of {kind}: only {listed} {why}")

    @property
    def span(self) -> str:
        """The span of time in words."""
        return tell_span(self.since, self.until)

    # -- what is asked -----------------------------------------------------------------------------

    def executions(self) -> ExecutionFilter:
        """Which executions."""
        return ExecutionFilter(self.status, self.since, self.until, self.tags)

    def jobs(self, backend: Backend) -> JobFilter:
        """Which jobs. Raises UnknownId, UsageError."""
        calls = self.calls(backend)
        return JobFilter(
            calls.execution,
            task=calls.task,
            status=self.status,
            tags=self.tags,
            given=calls.given,
            results=calls.results,
            files=calls.files,
            since=self.since,
            until=self.until,
        )

    def calls(self, backend: Backend) -> CallFilter:
        """Which calls. Raises UnknownId, UsageError."""
        given: tuple[GivenFilter, ...] = tuple(read_given(backend, each) for each in self.args)
        return CallFilter(
            execution=self.execution,
            task=None if self.task is None else lookup.task_named(backend, self.task),
            given=given,
            results=None if self.result is None else values_meant(backend, "--result", self.result),
            files=self.patterns(),
            since=self.since,
            until=self.until,
            tags=self.tags,
        )

    def patterns(self) -> tuple[str, ...]:
        """The paths of files as they may have been recorded."""
        found: list[str] = []
        for path in self.files:
            local = "://" not in path
            spelled = [path, os.path.normpath(path), os.path.abspath(path), os.path.relpath(path)] if local else [path]
            found += [word + one for one in dict.fromkeys(spelled) for word in ("", "folder ", "glob ")]
        return tuple(dict.fromkeys(found))

    def names(self) -> tuple[str, ...]:
        """The patterns of names of tasks: of a name by itself also with any namespace before it."""
        return () if self.task is None else (self.task, f"*.{self.task}")

    def within(self, execution: ExecutionId | None, task: str | None) -> Filters:
        """These filters for what is in an execution, or of a task."""
        return replace(self, execution=execution or self.execution, task=task or self.task)
