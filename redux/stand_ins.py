"""What stands in the place of values whose types say so: on their way into a task, and out of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redux.nested import ATOMS, replace_parts
from redux.value import Hooks, Lazy, brought, hooks_of

Hook = Callable[[Any, dict[str, Any]], Any]


def wants_preprocessing() -> bool:
    """Whether any type here has a `preprocess`."""
    return "preprocess" in brought


def preprocessed(value: object, task: str, argument: str) -> object:
    """What a task is given in place of an argument, nested values included; itself where nothing stands in."""
    return _replace(value, lambda hooks: hooks.preprocess, {"task": task, "argument": argument})


def postprocessed(value: object, task: str) -> object:
    """What is recorded in place of what a task returned, nested values included; itself where nothing stands in."""
    if "postprocess" not in brought:
        return value
    return _replace(value, lambda hooks: hooks.postprocess, {"task": task})


def _replace(value: object, choose: Callable[[Hooks], Hook | None], told: dict[str, Any]) -> object:
    def replace(part: object) -> object:
        kind = type(part)
        if kind in ATOMS or isinstance(part, Lazy):
            return part
        hooks = hooks_of(kind)
        hook = None if hooks is None else choose(hooks)
        return replace_parts(part, replace) if hook is None else hook(part, dict(told))

    try:
        return replace(value)
    except RecursionError:
        return value  # it contains itself, or is too deep: encoding it says so, and where
