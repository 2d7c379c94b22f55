"""How long work tells how far it has come."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: nobody knows)."""


def say_nothing(what: str, done: int, of: int) -> None:
    """Nobody looks."""
