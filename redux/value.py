"""Values: encoded once to bytes that say themselves what they are; a value's hash is the digest of those bytes.

Equal means same type, same content, same order. Equal values have equal bytes in every process, on every supported
Python, whatever the hash seed. A float's bits are its content (-0.0 is not 0.0), a dict's order is, a set's is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redux.serializers import wire
from redux.serializers.encoded import Encoded, Holding, Lazy
from redux.serializers.functions import Function
from redux.serializers.handles import Handle, any_handles, at_version, label
from redux.serializers.hooks import Hooks, hooks_of
from redux.serializers.names import thing_named
from redux.serializers.noted import Noted
from redux.serializers.packing import ATOMS, PACK_ATOM, Packing, TooDeep
from redux.serializers.plans import plan_of
from redux.serializers.preview import preview
from redux.serializers.raw import encode_bytes
from redux.serializers.reduction import pickled, plan_pickle
from redux.serializers.registry import (
    SerializerError,
    allow_pickle,
    pickle_is_allowed,
    pickle_type,
    register_family,
    register_lazy,
    register_serializer,
    registry,
    set_code_hasher,
    set_task_resolver,
)
from redux.serializers.secrets import Secret, SecretAbsent
from redux.serializers.trouble import CannotDecode, CannotEncode, locate, pickle_candidate, too_deep
from redux.serializers.type_registry import TypeRegistry, get_type_registry
from redux.serializers.unpacking import decode
from redux.serializers.values import FileCache, ProxyValue, Value, any_type_has
from redux_valuestore.digest import Digest, digest_bytes

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "CannotDecode",
    "CannotEncode",
    "Encoded",
    "FileCache",
    "Function",
    "Handle",
    "Holding",
    "Hooks",
    "InvalidValueError",
    "Lazy",
    "Noted",
    "ProxyValue",
    "Secret",
    "SecretAbsent",
    "SerializerError",
    "TypeRegistry",
    "Value",
    "allow_pickle",
    "any_handles",
    "any_type_has",
    "at_version",
    "content_of",
    "decode",
    "encode",
    "get_type_registry",
    "has_current_code",
    "hash_value",
    "hooks_of",
    "label",
    "own_classes",
    "pickle_is_allowed",
    "pickle_type",
    "preview",
    "register_family",
    "register_lazy",
    "register_serializer",
    "set_code_hasher",
    "set_task_resolver",
]

InvalidValueError = CannotDecode
"""The name under which a type's `deserialize` raises it: there is no such value any more."""

_NATIVE = frozenset({int, float, str, bool, type(None), list, dict, tuple, bytes, bytearray})


def encode(value: object) -> Encoded:
    """A value as bytes, with its hash and what it holds. Raises CannotEncode, naming the path inside the value."""
    kind = type(value)
    if kind in ATOMS:
        try:
            data = wire.MSGPACK + PACK_ATOM(value)
        except OverflowError:
            return _encode_any(value)  # an integer beyond 64 bits
        return Encoded(digest_bytes(data), (data,), len(data), kind.__name__)
    flat = _flat(kind, value)
    if flat is not None:
        try:
            data = wire.MSGPACK + PACK_ATOM(flat)
        except OverflowError:
            return _encode_any(value)
        return Encoded(digest_bytes(data), (data,), len(data), kind.__name__)
    return _encode_any(value)


def hash_value(value: object) -> Digest:
    """The hash of a value: the digest of its encoded bytes. Raises CannotEncode."""
    return encode(value).hash


def own_classes(data: Buffer) -> dict[str, bytes]:
    """The user's own classes whose instances are in a value, with the digest of their code when it was encoded.

    The names are as in `module:qualname`. Only the beginning of the value's bytes is read.
    """
    view = memoryview(data)
    if bytes(view[: len(wire.OWNED)]) != wire.OWNED:
        return {}
    return wire.read_classes(wire.split_own(view)[0])


def has_current_code(data: Buffer) -> bool:
    """Whether the user's own classes whose instances are in a value have the code that its bytes name.

    Raises CannotDecode where one of them is not here any more.
    """
    hasher = registry.code
    if hasher is None:
        return True
    # What is defined inside a function is in the bytes itself: only pickle takes it.
    named = {name: code for name, code in own_classes(data).items() if "<" not in name}
    return all(hasher.code_hash(thing_named(name)) == code for name, code in named.items())


def content_of(data: Buffer) -> memoryview:
    """A value's bytes without the digests of code that may stand before them."""
    view = memoryview(data)
    return wire.split_own(view)[1] if bytes(view[: len(wire.OWNED)]) == wire.OWNED else view


def _flat(kind: type, value: Any) -> object:
    """A container as msgpack takes it, where it holds nothing but atoms; else None."""
    if kind is tuple:
        return [wire.TUPLE, *value] if ATOMS.issuperset(map(type, value)) else None
    if kind is list:
        return value if ATOMS.issuperset(map(type, value)) else None
    if kind is dict:
        return value if ATOMS.issuperset(map(type, value)) and ATOMS.issuperset(map(type, value.values())) else None
    return None


def _encode_any(value: Any) -> Encoded:
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return encode_bytes(value)
    hooks = hooks_of(kind)
    if hooks is not None and hooks.encodes:
        return _encode_with_pickle(value) if registry.pickle_any else _encode_strictly(value)
    if kind in registry.pickled:
        return _encode_pickled(value)
    if kind not in _NATIVE:
        encoded = registry.encode_whole(value)
        if encoded is not None:
            return encoded
    return _encode_with_pickle(value) if registry.pickle_any else _encode_strictly(value)


def _encode_strictly(value: object) -> Encoded:
    try:
        return Packing(plan_of).encode(value)
    except TooDeep:
        error = too_deep(value)
    except CannotEncode as refused:
        error = locate(value, refused)
    raise error


def _encode_with_pickle(value: object) -> Encoded:
    """What has no encoding is pickled on its own, so that the expressions, Files and tasks beside it are still seen."""
    opaque: set[int] = set()
    while True:
        try:
            return Packing(plan_of, plan_pickle, frozenset(opaque)).encode(value)
        except TooDeep:
            candidate = pickle_candidate(value)
            error = too_deep(value)
        except CannotEncode as refused:
            raise locate(value, refused) from None
        if candidate is None or id(candidate) in opaque:
            raise error
        opaque.add(id(candidate))


def _encode_pickled(value: object) -> Encoded:
    packing = Packing(plan_of)
    packing.need_trust()
    return packing.finish(value, (wire.PICKLED, pickled(value, packing)))
