"""`seq`: one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redux.rules import Settle, Steps, rule


@rule("redux.seq")
def seq(exprs: Sequence[Any]) -> Steps[list[Any]]:
    """The values of `exprs` in order, each evaluated when the one before it has its value.

    Errors: the first that is raised; what comes after it does not run.
    """
    values: list[Any] = []
    for expr in exprs:
        (settled,) = yield Settle(expr)
        values.append(settled.get())
    return values
