"""How often threads take turns while something runs: a task that computes must not stall the loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_SWITCH_SECONDS = 0.0005
"""How long a busy thread keeps the interpreter from the others: a task that computes must not stall the loop."""

_switching = Lock()
_runs: list[float] = []
"""For every run under way in this process: the switch interval it found."""


@contextmanager
def quick_switching() -> Iterator[None]:
    """Within the block a busy thread gives way sooner."""
    with _switching:
        _runs.append(sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        with _switching:
            found = _runs[0]
            _runs.pop()
            if not _runs:
                sys.setswitchinterval(found)
