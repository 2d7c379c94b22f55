"""How long a store is waited for: tries, pauses between them, deadlines; decided here, with a clock that tests turn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time and chance come from: monotonic seconds, a pause of so many, a number from 0 to 1."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try, in seconds; the defaults suit a bucket across a slow line."""

    tries: int = 6
    """The first one, and so many after it."""
    pause: float = 0.2
    """The longest pause before the second try; each later one may be twice as long."""
    longest_pause: float = 8.0
    deadline: float = 60.0
    """After so long no further try begins."""
    first_contact: float = 5.0
    """The same, and the wait for an answer too, until the store has answered once."""
    connect: float = 5.0
    answer: float = 20.0
    """How long one request may take, besides what its bytes take."""
    slowest: float = 50_000.0
    """Bytes a second, below which a transfer counts as one that stands still."""

    def before(self, attempt: int, chance: float) -> float:
        """The seconds to wait before a try, the first being 0: anything up to a bound that doubles (full jitter)."""
        bound: float = min(self.longest_pause, self.pause * 2 ** (attempt - 1))
        return bound * chance


@dataclass(frozen=True, slots=True)
class Allowed:
    """The seconds that one request may take."""

    answer: float
    slowest: float

    def seconds(self, size: int = 0) -> float:
        """With a body of so many bytes."""
        return self.answer + size / self.slowest
