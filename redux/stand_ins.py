"""What stands in the place of values whose types say so: on their way into a task, and out of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redux.nested import replace_nested
from redux.value import Hooks, any_type_has, hooks_of

Hook = Callable[[Any, dict[str, Any]], Any]


def preprocessed(value: object, task: str, argument: str) -> object:
    """What a task is given in place of an argument, nested values included; itself where nothing stands in."""
    return _replace(value, lambda hooks: hooks.preprocess, {"task": task, "argument": argument})


def postprocessed(value: object, task: str) -> object:
    """What is recorded in place of what a task returned, nested values included; itself where nothing stands in."""
    if not any_type_has("postprocess"):
        return value
    return _replace(value, lambda hooks: hooks.postprocess, {"task": task})


def _replace(value: object, choose: Callable[[Hooks], Hook | None], told: dict[str, Any]) -> object:
    def replace(part: object) -> object:
        hooks = hooks_of(type(part))
        hook = None if hooks is None else choose(hooks)
        return NotImplemented if hook is None else hook(part, dict(told))

    return replace_nested(value, replace)
