"""Which plan an object's type has: the rules in their order, decided once per type."""

from __future__ import annotations

import types
from contextlib import suppress
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from msgpack import ExtType, Timestamp  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.classes import (
    BUILTIN_BASES,
    plan_enum,
    plan_exception,
    plan_named_tuple,
    plan_record,
    plan_subtype,
    record_fields,
)
from redux.serializers.encoded import SPLIT_SIZE, Holding, Lazy
from redux.serializers.handles import Handle, plan_handle
from redux.serializers.hooked import with_hooks
from redux.serializers.hooks import hooks_of
from redux.serializers.names import defaults_of_task, name_of
from redux.serializers.packing import Packing, Plan, TooDeep, Wrapped
from redux.serializers.raw import encode_bytes
from redux.serializers.reduction import customises_reduction, plan_object, plan_pickle
from redux.serializers.registry import Family, Format, Serializer, registry
from redux.serializers.secrets import Secret, plan_secret
from redux.serializers.trouble import CannotEncode
from redux_backends.records import TaskFact
from redux_valuestore.digest import Digest

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)

_plans: dict[type, Plan] = {}


def plan_of(value: Any) -> Plan:
    """The plan for a value, by its type."""
    kind = type(value)
    plan = _plans.get(kind)
    if plan is None:
        plan = _plans[kind] = _find_plan(kind, value)
    return plan


def _find_plan(kind: type, value: Any) -> Plan:
    builtin = _BUILTIN.get(kind)
    if builtin is not None:
        return builtin
    if kind is Secret:
        return plan_secret
    if issubclass(kind, Lazy):
        return lambda lazy, packing: packing.label(lazy)
    hooks = hooks_of(kind)
    plain = _find_plain(kind, value)
    return plain if hooks is None else with_hooks(hooks, plain)


def _find_plain(kind: type, value: Any) -> Plan:
    own = registry.format_of(kind)
    serializer = registry.of_type(kind)
    if own is not None and serializer is None:
        return _by_format(own)
    if serializer is not None:
        return _by_serializer(serializer)
    if issubclass(kind, Handle):
        return plan_handle
    if kind in registry.pickled:
        return plan_pickle
    if hasattr(kind, "task_hash") and isinstance(getattr(value, "__redux_task__", None), str):
        return _plan_task
    family = registry.family_of(kind)
    if family is not None:
        return _by_family(family)
    structural = _find_structural(kind)
    if structural is not None:
        return structural
    serializer = registry.of_type_in_plugins(kind)
    return plan_object if serializer is None else _by_serializer(serializer)


def _find_structural(kind: type) -> Plan | None:
    if issubclass(kind, (type, *_FUNCTIONS)):
        return _plan_reference
    if issubclass(kind, Enum):
        return plan_enum
    if customises_reduction(kind):
        return None
    if issubclass(kind, BaseException):
        return plan_exception
    if issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make"):
        return plan_named_tuple
    if issubclass(kind, BUILTIN_BASES):
        return plan_subtype
    if is_dataclass(kind) or record_fields(kind) is not None:
        return plan_record
    return None


def _by_serializer(serializer: Serializer) -> Plan:
    def plan(value: Any, packing: Packing) -> object:
        part = serializer.encode(value)
        if isinstance(part, Holding):
            part = packing.hold(part)
        return packing.tagged(wire.NAMED, (serializer.name, part))

    return plan


def _by_family(family: Family) -> Plan:
    def plan(value: Any, packing: Packing) -> object:
        facts = family.facts(value)
        packing.hold(Holding(None, facts))
        return [wire.NAMED, family.name, [[fact.content for fact in facts], plan_object(value, packing)]]

    return plan


def _by_format(own: Format) -> Plan:
    otherwise = None if own.serializer is None else _by_serializer(own.serializer)

    def plan(value: Any, packing: Packing) -> object:
        encoded = own.encode(value)
        if encoded is None:
            assert otherwise is not None
            return otherwise(value, packing)
        if encoded.size >= SPLIT_SIZE:
            return packing.split_off(encoded)
        return ExtType(own.code, b"".join(encoded.chunks))

    return plan


def _plan_reference(thing: Any, packing: Packing) -> object:
    code = registry.code.code_hash(thing) if registry.code is not None else None
    if code is not None:
        packing.ask()
    return packing.tagged(wire.REFERENCE, (name_of(thing), code))


def _plan_task(task: Any, packing: Packing) -> object:
    fullname, task_hash = task.__redux_task__, task.task_hash
    packing.hold_task(TaskFact(fullname, task_hash))
    defaults = defaults_of_task(task)
    parts: tuple[object, ...] = (fullname, task_hash)
    if defaults or task.overrides:
        parts += (_hash_defaults(defaults) if defaults else None,)
    if task.overrides:
        parts += (dict(task.overrides),)
    return packing.tagged(wire.TASK, parts)


def _hash_defaults(defaults: dict[str, object]) -> Digest | None:
    """What a call of a task takes where it isn't given: the task's hash does not have it. None: it can't be encoded."""
    with suppress(CannotEncode, TooDeep):
        return Packing(plan_of).encode(list(defaults.items())).hash
    return None


def _plan_int(value: int, packing: Packing) -> object:
    size = value.bit_length() // 8 + 1
    return ExtType(wire.Code.BIG_INT, value.to_bytes(size, "big", signed=True))


def _plan_set(value: set[object], packing: Packing) -> object:
    return ExtType(wire.Code.SET, packing.pack_set(value))


def _plan_frozenset(value: frozenset[object], packing: Packing) -> object:
    return ExtType(wire.Code.FROZENSET, packing.pack_set(value))


def _plan_complex(value: complex, packing: Packing) -> object:
    import struct  # noqa: PLC0415 - complex numbers are rare, start-up is not

    return ExtType(wire.Code.COMPLEX, struct.pack(">dd", value.real, value.imag))


def _plan_singleton(value: object, packing: Packing) -> object:
    name = next(name for name, known in wire.SINGLETONS.items() if known is value)
    return ExtType(wire.Code.SINGLETON, name)


def _plan_view(value: memoryview, packing: Packing) -> object:
    raise CannotEncode(value, "is a view of memory that is not its own", "pass bytes(view)")


def _plan_wrapped(wrapped: Wrapped, packing: Packing) -> object:
    value: Any = wrapped.value
    kind = type(value)
    if kind is memoryview:
        return _plan_view(value, packing)
    if kind is ExtType or kind is Timestamp:
        raise CannotEncode(value, "is msgpack's own", "pass what it was made from")
    if len(value) >= SPLIT_SIZE:
        return packing.split_off(encode_bytes(value))
    return ExtType(wire.Code.BYTEARRAY, bytes(value))


_BUILTIN: dict[type, Plan] = {
    int: _plan_int,
    set: _plan_set,
    frozenset: _plan_frozenset,
    complex: _plan_complex,
    type(Ellipsis): _plan_singleton,
    type(NotImplemented): _plan_singleton,
    Wrapped: _plan_wrapped,
}

registry.on_change.append(_plans.clear)
