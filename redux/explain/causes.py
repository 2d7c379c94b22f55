"""What a cause is, which jobs it made run, and causes that are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redux.explain.comparing import ArgumentChange, PieceChange
from redux.explain.words import some
from redux.files.facts import is_one_file, shown_text
from redux.reason_words import SHOWN_DIGITS, WORDS_OF_SEVERAL
from redux_backends.backend import MissGroup
from redux_backends.records import JobId, MissKind, Seconds


@dataclass(frozen=True, slots=True)
class Cause:
    """Why jobs missed: the kind, one sentence, and what changed."""

    kind: MissKind
    words: str
    code: tuple[PieceChange, ...] = ()
    arguments: tuple[ArgumentChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Affected:
    """The jobs of one task that missed for a cause."""

    fullname: str
    count: int
    seconds: Seconds
    example: JobId


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """A cause and the tasks it made run, most time first."""

    cause: Cause
    affected: tuple[Affected, ...]

    @property
    def count(self) -> int:
        """How many jobs ran for it."""
        return sum(one.count for one in self.affected)

    @property
    def seconds(self) -> Seconds:
        """The time of those jobs in all."""
        return sum(one.seconds for one in self.affected)

    @property
    def line(self) -> str:
        """The cause and the tasks it made run, in a line."""
        names = [f"{one.fullname} ×{one.count:,}" if one.count > 1 else one.fullname for one in self.affected]
        more = f" and {len(names) - 4} more tasks" if len(names) > 5 else ""
        return f"{self.cause.words}: {', '.join(names[:4] if more else names)}{more}"


def join_causes(causes: Sequence[Cause], groups: Sequence[MissGroup]) -> CauseGroup:
    """One cause of equal ones; where they differ in the file or value concerned, the words name the first few."""
    affected: dict[str, Affected] = {}
    for group in groups:
        one = affected.get(group.fullname)
        affected[group.fullname] = Affected(
            group.fullname,
            group.count + (one.count if one else 0),
            group.seconds + (one.seconds if one else 0.0),
            one.example if one else group.example,
        )
    cause = causes[0]
    details = list(dict.fromkeys(group.reason.detail for group in groups))
    several = WORDS_OF_SEVERAL.get(cause.kind)
    if several is not None and len(details) > 1:
        shown = [detail[:SHOWN_DIGITS] for detail in details] if cause.kind is MissKind.VALUE_GONE else details
        shown = [*map(shown_text, shown)] if cause.kind is MissKind.FILE_CHANGED else shown
        were = "the files that were recorded" if all(map(is_one_file, details)) else "what was recorded"
        cause = Cause(cause.kind, several.format(details=some(shown), were=were))
    return CauseGroup(cause, tuple(affected.values()))
