"""`no_prov`: a sub-workflow that leaves no trace."""

from __future__ import annotations

from typing import TypeVar, cast

from redux.expression import TaskCall
from redux.rules import rule

T = TypeVar("T")


@rule("redux.no_prov")
def no_prov(expr: T) -> T:
    """The value of a call, without a record of it or of anything below it: no job, no call, nothing to be reused.

    What called it is recorded as ever, with the tasks that ran below it, and can be asked shallowly. Raises TypeError
    for something else than a call of a task.
    """
    if not isinstance(expr, TaskCall):
        raise TypeError(f"no_prov takes a call of a task, not {expr!r:.80}")
    return cast(T, TaskCall(expr._fullname, expr._args, expr._kwargs, {**expr._options, "prov": False}))
