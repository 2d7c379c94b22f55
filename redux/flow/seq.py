"""`seq`: one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from redux.rules import Settle, Steps, rule

T = TypeVar("T")


@rule("redux.seq")
def seq(exprs: Sequence[T]) -> Steps[list[T]]:
    """The values of `exprs` in order, each evaluated when the one before it has its value.

    Errors: the first that is raised; what comes after it does not run.
    """
    values: list[T] = []
    for expr in exprs:
        (settled,) = yield Settle(expr)
        values.append(cast(T, settled.get()))
    return values
