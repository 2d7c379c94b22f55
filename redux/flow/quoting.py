"""Expressions as values: evaluated when somebody says so, or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from redux.expression import Quoted, quote
from redux.rules import Steps, rule
from redux.tasks.partial import PartialTask

__all__ = ["Quoted", "delay", "force", "quote"]

T = TypeVar("T")


def delay(x: T) -> Quoted[T]:
    """The same as `quote`: hold an expression back until `force`."""
    return Quoted(x)


@overload
def force(x: Quoted[T]) -> T: ...
@overload
def force(x: Callable[[], T]) -> T: ...
@overload
def force(x: T) -> T: ...
@rule("redux.force")
def force(x: Any) -> Steps[Any]:
    """The value of the expression that `delay` or `quote` held back, or of a call of a task without arguments."""
    held = yield x
    if isinstance(held, PartialTask) or hasattr(held, "__redux_task__"):
        return held()
    return held.eval() if isinstance(held, Quoted) else held
