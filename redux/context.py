"""The context of a run: settings of the user's own, which tasks ask for by name.

It comes from `[context]` in the settings, a context file, `redux run --context`, or `Scheduler(context=…)`. What
`get_context` gives is part of the arguments of whoever takes it, so that another value runs what depends on it, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from redux.rules import ContextAsked, Steps, rule
from redux.tables import find, thaw

T = TypeVar("T")


@overload
def get_context(var_path: str, default: None = None) -> Any: ...
@overload
def get_context(var_path: str, default: T) -> T: ...
@rule("redux.get_context")
def get_context(var_path: str, default: Any = None) -> Steps[Any]:
    """What the context has under a name, `var_path`, `"a.b"` for what is in a table: once somebody evaluates it.

    It can be an argument, a default argument, or part of a result. Where the context has nothing of that name, the
    value of `default`, which may be an expression. Tables come as dicts, lists as lists. Errors: TypeError for a
    `var_path` that is no text.
    """
    context = yield ContextAsked()
    path = yield var_path
    if not isinstance(path, str):
        raise TypeError(f"get_context takes a dotted name, as in get_context('database.port'), not {path!r:.60}")
    if has_context_value(context, path):
        return get_context_value(context, path)
    return default


def get_context_value(context: Mapping[str, object], var_path: str, default: Any = None) -> Any:
    """What a `context` has under a dotted name, `var_path`, as a copy; `default` where it has nothing."""
    try:
        return thaw(find(context, var_path))
    except KeyError:
        return default


def has_context_value(context: Mapping[str, object], var_path: str) -> bool:
    """Whether a `context` has anything under a dotted name, `var_path`."""
    try:
        find(context, var_path)
    except KeyError:
        return False
    return True
