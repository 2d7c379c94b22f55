"""What combinators were given, told by the combinator's name where it cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast


def as_function(who: str, given: Any) -> Any:
    """A task or function. Raises TypeError for what cannot be called."""
    if not callable(given):
        raise TypeError(f"{who} takes a task or a function, not {given!r:.60}")
    return given


def as_elements(who: str, given: object, what: str = "a list") -> Iterable[Any]:
    """Something to go through. Raises TypeError for what has no elements."""
    try:
        iter(cast("Iterable[Any]", given))
    except TypeError:
        raise TypeError(f"{who} takes {what}, not {given!r:.60}") from None
    return cast("Iterable[Any]", given)


def as_errors(who: str, given: Any) -> Any:
    """A class of errors, or several. Raises TypeError for anything else."""
    for kind in given if isinstance(given, tuple) else (given,):
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise TypeError(f"{who} takes classes of errors, each with its recover; {kind!r:.60} is none")
    return given
