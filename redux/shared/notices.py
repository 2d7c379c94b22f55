"""What people are told of a shared cache while a run goes on: each thing once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

TROUBLE = "trouble"
"""The kind of what keeps the store from being used."""
PASSED_OVER = "passed over"
"""The kind of what concerns one object there."""
UNWRITABLE = "unwritable"


class SharedNotice(UserWarning):
    """Something is the matter with the shared cache; the run goes on without what it concerns."""


def warn(words: str) -> None:
    """Warn of something as a `SharedNotice`."""
    warnings.warn(SharedNotice(words), stacklevel=3)


class Notices:
    """Tells each kind of thing once, by `say`. Safe from any thread.

    Whatever `say` raises, as warnings do where they count as errors, goes to stderr: nothing here costs a run its
    result.
    """

    def __init__(self, say: Callable[[str], None] = warn) -> None:
        self._say = say
        self._told: set[str] = set()
        self._lock = Lock()

    def trouble(self, words: str) -> None:
        """Tell that the store cannot be used, the first time: of one that is in trouble, that is enough."""
        self.tell(TROUBLE, words)

    def has_told(self, kind: str) -> bool:
        """Whether something of this kind was told."""
        return kind in self._told

    def tell(self, kind: str, words: str, *unless: str) -> None:
        """Tell something, `unless` something of this kind, or of one of those, was told already."""
        with self._lock:
            if not self._told.isdisjoint((kind, *unless)):
                return
            self._told.add(kind)
        try:
            self._say(words)
        except Exception as error:
            why = "" if isinstance(error, Warning) else f" (told here, for: {error!r})"
            with suppress(Exception):  # stderr may be closed
                sys.stderr.write(f"redux: {words}{why}\n")
