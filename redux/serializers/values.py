"""Types that bring their own behaviour: `Value` to derive from, `ProxyValue` to attach the same to a type as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import NoneType
from typing import Any, ClassVar

from redux.serializers.encoded import Lazy
from redux.serializers.names import choose_name
from redux.serializers.registry import SerializerError, registry
from redux.serializers.trouble import CannotDecode

_NATIVE = frozenset(
    {object, type, NoneType, bool, int, float, complex, str, bytes, bytearray, memoryview}
    | {list, tuple, dict, set, frozenset}
)
"""Types that are encoded without being looked at: whoever passes one pays nothing for the hooks of others."""

types_by_name: dict[str, type[Value]] = {}
"""Every subclass of Value and ProxyValue, by its `type_name`."""
proxies: dict[type, type[ProxyValue]] = {}
"""Every ProxyValue by the type that it stands for."""
_brought: set[str] = set()


def any_type_has(hook: str) -> bool:
    """Whether some type here has a `preprocess`, or a `postprocess`: where none has, nobody looks into values."""
    return hook in _brought


def _enter(kind: type[Value]) -> None:
    """Register a type under its name. Raises SerializerError where that cannot be."""
    if getattr(kind, "get_hash", None) is not None:
        raise SerializerError(
            f"{_place(kind)} defines get_hash, but a value's hash is the digest of its encoded bytes; "
            "for another identity choose what is encoded, by its fields, __getstate__ or serialize"
        )
    name = name_for(kind)
    if not isinstance(name, str) or not name or ":" in name:
        raise SerializerError(f"{name!r} cannot be the type_name of {_place(kind)}: give it a text without colons")
    known = types_by_name.get(name)
    if known is not None and _stands_against(known, kind):
        raise SerializerError(
            f"{name!r} is the type_name of {_place(known)}, so it cannot be that of {_place(kind)} too; choose another"
        )
    types_by_name[name] = kind
    if kind.__dict__.get("type_name"):
        choose_name(kind, name)
    _brought.update(hook for hook in ("preprocess", "postprocess") if getattr(kind, hook) is not getattr(Value, hook))


def _enter_proxy(kind: type[ProxyValue]) -> None:
    stands_for = kind.type
    if not isinstance(stands_for, type) or stands_for in _NATIVE or issubclass(stands_for, (Lazy, Value)):
        raise SerializerError(
            f"{_place(kind)} cannot stand for {getattr(stands_for, '__qualname__', stands_for)}: a proxy is for a "
            "class, not for a builtin or one of redux's own; derive a class from it, and use that"
        )
    known = proxies.get(stands_for)
    if known is not None and _stands_against(known, kind):
        raise SerializerError(
            f"{_place(known)} stands for {_place(stands_for)} already, so {_place(kind)} cannot; derive from the one"
        )
    proxies[stands_for] = kind
    registry.changed()


def _stands_against(known: type, kind: type) -> bool:
    """Whether a class is another than `kind`, and still there: one defined again, or renamed, makes room."""
    if _place(known) == _place(kind):
        return False
    found: Any = sys.modules.get(known.__module__)
    for part in known.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is known


def name_for(kind: type[Value]) -> str:
    """The name that a class gave itself, or module and class; a base's own name is not its name."""
    return kind.__dict__.get("type_name") or _place(kind)


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


class Value:
    """A type that says itself when it is valid, what stands in its place, and how it is encoded.

    Derive from it and define what is needed; what is not defined is as for any other class. `type_name` is the name in
    the bytes: one of your own stays when the class moves or is renamed (default: module and class). The hash of a value
    is always the digest of its encoded bytes. A type that wants another identity chooses what it encodes.
    """

    __slots__ = ()
    type_name: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__ != __name__:
            _enter(cls)

    def is_valid(self) -> bool:
        """Whether a remembered result that is or holds this may still be used; asked only before it is."""
        return True

    def preprocess(self, preprocess_args: dict[str, Any]) -> Any:
        """What a task is given, and is known to be given, in place of this; `preprocess_args` has `task`, `argument`.

        Equal instances must give equal ones, or the task never hits.
        """
        return self

    def postprocess(self, postprocess_args: dict[str, Any]) -> Any:
        """What is recorded and passed on where a task returned this; `postprocess_args` has `task`.

        It is called where the task ran.
        """
        return self

    def serialize(self) -> bytes:
        """The bytes that stand for this; equal instances must give equal ones. `deserialize` has to be defined too.

        Raises NotImplementedError here: a type without it is encoded as its class says.
        """
        raise NotImplementedError(f"{name_for(type(self))} is encoded as its class says; it has no bytes of its own")

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Any:
        """The instance of `raw_type` for `data`, which `serialize` gave.

        Raises InvalidValueError (CannotDecode) where there is none any more. A `deserialize(cls, data)` is called
        without the type.
        """
        raise CannotDecode(f"{name_for(cls)} has no deserialize (any more); the call that made it has to run again")

    def get_serialization_format(self) -> str:
        """The media type of what `serialize` gives, which is recorded with it."""
        return "application/octet-stream"

    @classmethod
    def parse_arg(cls, raw_type: type[Any], arg: str) -> Any:
        """The instance of `raw_type` that a text on the command line stands for. Raises ValueError for none.

        A `parse_arg(cls, arg)` is called without the type.
        """
        raise ValueError(f"no text stands for {name_for(cls)}; give it a parse_arg")

    def iter_subvalues(self) -> Iterable[object]:
        """What this stands for that its own encoding doesn't show, such as Files that it knows by their path.

        Each is part of its identity, is recorded as a value of its own, and counts when validity is asked.
        """
        return ()


class ProxyValue(Value):
    """The same for a type that cannot be changed: `type = X` in a subclass, for X and what derives from it.

    Hooks are called on a proxy whose `instance` is the value; what they give is an X, not a proxy. They count for
    values that are made from then on.
    """

    __slots__ = ("instance",)
    type: ClassVar[Any] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__dict__.get("type") is not None:
            _enter_proxy(cls)

    def __init__(self, instance: Any) -> None:
        self.instance = instance


class FileCache(ProxyValue):
    """Keeps instances of `type` as files `base_path/<digest of the content>`; the value has only their path.

    It is valid while its file is there, unchanged. A file holds the instance as redux encodes it, or what `serialize`
    gives. `base_path` is a local folder; a relative one counts from the current folder.
    """

    __slots__ = ()
    base_path: ClassVar[str] = "."
