"""A mapping that has several values under a key, such as the tags of a record."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast, overload

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")


class MultiMap(Generic[K, V]):
    """Pairs of a key and a value, with any number of values under a key; `items` are such pairs, in any iterable.

    `m[key]` is the list of a key's values, in the order given, and raises KeyError where it has none. Iterating gives
    the pairs, key by key; `len` counts them. It is equal to another one, to a dict of lists and to a list of pairs that
    has the same pairs, in whatever order. It cannot be changed.
    """

    __slots__ = ("_values",)
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, items: Iterable[tuple[K, V]] = ()) -> None:
        self._values: dict[K, list[V]] = {}
        for key, value in items:
            self._values.setdefault(key, []).append(value)

    def __repr__(self) -> str:
        return f"MultiMap({list(self)!r})"

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return ((key, value) for key, values in self._values.items() for value in values)

    def __getitem__(self, key: K) -> list[V]:
        return list(self._values[key])

    def __eq__(self, other: object) -> bool:
        pairs = _pairs_of(other)
        if pairs is None:
            return NotImplemented
        for pair in self:
            if pair not in pairs:
                return False
            pairs.remove(pair)
        return not pairs

    @overload
    def get(self, key: K) -> list[V]: ...
    @overload
    def get(self, key: K, default: D) -> list[V] | D: ...
    def get(self, key: K, default: Any = ()) -> Any:
        """The list of a key's values; where it has none, `default`, which is an empty list if nothing is given."""
        return self[key] if key in self._values else [] if default == () else default

    def has_item(self, key: K, value: V) -> bool:
        """Whether `value` is among the values of `key`."""
        return value in self._values.get(key, ())

    def keys(self) -> Iterator[K]:
        """The keys, each once, in the order in which they were first given."""
        return iter(self._values)

    def values(self) -> Iterator[V]:
        """The values of all pairs, key by key."""
        return (value for _, value in self)

    def items(self) -> Iterator[tuple[K, V]]:
        """The pairs, key by key."""
        return iter(self)

    def as_dict(self) -> dict[K, list[V]]:
        """A dict of lists with the same pairs: a copy."""
        return {key: list(values) for key, values in self._values.items()}


def _pairs_of(other: object) -> list[object] | None:
    """The pairs of something that can be compared with a MultiMap, None where it can't."""
    if isinstance(other, Mapping):
        named = cast("Mapping[object, Iterable[object]]", other)
        return [(key, value) for key, values in named.items() for value in values]
    if isinstance(other, (MultiMap, list, tuple)):
        pairs = cast("Iterable[object]", other)
        return [tuple(cast("list[object]", pair)) if isinstance(pair, list) else pair for pair in pairs]
    return None
