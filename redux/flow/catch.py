"""`catch` and `catch_all`: lazy try and except."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from redux.flow.given import as_errors, as_function
from redux.nested import lazies_in, substitute
from redux.rules import Settle, Settled, Steps, rule

Errors = type[BaseException] | tuple[type[BaseException], ...]
Recover = Callable[..., Any]

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)
E2 = TypeVar("E2", bound=BaseException)
R = TypeVar("R")
R2 = TypeVar("R2")


@overload
def catch(expr: T, errors: type[E] | tuple[type[E], ...], recover: Callable[[E], R]) -> T | R: ...
@overload
def catch(
    expr: T,
    errors: type[E] | tuple[type[E], ...],
    recover: Callable[[E], R],
    next_errors: type[E2] | tuple[type[E2], ...],
    next_recover: Callable[[E2], R2],
    /,
) -> T | R | R2: ...
@overload
def catch(expr: Any, errors: Errors, recover: Recover, *more: Errors | Recover) -> Any: ...
@rule("redux.catch")
def catch(expr: Any, errors: Errors, recover: Recover, *more: Any) -> Steps[Any]:
    """The value of `expr`, or what `recover(error)` gives where it raises one of `errors`.

    `more` are further errors, each followed by its recover; the first that fits is taken. A recover is a task or a
    function that gives a value or an expression. Errors: what `expr` raises and nobody recovers from, and what a
    recover raises. In the next run, a call that failed is tried again.
    """
    handlers = _in_pairs(errors, recover, *more)
    (settled,) = yield Settle(expr)
    if settled.error is None:
        return settled.value
    for kinds, handler in handlers:
        if isinstance(settled.error, kinds):
            return handler(settled.error)
    raise settled.error


def _in_pairs(*handlers: Any) -> list[tuple[Errors, Recover]]:
    if len(handlers) % 2:
        raise TypeError("catch takes errors and recovers in pairs: catch(expr, ValueError, recover, KeyError, another)")
    pairs = list(zip(handlers[::2], handlers[1::2], strict=True))
    return [(as_errors("catch", kinds), as_function("catch, to recover with,", recover)) for kinds, recover in pairs]


@overload
def catch_all(exprs: T, errors: None = None, recover: None = None) -> T: ...
@overload
def catch_all(exprs: T, errors: Errors, recover: Callable[[Any], R]) -> T | R: ...
@rule("redux.catch_all")
def catch_all(exprs: Any, errors: Errors | None = None, recover: Recover | None = None) -> Steps[Any]:
    """The values of all expressions in `exprs` (nested in lists, dicts, … as it may be), once every one has ended.

    Where some raised, `recover` is called with `exprs` in which each has its value, or its error in its place, if all
    errors are among `errors`. Otherwise, and without a recover, the first error is raised.
    """
    if errors is not None:
        as_errors("catch_all", errors)
    lazies = lazies_in(exprs)
    outcomes = yield Settle(*lazies)
    settled: dict[int, Settled] = {id(lazy): outcome for lazy, outcome in zip(lazies, outcomes, strict=True)}
    raised = [outcome.error for outcome in settled.values() if outcome.error is not None]
    if not raised:
        return substitute(exprs, lambda lazy: settled[id(lazy)].get())
    if recover is None or errors is None or not all(isinstance(error, errors) for error in raised):
        raise raised[0]
    return recover(substitute(exprs, lambda lazy: settled[id(lazy)].in_place()))
