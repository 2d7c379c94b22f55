"""Tables within tables, as TOML and JSON have them: read-only copies, and two laid over each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

Table = Mapping[str, object]
_MOST_NESTED = 50
_TOO_DEEP = f"tables or lists are nested more than {_MOST_NESTED} deep"


def parse_toml(text: str) -> dict[str, Any]:
    """What a text in TOML says. Raises ValueError for what is none, or is nested too deep."""
    import tomllib  # noqa: PLC0415 - only a command that reads settings pays for it

    try:
        said = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    refuse_deep(said)
    return said


def refuse_deep(said: object) -> None:
    """Refuse tables and lists within so many others that who goes down into them comes to no end. Raises ValueError."""
    inside: list[Any] = [said]
    for _ in range(_MOST_NESTED):
        each = (one.values() if isinstance(one, dict) else one for one in inside)
        inside = [part for parts in each for part in parts if isinstance(part, (dict, list))]
        if not inside:
            return
    raise ValueError(_TOO_DEEP)


def freeze(value: object) -> Any:
    """A copy that nobody can change: tables read-only, lists as tuples."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(one) for key, one in cast(Table, value).items()})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(one) for one in cast("list[object]", value))
    return value


def thaw(value: object) -> Any:
    """A copy of what `freeze` gave that is the caller's own: dicts and lists."""
    if isinstance(value, Mapping):
        return {key: thaw(one) for key, one in cast(Table, value).items()}
    if isinstance(value, tuple):
        return [thaw(one) for one in cast("tuple[object, ...]", value)]
    return value


def merge(below: Table, above: Table) -> Table:
    """Both tables, read-only; where both say something, what `above` says, table by table."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(cast(Table, under), cast(Table, value)) if both else freeze(value)
    return MappingProxyType(merged)


def nest(path: str, value: object) -> Table:
    """The table that has a value at a dotted path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return cast(Table, value)


def find(table: Table, path: str) -> object:
    """What is at a dotted path. Raises KeyError."""
    found: object = table
    for name in path.split("."):
        if not isinstance(found, Mapping):
            raise KeyError(path)
        found = cast(Table, found)[name]
    return found


def leaves(table: Table, prefix: str = "") -> Iterator[tuple[str, object]]:
    """What is in a table that is no table itself, by dotted path; an empty table counts too."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(cast(Table, value), f"{prefix}{key}.")
        else:
            yield prefix + key, value
