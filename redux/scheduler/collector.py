"""Pauses of the garbage collector: while jobs are made by the thousand all live on, and walking them is waste."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_STRETCH_SECONDS = 1.0
"""How long at most garbage cycles, of tasks too, go unnoticed."""


class Collector:
    """Python's collector of garbage cycles, left alone where it was off to begin with."""

    def __init__(self) -> None:
        self._on = gc.isenabled()
        self._paused_at = 0.0

    @contextmanager
    def paused(self) -> Iterator[Collector]:
        """No collection, unless it is due."""
        self._pause()
        try:
            yield self
        finally:
            self._resume()

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """Collection as usual within a pause."""
        self._resume()
        try:
            yield
        finally:
            self._pause()

    def collect_when_due(self) -> None:
        """Collect what is young once a pause has lasted."""
        if self._on and time.monotonic() - self._paused_at > _STRETCH_SECONDS:
            gc.collect(0)
            self._paused_at = time.monotonic()

    def _pause(self) -> None:
        if self._on:
            gc.disable()
            self._paused_at = time.monotonic()

    def _resume(self) -> None:
        if self._on:
            gc.enable()
