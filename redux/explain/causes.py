"""What a cause is, and which jobs it made run."""

from __future__ import annotations

from dataclasses import dataclass

from redux.explain.comparing import ArgumentChange, PieceChange
from redux_backends.records import ExecutionId, JobId, MissKind, Seconds


@dataclass(frozen=True, slots=True)
class Cause:
    """Why jobs missed: the kind, one sentence, and what changed."""

    kind: MissKind
    words: str
    code: tuple[PieceChange, ...] = ()
    arguments: tuple[ArgumentChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Via:
    """A job on the way from a root cause, and the full name of its task."""

    job: JobId
    fullname: str


@dataclass(frozen=True, slots=True)
class Affected:
    """The jobs of one task that missed for a cause; `path` leads from the cause to the `example`, both included."""

    fullname: str
    count: int
    seconds: Seconds
    example: JobId
    path: tuple[Via, ...] = ()


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """A root cause and the tasks it made run, most time first.

    `count` is how many jobs ran for it, `seconds` their time in all. A job with several causes counts for each.
    """

    cause: Cause
    affected: tuple[Affected, ...]
    count: int
    seconds: Seconds

    @property
    def line(self) -> str:
        """The cause and the tasks it made run, in a line."""
        names = [f"{one.fullname} ×{one.count:,}" if one.count > 1 else one.fullname for one in self.affected]
        more = f" and {len(names) - 4} more tasks" if len(names) > 5 else ""
        return f"{self.cause.words}: {', '.join(names[:4] if more else names)}{more}"


@dataclass(frozen=True, slots=True)
class Compared:
    """The earlier job that one is compared with, its execution, and the moment it started.

    So many of its arguments are `equal`, `of` how many. `same_place` says that it was called at the same place.
    """

    job: JobId
    execution: ExecutionId
    started: Seconds
    equal: int
    of: int
    same_place: bool


@dataclass(frozen=True, slots=True)
class RootOfJob:
    """A root cause of one job, and the jobs on the way from the one in which it is, that one and the job included."""

    cause: Cause
    path: tuple[Via, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a job ran: what differs from the call it is `compared` with, and why that differs.

    `disagrees` tells that its evaluation gave two results which nothing that they hold explains.
    """

    cause: Cause
    compared: Compared | None
    roots: tuple[RootOfJob, ...]
    disagrees: bool = False
