"""Plain functions on values that are not there yet, and functions put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, Generic, ParamSpec, TypeVar, overload

from redux.flow.given import as_function
from redux.rules import Steps, rule

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@rule("redux.apply_func")
def apply_func(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """`func(*args, **kwargs)` once the arguments are there, for a small function that is no task and is not recorded.

    It runs in the scheduler's own thread, again in every execution. Errors: what `func` raises.
    """
    values, named = yield args, kwargs
    as_function("apply_func", func)
    known: Callable[..., T] = func
    return known(*values, **named)


@dataclass(frozen=True, slots=True)
class AppliedFunc(Generic[P, T]):
    """A function that takes lazy arguments and gives a lazy result."""

    func: Callable[P, T]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return apply_func(self.func, *args, **kwargs)


@rule("redux.eval_")
def eval_(code: str, *args: Any, pos_args: Sequence[str] = (), **variables: Any) -> Steps[Any]:
    """The value of a Python expression, `code`, with lazy values as its `variables`: `eval_("a + b", a=x, b=y)`.

    `pos_args` are names for values given by position. It runs as `apply_func` does. Errors: what the expression raises;
    TypeError for more or fewer values than names.
    """
    text, names, values, named = yield code, pos_args, args, variables
    if len(names) != len(values):
        raise TypeError(f"eval_ has {len(names)} names in pos_args for {len(values)} values; give one for each")
    known = {**dict(zip(names, values, strict=True)), **named}
    return eval(compile(dedent(text), f"<eval_: {text:.40}>", "eval"), known)


def as_task(func: Callable[P, T]) -> AppliedFunc[P, T]:
    """A function that takes lazy arguments and gives a lazy result: `as_task(math.sqrt)(expr)`. See `apply_func`."""
    return AppliedFunc(as_function("as_task", func))


@dataclass(frozen=True, slots=True)
class Composed:
    """Functions, called from the last to the first: the last with the arguments, each other with what came of it."""

    funcs: tuple[Callable[..., Any], ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        *others, last = self.funcs
        value = last(*args, **kwargs)
        for func in reversed(others):
            value = func(value)
        return value


@overload
def compose(first: Callable[P, B], /) -> Callable[P, B]: ...
@overload
def compose(first: Callable[[B], C], second: Callable[P, B], /) -> Callable[P, C]: ...
@overload
def compose(first: Callable[[C], D], second: Callable[[B], C], third: Callable[P, B], /) -> Callable[P, D]: ...
@overload
def compose(
    first: Callable[[Any], Any],
    second: Callable[[Any], Any],
    third: Callable[[Any], Any],
    fourth: Callable[..., Any],
    /,
    *more: Callable[..., Any],
) -> Callable[..., Any]: ...
def compose(*funcs: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls `funcs`, tasks or functions, from the last to the first: `compose(f, g)(x)` is `f(g(x))`.

    The last one is called with all arguments. Raises TypeError where there is none.
    """
    if not funcs:
        raise TypeError("compose has nothing to call; give it tasks or functions")
    return Composed(tuple(as_function("compose", func) for func in funcs))


@rule("redux.identity")
def identity(x: T) -> T:
    """The value itself."""
    return x


@rule("redux.const")
def const(x: T, _: Any) -> Steps[T]:
    """`x`, once the other value has come out too. Errors: what either raises."""
    yield _
    return x
