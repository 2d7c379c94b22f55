"""`throw`: a lazy raise."""

from __future__ import annotations

from typing import Any

from redux.rules import Steps, rule


@rule("redux.throw")
def throw(error: BaseException) -> Steps[Any]:
    """Raises `error` (an exception, or an expression of one) when it is evaluated."""
    raised: BaseException = yield error
    raise raised
