"""Binding: from a call as it was written to arguments under their names, and back."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from redux_valuestore.frozen import frozen


@frozen
class BoundCall:
    """A call's arguments bound to the signature, defaults applied: `args` and `kwargs` are how to call it."""

    args: tuple[object, ...]
    kwargs: dict[str, object]


Given = tuple[tuple[Any, ...], dict[str, Any]]
"""The arguments of a call: positional ones, and those by keyword."""


def without_annotations(signature: inspect.Signature) -> inspect.Signature:
    """The signature without annotations, which would crowd an error message."""
    parameters = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


def plain_names(signature: inspect.Signature) -> tuple[str, ...] | None:
    """The parameters' names, where all can be given by position and none is `*rest` or `**options`; else None."""
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}:
        return tuple(signature.parameters)
    return None


def name_arguments(signature: inspect.Signature, bound: BoundCall) -> list[tuple[str, object]]:
    """Each argument of a `bound` call under its name in the `signature`, in its order: see `Task.name_arguments`."""
    named: list[tuple[str, object]] = []
    position = 0
    keywords = dict(bound.kwargs)
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = bound.args[position:]
            position = len(bound.args)
            named += [(f"{name}[{index}]", value) for index, value in enumerate(rest)]
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named += [(f"{name}[{key}]", keywords[key]) for key in sorted(keywords)]
        elif name in keywords and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
            named.append((name, keywords.pop(name)))
        elif position < len(bound.args):
            named.append((name, bound.args[position]))
            position += 1
    return named


def bind_named(signature: inspect.Signature, named: Sequence[tuple[str, object]]) -> BoundCall:
    """The call whose arguments were `named` by `name_arguments` with the same `signature`."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    parameters = signature.parameters
    for name, value in named:
        head, _, tail = name.partition("[")
        kind = parameters[head].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            kwargs[tail[:-1]] = value
        elif kind is inspect.Parameter.KEYWORD_ONLY:
            kwargs[head] = value
        else:
            args.append(value)
    return BoundCall(tuple(args), kwargs)


def set_arg_defaults(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
    """The arguments of a task's call, positional and by keyword, with the defaults of those that were not given.

    Raises TypeError where they don't fit its signature.
    """
    bound = task.bind(args, kwargs)
    return bound.args, bound.kwargs
