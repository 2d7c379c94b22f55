"""Expressions as values: evaluated when somebody says so, or never."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from redux.expression import Quoted, quote
from redux.rules import Steps, rule

__all__ = ["Quoted", "delay", "force", "quote"]

T = TypeVar("T")


def delay(expr: T) -> Quoted[T]:
    """The same as `quote`: hold an expression back until `force`."""
    return Quoted(expr)


@overload
def force(delayed: Quoted[T]) -> T: ...
@overload
def force(delayed: T) -> T: ...
@rule("redux.force")
def force(delayed: Any) -> Steps[Any]:
    """The value of the expression that was held back."""
    held = yield delayed
    return held.eval() if isinstance(held, Quoted) else held
