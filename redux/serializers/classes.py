"""Instances of classes that say what they are made of: enums, records, named tuples, errors, subclasses of builtins."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from redux.serializers import wire
from redux.serializers.foreign import CAUTION
from redux.serializers.names import class_name_of, class_named
from redux.serializers.packing import ATOMS, Packing
from redux.serializers.trouble import CannotDecode, expect

_MUTABLE: tuple[Any, ...] = (list, dict, set, bytearray)
_ABSENT = object()
_MOST_BITS = 4_096
BUILTIN_BASES = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)


# -- enums -----------------------------------------------------------------------------------------


def plan_enum(value: Enum, packing: Packing) -> object:
    """A member by name and plain value; a combination of flags, which has no member, by value alone."""
    kind = type(value)
    name = value.name if kind.__members__.get(value.name or "") is value else None
    plain = _plain_enum_value(value.value)
    return packing.tagged(wire.ENUM, (class_name_of(value), name, plain if name is not None else value.value))


def _plain_enum_value(value: object) -> object:
    if type(value) in ATOMS or (type(value) is tuple and ATOMS.issuperset(map(type, value))):
        return value
    return None


def build_enum(name: str, member: str | None, value: Any) -> object:
    """The member. Raises CannotDecode where the class has none of that name, or gives it another value now."""
    kind = class_named(name)
    if not issubclass(kind, Enum):
        raise _changed(name, "an enum")
    if member is None:
        # The flags of a number are looked for bit by bit.
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _changed(name, f"an enum with flags of {value.bit_length():,} bits")
        return kind(value)
    found = kind.__members__.get(member)
    if found is None or _plain_enum_value(found.value) != value:
        raise CannotDecode(
            f"{name.replace(':', '.')}.{member} is not what it was ({value!r}); the call that made it has to run again"
        )
    return found


# -- records ---------------------------------------------------------------------------------------


@cache
def record_fields(kind: type) -> tuple[str, ...] | None:
    """The names of a dataclass's or attrs class's fields; None for other classes."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    attributes = kind.__dict__.get("__attrs_attrs__")
    return None if attributes is None else tuple(attribute.name for attribute in attributes)


def plan_record(value: Any, packing: Packing) -> object:
    """A dataclass or attrs instance by its fields; what else was set on it, or cached in it, is not content."""
    names = record_fields(type(value)) or ()
    content = {name: part for name in names if (part := getattr(value, name, _ABSENT)) is not _ABSENT}
    return packing.tagged(wire.RECORD, (class_name_of(value), content))


def build_record(name: str, content: dict[str, object]) -> object:
    """The instance, its class's `__init__` not run. Raises CannotDecode where the fields have changed."""
    kind = class_named(name)
    names = record_fields(kind)
    if names is None:
        raise _changed(name, "a dataclass or attrs class")
    if not content.keys() <= set(names) or any(
        field not in content and not hasattr(kind, field) and field in _needed(kind) for field in names
    ):
        raise CannotDecode(
            f"{name.replace(':', '.')} has other fields than when the value was made; "
            "the call that made it has to run again"
        )
    made = object.__new__(kind)
    for field, part in content.items():
        object.__setattr__(made, field, part)
    return made


def _needed(kind: Any) -> set[str]:
    if is_dataclass(kind):
        return {field.name for field in fields(kind) if field.init}
    return {attribute.name for attribute in kind.__attrs_attrs__ if attribute.init}


def plan_named_tuple(value: Any, packing: Packing) -> object:
    """A named tuple: its class, then its elements."""
    return packing.tagged(wire.NAMED_TUPLE, (class_name_of(value), *value))


def build_named_tuple(name: str, *parts: object) -> object:
    """The named tuple. Raises CannotDecode where the number of fields has changed."""
    kind: Any = class_named(name)
    if not issubclass(kind, tuple) or len(getattr(kind, "_fields", ())) != len(parts):
        raise _changed(name, f"a named tuple of {len(parts)}")
    return tuple.__new__(kind, parts)


# -- errors ----------------------------------------------------------------------------------------


def plan_exception(value: BaseException, packing: Packing) -> object:
    """An error by type, arguments, attributes and notes; its traceback, cause and context are not content."""
    state = {name: part for name, part in vars(value).items() if not name.startswith("__redux")}
    return packing.tagged(wire.EXCEPTION, (class_name_of(value), _arguments(value), state))


def _arguments(value: BaseException) -> tuple[object, ...]:
    if isinstance(value, OSError) and value.filename is not None and len(value.args) == 2:
        more = (None, value.filename2) if value.filename2 is not None else ()
        return (*value.args, value.filename, *more)
    return value.args


def build_exception(name: str, args: tuple[object, ...], state: dict[str, object]) -> object:
    """The error, made by the builtin class it derives from: its own `__init__` may take other arguments."""
    kind = class_named(name)
    if not issubclass(kind, BaseException):
        raise _changed(name, "an exception")
    builtin: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    expect(args, tuple)
    made = builtin.__new__(kind, *args)
    builtin.__init__(made, *args)
    made.__dict__.update(expect(state, dict))
    return made


# -- subclasses of builtins ------------------------------------------------------------------------


def plan_subtype(value: Any, packing: Packing) -> object:
    """An instance of a subclass of a builtin: the class, the builtin's content, the attributes."""
    kind = type(value)
    base = _base_of(kind)
    plain = base.__getitem__(value, slice(None)) if base in (str, bytes) else _plain(base, value)
    return packing.tagged(wire.SUBTYPE, (class_name_of(value), plain, _state_of(value)))


def _base_of(kind: type) -> Any:
    return next(base for base in kind.__mro__ if base in BUILTIN_BASES)


def _plain(base: Any, value: Any) -> object:
    """The builtin's content, past any method that the subclass overrides."""
    if base is dict:
        return dict(zip(dict.keys(value), dict.values(value), strict=True))
    if base in (int, float, complex):
        return {int: int.__int__, float: float.__float__, complex: complex.__complex__}[base](value)
    return base(base.__iter__(value))


def _state_of(value: Any) -> dict[str, object] | None:
    state = dict(getattr(value, "__dict__", None) or {})
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                state[name] = getattr(value, name)
    return state or None


def build_subtype(name: str, plain: Any, state: dict[str, object] | None) -> object:
    """The instance, its class's `__new__` and `__init__` not run. Raises `CannotDecode`."""
    kind: Any = class_named(name)
    base: type = type(plain)
    if base not in BUILTIN_BASES or not issubclass(kind, base):
        raise _changed(name, f"a subclass of {base.__name__}")
    made = _new_subtype(kind, base, plain)
    for attribute, part in (state or {}).items():
        if attribute.startswith("__") and CAUTION.get() is not None:  # `__class__` would make it another thing
            raise CannotDecode(f"{name.replace(':', '.')} is given {attribute!r:.40} from elsewhere; run its call here")
        object.__setattr__(made, attribute, part)
    return made


def _new_subtype(kind: Any, base: Any, plain: object) -> Any:
    if base not in _MUTABLE:
        return base.__new__(kind, plain)
    made = base.__new__(kind)
    base.__init__(made, plain)
    return made


def _changed(name: str, what: str) -> CannotDecode:
    return CannotDecode(f"{name.replace(':', '.')} is not {what} any more; the call that made it has to run again")
