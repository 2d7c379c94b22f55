"""Lists that are not there yet: a task over each element, and lists put together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from redux.flow.given import as_elements, as_function
from redux.rules import Steps, rule


@rule("redux.map_")
def map_(func: Callable[[Any], Any], values: Any) -> Steps[list[Any]]:
    """`[func(value) for value in values]`, side by side; `func` is a task or a function, `values` may be lazy."""
    items = yield values
    as_function("map_", func)
    return [func(item) for item in as_elements("map_", items)]


@rule("redux.starmap")
def starmap(func: Callable[..., Any], arguments: Any) -> Steps[list[Any]]:
    """`[func(**each) for each in arguments]`, side by side; an element that is a list or tuple gives `func(*each)`."""
    items = yield arguments
    as_function("starmap", func)
    what = "a list of dicts (arguments by name) or lists (by position)"
    return [
        func(**item) if isinstance(item, dict) else func(*as_elements("starmap", item, what))
        for item in as_elements("starmap", items, what)
    ]


@rule("redux.flatten")
def flatten(lists: Any) -> Steps[list[Any]]:
    """The elements of all lists in one list; one level only."""
    items = yield lists
    what = "a list of lists"
    return list(chain.from_iterable(as_elements("flatten", item, what) for item in as_elements("flatten", items, what)))


@rule("redux.flat_map")
def flat_map(func: Callable[[Any], Any], values: Any) -> list[Any]:
    """The elements of all lists that `func` gives for the values, in one list."""
    return flatten(map_(func, values))


@rule("redux.zip_")
def zip_(*lists: Any) -> Steps[list[tuple[Any, ...]]]:
    """`list(zip(*lists))`: as long as the shortest."""
    items = yield list(lists)
    return list(zip(*(as_elements("zip_", item, "lists") for item in items), strict=False))
