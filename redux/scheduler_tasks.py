"""`@scheduler_task`: evaluation rules of the user's own, under full names like those of tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from redux.namespace import compute_namespace
from redux.rules import Steps, rule

P = ParamSpec("P")
R = TypeVar("R")


class Registered(Protocol):
    """What `scheduler_task` gives: a decorator of generators and of plain functions."""

    @overload
    def __call__(self, steps: Callable[P, Steps[R]], /) -> SchedulerTask[P, R]: ...
    @overload
    def __call__(self, steps: Callable[P, R], /) -> SchedulerTask[P, R]: ...


class SchedulerTask(Generic[P, R]):
    """What `@scheduler_task` makes of a generator or function: calling it gives a lazy expression, typed as its result.

    `func` is the generator or function itself, `name`, `namespace` and `fullname` what it is registered under. redun's
    class of that name is a `Task`; this one is none, since it makes no job: see `redux.rules`.
    """

    def __init__(self, func: Callable[P, Steps[R]] | Callable[P, R], name: str, namespace: str) -> None:
        update_wrapper(self, func)
        self.func: Callable[..., Any] = func
        self.name = name
        self.namespace = namespace
        self.fullname = f"{namespace}.{name}" if namespace else name
        self.signature = inspect.signature(func)
        self._use = cast("Callable[P, R]", rule(self.fullname)(func))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The lazy use of the rule. Raises TypeError for arguments that don't fit its signature."""
        return self._use(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<scheduler task {self.fullname}>"

    def __reduce__(self) -> str:
        return self.func.__qualname__


@overload
def scheduler_task(func: Callable[P, Steps[R]], /) -> SchedulerTask[P, R]: ...


@overload
def scheduler_task(func: Callable[P, R], /) -> SchedulerTask[P, R]: ...


@overload
def scheduler_task(*, name: str | None = None, namespace: str | None = None) -> Registered: ...


def scheduler_task(
    func: Callable[..., Any] | None = None, /, *, name: str | None = None, namespace: str | None = None
) -> Any:
    """Make an evaluation rule out of `func`, a generator or function, under a full name like a task's.

    See `redux.rules`. It is given its arguments unevaluated, yields what it wants evaluated, and makes no job or call
    of its own; so it is evaluated anew in every execution. `name` and `namespace` are as for `@task`. Raises TaskError
    for what cannot be a namespace, RuleExists where another place has the name.
    """

    def register(steps: Callable[..., Any]) -> SchedulerTask[..., Any]:
        return SchedulerTask(steps, name or steps.__name__, compute_namespace(steps, namespace))

    return register if func is None else register(func)
