"""What differs inside two values, as data: at which path, and what stood there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to a piece of code, or to a part of a value."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a value that is not what it was, at a `path` inside: `.lr`, `[3].name`, `["b"]`; empty: the whole.

    `before` and `now` show it in a few words; None where there was, or is, none. `note` says what these do not show,
    and `diff` is the unified diff of a text, from its first differing line on.
    """

    path: str
    change: ChangeKind
    before: str | None = None
    now: str | None = None
    note: str = ""
    diff: str = ""

    @property
    def words(self) -> str:
        """The difference in a line without its path, as in `0.01 → 0.02`."""
        if self.note:
            return self.note
        if self.change is ChangeKind.ADDED:
            return f"added {self.now}"
        if self.change is ChangeKind.REMOVED:
            return f"removed {self.before}"
        return f"{self.before} → {self.now}"


@dataclass(frozen=True, slots=True)
class Inside:
    """What differs inside two values: the first `differences`, and how many `more` there are.

    `unseen` says why they are not all that may differ, such as `too large to compare`; empty where they are.
    """

    differences: tuple[Difference, ...] = ()
    more: int = 0
    unseen: str = ""

    def __bool__(self) -> bool:
        return bool(self.differences or self.unseen)


ALIKE = Inside()
"""Nothing differs, or nobody looked."""
