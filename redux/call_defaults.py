"""What the calls in an expression take that nobody gave them: the defaults of the tasks that are known here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from redux.nested import lazies_in
from redux.secrets import seal
from redux.tasks.registry import get_task_registry
from redux.value import Lazy, hash_value
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux.task import Task


def calls_in(expr: object) -> Iterator[tuple[Task[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """The calls in an expression (or in values that hold some) of tasks that are known here: task, `args`, `kwargs`."""
    waiting: list[Lazy] = [*lazies_in(expr)]
    while waiting:
        node = waiting.pop()
        kind, parts = cast("tuple[str, Any]", node.to_node())
        called = get_task_registry().get(parts[0]) if kind == "call" else None
        if called is not None:
            yield called, parts[1], parts[2]
        waiting += lazies_in(parts)


def taken_defaults(expr: object) -> list[tuple[str, str, Digest]]:
    """What calls in an expression take by default: a task's full name, the argument's, and the hash of its value.

    It is neither in the expression nor in the hashes of the tasks, but counts for whoever keeps what the expression
    came to. Raises CannotEncode.
    """
    found: list[tuple[str, str, Digest]] = []
    for called, args, kwargs in calls_in(expr):
        given = called.signature.bind(*args, **kwargs).arguments
        for name, parameter in called.signature.parameters.items():
            if name not in given and name not in called.unhashed_args and parameter.default is not parameter.empty:
                default = seal(parameter.default) if name in called.secret_args else parameter.default
                found.append((called.fullname, name, hash_value(default)))
    return sorted(found)
