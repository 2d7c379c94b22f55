"""Who answers when an expression is awaited: the running async task whose coroutine does it."""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol


class Asker(Protocol):
    """A running async task, which may ask for values."""

    def ask(self, expression: object) -> Coroutine[Any, Any, object]:
        """The value of an expression, evaluated as a child of the job. Raises its error where it failed."""
        ...


CURRENT_ASKER: ContextVar[Asker | None] = ContextVar("redux_asker", default=None)
"""The async task that runs here, in its coroutine and in the asyncio tasks that it starts."""
