"""What the type of a value defines of `Value`'s methods: found once per type, by itself or by a proxy along its MRO."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from redux.serializers.registry import registry
from redux.serializers.trouble import CannotEncode
from redux.serializers.values import FileCache, ProxyValue, Value, name_for, proxies


@dataclass(frozen=True, slots=True)
class Hooks:
    """What `owner` (the type itself, or its proxy) defines for values of one type; None for what it does not.

    `is_valid`, `preprocess`, `postprocess` and `serialize` are its methods of these names, `subvalues` its
    `iter_subvalues`, `format` its `get_serialization_format`: each takes the value first. `parse` and `deserialize`
    make one, of a text on the command line and of bytes.
    """

    owner: type[Value]
    is_valid: Callable[[Any], object] | None
    preprocess: Callable[[Any, dict[str, Any]], Any] | None
    postprocess: Callable[[Any, dict[str, Any]], Any] | None
    serialize: Callable[[Any], bytes] | None
    subvalues: Callable[[Any], Iterable[object]] | None
    parse: Callable[[str], Any] | None
    format: Callable[[Any], str]
    deserialize: Callable[[bytes], Any]

    @property
    def name(self) -> str:
        """What people call the type."""
        return name_for(self.owner)

    @property
    def asked(self) -> bool:
        """Whether a value has to be built before it is reused or passed on.

        No task that makes such values names their proxy, so an edit of it is found when they are asked. A file is not
        read for that.
        """
        if self.is_valid is not None or self.preprocess is not None:
            return True
        forms = self.serialize is not None or self.postprocess is not None
        return forms and issubclass(self.owner, ProxyValue) and not self.is_cached

    @property
    def encodes(self) -> bool:
        """Whether such values are encoded in another way than their type without hooks would be."""
        return self.asked or self.serialize is not None or self.subvalues is not None or self.is_cached

    @property
    def is_cached(self) -> bool:
        """Whether such values are files of a FileCache."""
        return issubclass(self.owner, FileCache)


_found: dict[type, Hooks | None] = {}


def hooks_of(kind: type) -> Hooks | None:
    """What a type brings itself; None for the many that bring nothing."""
    try:
        return _found[kind]
    except KeyError:
        found = _found[kind] = _find(kind)
        return found


def _find(kind: type) -> Hooks | None:
    if issubclass(kind, Value):
        return None if issubclass(kind, ProxyValue) else hooks_by(kind, kind)
    owner = next((proxies[base] for base in kind.__mro__ if base in proxies), None)
    return None if owner is None else hooks_by(owner, kind)


@lru_cache(maxsize=1024)
def hooks_by(owner: type[Value], kind: type) -> Hooks:
    """What `owner` defines for values of a type."""
    return Hooks(
        owner,
        _method(owner, "is_valid"),
        _method(owner, "preprocess"),
        _method(owner, "postprocess"),
        _method(owner, "serialize"),
        _method(owner, "iter_subvalues"),
        _of_type(owner.parse_arg, kind) if _defines(owner, "parse_arg") else None,
        _bound(owner, "get_serialization_format"),
        _of_type(owner.deserialize, kind),
    )


def _defines(owner: type[Value], name: str) -> bool:
    """Whether a method is not the one that does nothing."""
    own, default = getattr(owner, name), getattr(Value, name)
    return getattr(own, "__func__", own) is not getattr(default, "__func__", default)


def _method(owner: type[Value], name: str) -> Callable[..., Any] | None:
    return _bound(owner, name) if _defines(owner, name) else None


def _bound(owner: type[Value], name: str) -> Callable[..., Any]:
    """A method to be called with the value, and for a proxy's type with what it stands for."""
    method: Any = getattr(owner, name)
    if not issubclass(owner, ProxyValue):
        return method
    return lambda value, *more: getattr(owner(value), name)(*more)


def _of_type(method: Callable[..., Any], kind: type) -> Callable[[Any], Any]:
    """A class method that may or may not want to know the type it is asked for."""
    if len(inspect.signature(method).parameters) == 1:
        return method
    return lambda given: method(kind, given)


def serialized(value: Any, hooks: Hooks) -> bytes:
    """What a type's `serialize` gives. Raises CannotEncode where that is not bytes."""
    assert hooks.serialize is not None
    data: object = hooks.serialize(value)
    if not isinstance(data, bytes):
        why = f"has a serialize that gives {type(data).__name__}, not bytes"
        raise CannotEncode(value, why, f"mend {hooks.name}.serialize")
    return data


registry.on_change.append(_found.clear)
