"""Expressions as values: evaluated when somebody says so, or never."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from redux.expression import Expression
from redux.rules import Steps, rule
from redux.value import CannotEncode, decode, encode, register_serializer
from redux_valuestore.digest import Digest

T = TypeVar("T")


class Quoted(Generic[T]):
    """An expression that is a value: it can be passed and returned without being evaluated."""

    __slots__ = ("_expr",)

    def __init__(self, expr: T) -> None:
        self._expr = expr

    def eval(self) -> T:
        """The expression itself, to be evaluated where it stands."""
        return self._expr

    def __repr__(self) -> str:
        return f"quote({self._expr!r})"


def quote(expr: T) -> Quoted[T]:
    """`expr` as a value that is not evaluated until `.eval()` or `force` gives it back."""
    return Quoted(expr)


def delay(expr: T) -> Quoted[T]:
    """The same as `quote`: hold an expression back until `force`."""
    return Quoted(expr)


@rule("redux.force")
def force(delayed: Any) -> Steps[Any]:
    """The value of the expression that was held back."""
    held = yield delayed
    return held.eval() if isinstance(held, Quoted) else held


def _take_apart(quoted: Quoted[Any]) -> bytes:
    encoded = encode(quoted._expr)
    if encoded.subvalues:
        raise CannotEncode(quoted, "quotes an expression with large arguments", "let a task make them")
    return b"".join(encoded.chunks)


def _build(data: bytes) -> Quoted[Any]:
    def no_parts(digest: Digest) -> bytes:
        raise KeyError(digest)

    return Quoted(cast(Expression, decode(data, no_parts)))


register_serializer(Quoted, "redux.Quoted/1", _take_apart, _build)
