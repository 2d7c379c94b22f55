"""`throw`: a lazy raise."""

from __future__ import annotations

from typing import Any

from redux.rules import Steps, rule


@rule("redux.throw")
def throw(error: BaseException) -> Steps[Any]:
    """Raises `error` (an exception, or an expression of one) when it is evaluated; TypeError where it is none."""
    raised = yield error
    if not isinstance(raised, BaseException) and not (isinstance(raised, type) and issubclass(raised, BaseException)):
        raise TypeError(f"throw takes an exception, as in throw(ValueError('…')), not {raised!r:.60}")
    raise raised
