"""What differs between two executions, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from redux.explain import ArgumentChange, Inside, PieceChange
from redux.explain.differences import ALIKE
from redux_backends.backend import JobView
from redux_backends.records import Execution, JobStatus, Seconds


class Origin(StrEnum):
    """Why a result differs where nothing before it does."""

    ARGUMENTS = "arguments"
    FILES = "files"
    CODE = "code"
    NONDETERMINISTIC = "nondeterministic"
    UNSEEN = "unseen"


ORIGIN_WORDS = {
    Origin.NONDETERMINISTIC: "the same code and arguments, another result",
    Origin.CODE: "its code changed",
    Origin.ARGUMENTS: "it was given other arguments",
    Origin.FILES: "files that it was given changed",
    Origin.UNSEEN: "the same code and arguments; below it calls were taken whole, which are not compared",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Calls of one task whose results differ first, for one reason: how many, and one of them.

    `before` and `now` are the jobs of that one, `inside` is what differs in its result.
    """

    origin: Origin
    fullname: str
    count: int
    before: JobView
    now: JobView
    arguments: tuple[ArgumentChange, ...] = ()
    inside: Inside = ALIKE

    @property
    def words(self) -> str:
        """The reason in words."""
        return ORIGIN_WORDS[self.origin]


@dataclass(frozen=True, slots=True)
class CodeDiff:
    """A task whose code changed, with the `pieces` that did.

    `count` calls of it are in both executions, of which `differing` have another result.
    """

    fullname: str
    pieces: tuple[PieceChange, ...]
    count: int
    differing: int


@dataclass(frozen=True, slots=True)
class Only:
    """Calls of one task that only one execution made: how many, one of them, and how many jobs are below them all."""

    fullname: str
    count: int
    example: JobView
    below: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A call that took another time, itself and not one that it made: seconds in each execution."""

    before: JobView
    now: JobView
    was: Seconds
    took: Seconds


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Calls of one task that ended another way: how many, and one of them."""

    fullname: str
    was: JobStatus
    now: JobStatus
    count: int
    example: JobView


@dataclass(frozen=True, slots=True)
class Listed:
    """How many of what is listed are left out."""

    sources: int = 0
    code: int = 0
    only_before: int = 0
    only_now: int = 0
    durations: int = 0
    statuses: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionDiff:
    """What differs between two executions; each list is cut to a limit, and `more` says what is left out.

    `matched` calls are in both. Of them `differing` have another result, and `hidden` were taken whole by one of the
    two, so that what is below them is not compared; of `unknown` the result is not here. `same_values` is whether no
    value differs, of those that are.
    """

    before: Execution
    now: Execution
    same_values: bool
    matched: int
    differing: int
    hidden: int
    unknown: int
    sources: tuple[Source, ...]
    code: tuple[CodeDiff, ...]
    only_before: tuple[Only, ...]
    only_now: tuple[Only, ...]
    durations: tuple[Duration, ...]
    statuses: tuple[StatusChange, ...]
    more: Listed
