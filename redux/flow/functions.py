"""Plain functions on values that are not there yet, and functions put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redux.flow.given import as_function
from redux.rules import Steps, rule

T = TypeVar("T")


@rule("redux.apply_func")
def apply_func(func: Callable[..., T], *args: Any, **kwargs: Any) -> Steps[T]:
    """`func(*args, **kwargs)` once the arguments are there, for a small function that is no task and is not recorded.

    It runs in the scheduler's own thread, again in every execution. Errors: what `func` raises.
    """
    values, named = yield args, kwargs
    as_function("apply_func", func)
    return func(*values, **named)


@dataclass(frozen=True, slots=True)
class AppliedFunc(Generic[T]):
    """A function that takes lazy arguments and gives a lazy result."""

    func: Callable[..., T]

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        return apply_func(self.func, *args, **kwargs)


@rule("redux.eval_")
def eval_(code: str, **variables: Any) -> Steps[Any]:
    """The value of a Python expression, given as text, with lazy values as its variables: `eval_("a + b", a=x, b=y)`.

    It runs as `apply_func` does. Errors: what the expression raises.
    """
    text, named = yield code, variables
    return eval(compile(text, f"<eval_: {text:.40}>", "eval"), dict(named))


def as_task(func: Callable[..., T]) -> AppliedFunc[T]:
    """A function that takes lazy arguments and gives a lazy result: `as_task(math.sqrt)(expr)`. See `apply_func`."""
    return AppliedFunc(as_function("as_task", func))


@dataclass(frozen=True, slots=True)
class Composed:
    """Functions of one argument, called from the last to the first."""

    funcs: tuple[Callable[[Any], Any], ...]

    def __call__(self, value: Any) -> Any:
        for func in reversed(self.funcs):
            value = func(value)
        return value


def compose(*funcs: Callable[[Any], Any]) -> Composed:
    """A function of one argument that calls `funcs` from the last to the first: `compose(f, g)(x)` is `f(g(x))`."""
    return Composed(tuple(as_function("compose", func) for func in funcs))


@rule("redux.identity")
def identity(value: T) -> T:
    """The value itself."""
    return value


@rule("redux.const")
def const(value: T, ignored: Any) -> Steps[T]:
    """`value`, once `ignored` has come out too. Errors: what either raises."""
    yield ignored
    return value
