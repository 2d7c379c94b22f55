"""A view of the types that bring their own behaviour: by name, and read from text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redux.serializers.hooks import hooks_of
from redux.serializers.registry import SerializerError
from redux.serializers.values import ProxyValue, types_by_name


class TypeRegistry:
    """The subclasses of Value, and the types that a ProxyValue stands for, by the `type_name` of each."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(types_by_name))

    def __len__(self) -> int:
        return len(types_by_name)

    def get_type(self, type_name: str) -> type[Any] | None:
        """The type of a name, None where there is none."""
        found = types_by_name.get(type_name)
        if found is None or not issubclass(found, ProxyValue):
            return found
        return found.type

    def get_type_name(self, raw_type: type[Any]) -> str | None:
        """The name of a type, that of the proxy that stands for it where it has one; None for other types."""
        hooks = hooks_of(raw_type)
        return None if hooks is None else hooks.name

    def parse_arg(self, raw_type: type[Any], arg: str) -> Any:
        """The instance of `raw_type` that a text on the command line, `arg`, stands for.

        Raises SerializerError for a type that reads none, and what its `parse_arg` raises.
        """
        hooks = hooks_of(raw_type)
        if hooks is None or hooks.parse is None:
            raise SerializerError(f"no text stands for {raw_type.__qualname__}; give it, or a proxy of it, a parse_arg")
        return hooks.parse(arg)


_registry = TypeRegistry()


def get_type_registry() -> TypeRegistry:
    """The types that bring their own behaviour, as far as their modules have been imported."""
    return _registry
