"""`cond`: a lazy if."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from redux.rules import Steps, rule

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@overload
def cond(condition: object, then: A) -> A | None: ...
@overload
def cond(condition: object, then: A, otherwise: B, /) -> A | B: ...
@overload
def cond(condition: object, then: A, next_condition: object, next_then: B, /) -> A | B | None: ...
@overload
def cond(condition: object, then: A, next_condition: object, next_then: B, otherwise: C, /) -> A | B | C: ...
@overload
def cond(condition: object, then: object, *rest: object) -> Any: ...
@rule("redux.cond")
def cond(condition: Any, then: Any, *rest: Any) -> Steps[Any]:
    """The value of `then` if `condition` comes out true, else of what `rest` says: more pairs, then an else.

    `cond(a, x, b, y, z)` is the lazy form of `x if a else y if b else z`; only what is chosen is evaluated. Without an
    else, None. Errors: whatever a condition or the chosen value raises.
    """
    branches = [condition, then, *rest]
    while len(branches) > 1:
        chosen = yield branches[0]
        if chosen:
            return branches[1]
        branches = branches[2:]
    return branches[0] if branches else None
