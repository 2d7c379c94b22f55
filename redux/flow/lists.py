"""Lists that are not there yet: a task over each element, and lists put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar, overload

from redux.flow.given import as_elements, as_function
from redux.rules import Steps, rule

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@rule("redux.map_")
def map_(a_task: Callable[[T], R], values: Iterable[T]) -> Steps[list[R]]:
    """`[a_task(value) for value in values]`, side by side; `a_task` may be a function too, `values` may be lazy."""
    items = yield values
    as_function("map_", a_task)
    return [a_task(item) for item in as_elements("map_", items)]


@rule("redux.starmap")
def starmap(a_task: Callable[..., R], kwargs: Iterable[Mapping[str, Any] | Sequence[Any]] = ()) -> Steps[list[R]]:
    """`[a_task(**each) for each in kwargs]`, side by side; an element that is a list or tuple gives `a_task(*each)`."""
    items = yield kwargs
    as_function("starmap", a_task)
    what = "a list of dicts (arguments by name) or lists (by position)"
    return [
        a_task(**item) if isinstance(item, dict) else a_task(*as_elements("starmap", item, what))
        for item in as_elements("starmap", items, what)
    ]


@rule("redux.flatten")
def flatten(list_of_lists: Iterable[Iterable[T]]) -> Steps[list[T]]:
    """The elements of all lists in one list; one level only."""
    items = yield list_of_lists
    what = "a list of lists"
    return list(chain.from_iterable(as_elements("flatten", item, what) for item in as_elements("flatten", items, what)))


@rule("redux.flat_map")
def flat_map(a_task: Callable[[T], Iterable[R]], values: Iterable[T]) -> list[R]:
    """The elements of all lists that `a_task` gives for the values, in one list."""
    return flatten(map_(a_task, values))


@overload
def zip_(first: Iterable[A], /) -> list[tuple[A]]: ...
@overload
def zip_(first: Iterable[A], second: Iterable[B], /) -> list[tuple[A, B]]: ...
@overload
def zip_(first: Iterable[A], second: Iterable[B], third: Iterable[C], /) -> list[tuple[A, B, C]]: ...
@overload
def zip_(*lists: Iterable[Any]) -> list[tuple[Any, ...]]: ...
@rule("redux.zip_")
def zip_(*lists: Any) -> Steps[list[tuple[Any, ...]]]:
    """`list(zip(*lists))`: as long as the shortest."""
    items = yield list(lists)
    return list(zip(*(as_elements("zip_", item, "lists") for item in items), strict=False))
