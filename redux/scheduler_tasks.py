"""`@scheduler_task`: evaluation rules of the user's own, under full names like those of tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from redux.namespace import compute_namespace
from redux.rules import Steps, rule

P = ParamSpec("P")
R = TypeVar("R")


class SchedulerTask(Generic[P, R]):
    """What `@scheduler_task` makes of a generator: calling it gives a lazy expression, typed as its result.

    `func` is the generator itself, `name`, `namespace` and `fullname` what it is registered under. redun's class of
    that name is a `Task`; this one is none, since it makes no job: see `redux.rules`.
    """

    def __init__(self, func: Callable[P, Steps[R]], name: str, namespace: str) -> None:
        update_wrapper(self, func)
        self.func = func
        self.name = name
        self.namespace = namespace
        self.fullname = f"{namespace}.{name}" if namespace else name
        self.signature = inspect.signature(func)
        self._use = rule(self.fullname)(func)

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
def scheduler_task(
    *, name: str | None = None, namespace: str | None = None
) -> Callable[[Callable[P, Steps[R]]], SchedulerTask[P, R]]: ...


def scheduler_task(
    func: Callable[..., Any] | None = None, /, *, name: str | None = None, namespace: str | None = None
) -> Any:
    """Make an evaluation rule out of a generator, `func`, under a full name like a task's: see `redux.rules`.

    It is given its arguments unevaluated, yields what it wants evaluated, and makes no job or call of its own; so it is
    evaluated anew in every execution. `name` and `namespace` are as for `@task`. Raises TaskError for what cannot be a
    namespace.
    """

    def register(steps: Callable[P, Steps[R]]) -> SchedulerTask[P, R]:
        return SchedulerTask(steps, name or steps.__name__, compute_namespace(steps, namespace))

    return register if func is None else register(cast("Callable[..., Steps[Any]]", func))
