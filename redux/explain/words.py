"""Names in a row of words."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str]) -> str:
    """The first few of some names, and how many there are besides."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) <= 3:
        return ", ".join(names[:-1]) + f" and {names[-1]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def named_classes(names: Sequence[str]) -> str:
    """The first few of some classes, with the word for them before."""
    return f"{'class' if len(names) == 1 else 'classes'} {some(names)}"
