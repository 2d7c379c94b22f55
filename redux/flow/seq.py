"""`seq`: one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from redux.flow.given import as_elements
from redux.rules import Settle, Steps, rule
from redux.value import Lazy

T = TypeVar("T")


@rule("redux.seq")
def seq(exprs: Sequence[T]) -> Steps[list[T]]:
    """The values of `exprs` in order, each evaluated when the one before it has its value.

    Errors: the first that is raised; what comes after it does not run. TypeError for what is no list.
    """
    if isinstance(exprs, Lazy):
        raise TypeError(
            f"seq takes a list of expressions, not one of a list: {exprs!r:.60}; what is in that runs at once"
        )
    values: list[T] = []
    for expr in as_elements("seq", exprs, "a list of expressions"):
        (settled,) = yield Settle(expr)
        values.append(cast(T, settled.get()))
    return values
