"""Plain functions on values that are not there yet, and functions put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, overload

from redux.rules import Steps, rule

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@rule("redux.apply_func")
def apply_func(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """`func(*args, **kwargs)` once the arguments are there, for a small function that is no task and is not recorded.

    It runs in the scheduler's own thread, again in every execution. Errors: what `func` raises.
    """
    values, named = yield args, kwargs
    known: Callable[..., T] = func
    return known(*values, **named)


@dataclass(frozen=True, slots=True)
class AppliedFunc(Generic[P, T]):
    """A function that takes lazy arguments and gives a lazy result."""

    func: Callable[P, T]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return apply_func(self.func, *args, **kwargs)


@rule("redux.eval_")
def eval_(code: str, **variables: Any) -> Steps[Any]:
    """The value of a Python expression, `code`, with lazy values as its `variables`: `eval_("a + b", a=x, b=y)`.

    It runs as `apply_func` does. Errors: what the expression raises.
    """
    text, named = yield code, variables
    return eval(text, dict(named))


def as_task(func: Callable[P, T]) -> AppliedFunc[P, T]:
    """A function that takes lazy arguments and gives a lazy result: `as_task(math.sqrt)(expr)`. See `apply_func`."""
    return AppliedFunc(func)


@dataclass(frozen=True, slots=True)
class Composed:
    """Functions of one argument, called from the last to the first."""

    funcs: tuple[Callable[[Any], Any], ...]

    def __call__(self, value: Any) -> Any:
        for func in reversed(self.funcs):
            value = func(value)
        return value


@overload
def compose(first: Callable[[A], B], /) -> Callable[[A], B]: ...
@overload
def compose(first: Callable[[B], C], second: Callable[[A], B], /) -> Callable[[A], C]: ...
@overload
def compose(first: Callable[[C], D], second: Callable[[B], C], third: Callable[[A], B], /) -> Callable[[A], D]: ...
@overload
def compose(
    first: Callable[[Any], Any],
    second: Callable[[Any], Any],
    third: Callable[[Any], Any],
    fourth: Callable[[Any], Any],
    /,
    *more: Callable[[Any], Any],
) -> Callable[[Any], Any]: ...
def compose(*funcs: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of one argument that calls `funcs` from the last to the first: `compose(f, g)(x)` is `f(g(x))`."""
    return Composed(funcs)


@rule("redux.identity")
def identity(value: T) -> Steps[T]:
    """The value itself."""
    return value
    yield  # a rule is a generator, even where it waits for nothing


@rule("redux.const")
def const(value: T, ignored: Any) -> Steps[T]:
    """`value`, once `ignored` has come out too. Errors: what either raises."""
    yield ignored
    return value
