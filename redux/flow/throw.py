"""`throw`: a lazy raise."""

from __future__ import annotations

from typing import Any, NoReturn

from redux.rules import Steps, rule


@rule("redux.throw")
def throw(error: Any) -> Steps[NoReturn]:
    """Raises `error` (an exception, or an expression of one) when it is evaluated."""
    raised = yield error
    raise raised
