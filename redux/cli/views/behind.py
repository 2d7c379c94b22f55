"""The calls that arguments were made from, in words."""

from __future__ import annotations

from collections import Counter

from redux.cli.pages import Behind
from redux.words.jobs import short

_NAMED = 3
"""How many tasks behind an argument are named before the rest is counted."""


def behind_words(behind: Behind) -> str:
    """The tasks whose results an argument was made from: `clean ×4, load`."""
    counted = Counter(name for _, name in behind.calls)
    named = [f"{name} ×{count:,}" if count > 1 else name for name, count in counted.items()]
    more = f" and {len(named) - _NAMED} more tasks" if len(named) > _NAMED + 1 else ""
    return ", ".join(named[:_NAMED] if more else named) + more


def first_call(behind: Behind) -> str:
    """The first of the calls that an argument was made from, to go on from there."""
    return f", {'call' if len(behind.calls) == 1 else 'such as call'} {short(behind.calls[0][0])}"
