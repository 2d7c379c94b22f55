"""What is found in the surroundings: how it stands, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fine", "note", "trouble"]


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at: `what` it is, how it stands, and what to do (empty where nothing)."""

    level: Level
    what: str
    state: str
    todo: str = ""


def fine(what: str, state: str) -> Sign:
    """All is well."""
    return Sign("fine", what, state)


def note(what: str, state: str, todo: str) -> Sign:
    """It works, but may not be what was meant."""
    return Sign("note", what, state, todo)


def trouble(what: str, state: str, todo: str) -> Sign:
    """It does not work, or will not for long."""
    return Sign("trouble", what, state, todo)
