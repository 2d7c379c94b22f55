"""How many calls of one task are claimed at a time: as many as are at work, and what comes next in no time."""

from __future__ import annotations

import sys
import time
from collections import deque

from redux.scheduler.jobs import Job
from redux_backends.records import Reason, Seconds

MOST = 1000
AHEAD: Seconds = 0.1
"""How much work is claimed beyond what workers are at: it keeps others waiting who could begin with it."""
Waiting = tuple[Job, Reason, int]
"""A call that is to be claimed, why it runs, and how often others had ended claims when the cache was asked for it."""


class Turnstile:
    """Lets in claimed calls of one task as others leave.

    `workers` is how many run at once; None where nobody knows, so that all are let in. There are never less inside, if
    there are any; more where calls take little time, and then they come in by halves, since each time costs a question.
    """

    __slots__ = ("_least", "_left", "_since", "_size", "inside", "waiting")

    def __init__(self, workers: int | None) -> None:
        self._least = self._size = sys.maxsize if workers is None else workers
        self._since: Seconds = 0.0
        self._left = 0
        self.inside = 0
        self.waiting: deque[Waiting] = deque()

    @property
    def room(self) -> int:
        """How many may come in now."""
        return self._size - self.inside if self._size == self._least or self.inside <= self._size // 2 else 0

    def opened(self, now: Seconds | None = None) -> None:
        """Some come in: how fast others left says how many there may be."""
        now = time.monotonic() if now is None else now
        if not self._since:
            self._since = now
        elif self._left >= self._least:
            wanted = round(AHEAD * self._left / max(now - self._since, 1e-6))
            self._size = max(self._least, min(wanted, 4 * self._size, MOST))
            self._left, self._since = 0, now

    def enter(self) -> None:
        """One is inside."""
        self.inside += 1

    def leave(self) -> None:
        """One has left."""
        self.inside -= 1
        self._left += 1
