"""One line that shows a value, made when it is recorded: no code of the value's own is run for it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from redux.redaction import REDACTED, begin_of, redacted
from redux.secret_names import hides
from redux.serializers.encoded import Lazy, type_name_of
from redux.serializers.handles import Handle, shown

_DEPTH = 4
_PARTS = 20
_ATTRIBUTES = 4
_HEAP_TYPE = 1 << 9
"""The flag of types made by a class statement, or as one is; those of C modules are built another way."""


def preview(value: object, limit: int = 120) -> str:
    """A value in one line of at most `limit` characters."""
    text = _show(value, _DEPTH, limit)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    text = redacted(text)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _show_text(value: str | bytes | bytearray, limit: int) -> str:
    if len(value) <= limit:
        return repr(value)
    if isinstance(value, str):
        value = begin_of(value, limit)
    return repr(value[:limit])[:-1] + "…"


def _show(value: Any, depth: int, limit: int) -> str:
    kind = type(value)
    if kind is str or kind is bytes or kind is bytearray:
        return _show_text(value, limit)
    if kind is int:
        return repr(value) if value.bit_length() < 4 * limit else f"<int of {value.bit_length()} bits>"
    if kind in _PLAIN:
        return repr(value)
    if kind in _BRACKETS:
        return _show_container(value, kind, depth, limit)
    return _show_other(value, kind, depth, limit)


def _show_container(value: Any, kind: type, depth: int, limit: int) -> str:
    left, right = _BRACKETS[kind]
    if not value:
        return "set()" if kind is set else left + right
    if depth == 0:
        return f"{left}…{right}"
    shown: list[str] = []
    room = limit
    for part in islice(value.items() if kind is dict else value, _PARTS):
        if room <= 0:
            break
        text = (
            f"{_show(part[0], depth - 1, room)}: {_show_under(part[0], part[1], depth - 1, room, value)}"
            if kind is dict
            else _show(part, depth - 1, room)
        )
        shown.append(text)
        room -= len(text) + 2
    if len(shown) < len(value):
        shown.append("…")
    elif kind is tuple and len(value) == 1:
        right = ",)"
    return left + ", ".join(shown) + right


def _show_under(name: object, value: object, depth: int, limit: int, within: object = None) -> str:
    return REDACTED if hides(name, value, within) else _show(value, depth, limit)


def _show_other(value: Any, kind: type, depth: int, limit: int) -> str:
    name = kind.__qualname__
    if kind.__module__.startswith("redux."):
        return repr(value)  # our own, short and safe
    if isinstance(value, Lazy):
        return f"<lazy {name}>"
    if issubclass(kind, Handle):
        return shown(value)
    if isinstance(value, type):
        return f"<class {value.__module__}.{value.__qualname__}>"
    task = value.__dict__.get("__redux_task__") if hasattr(kind, "task_hash") and hasattr(value, "__dict__") else None
    if isinstance(task, str):
        return f"<task {task}>"
    package = kind.__module__.partition(".")[0]
    if package == "redux":
        return repr(value)  # our own, and made for people
    special = _SPECIAL.get(package)
    if special is not None:
        return special(value, kind, limit)
    if isinstance(value, Enum):
        return f"{name}.{value._name_}"
    if isinstance(value, BaseException):
        return f"{name}({', '.join(_show(arg, depth - 1, limit) for arg in value.args[:4])})" if depth else f"{name}(…)"
    return _show_fields(value, kind, depth, limit)


def _show_fields(value: Any, kind: type, depth: int, limit: int) -> str:
    name = kind.__qualname__
    if is_dataclass(kind):
        names = [field.name for field in fields(kind) if field.repr]
    elif isinstance(value, tuple) and hasattr(kind, "_fields"):
        names = list(getattr(kind, "_fields"))  # noqa: B009 - a named tuple's, whose class pyright cannot know
    elif hasattr(kind, "__attrs_attrs__"):
        names = [attribute.name for attribute in kind.__attrs_attrs__]  # pyright: ignore
    else:
        return _show_attributes(value, kind, limit)
    if not depth:
        return f"{name}(…)"
    shown: list[str] = []
    room = limit
    for field in names[:_PARTS]:
        if room <= 0:
            shown.append("…")
            break
        text = f"{field}={_show_under(field, _attribute(value, field), depth - 1, room)}"
        shown.append(text)
        room -= len(text) + 2
    return f"{name}({', '.join(shown)})"


def _show_attributes(value: object, kind: type, limit: int) -> str:
    """An object of a class written in Python by the first of its attributes that are atoms, if it has any."""
    attributes = [(name, part) for name, part in stored_in(value).items() if not name.startswith("_")]
    simple = [(name, part) for name, part in attributes if type(part) in _ATOMS][:_ATTRIBUTES]
    if not simple:
        return f"<{type_name_of(value)}>"
    shown = [f"{name}={_show_under(name, part, 0, limit)}" for name, part in simple]
    return f"{kind.__qualname__}({', '.join(shown)}{', …' if len(simple) < len(attributes) else ''})"


def stored_in(value: object) -> dict[str, object]:
    """What an object of a class written in Python holds; of any other, nothing.

    It is read by the descriptors that Python itself made: a class's own would run its code.
    """
    kinds = [base for base in type(value).__mro__ if base is not object]
    if not all(base.__flags__ & _HEAP_TYPE for base in kinds):
        return {}
    stored: dict[str, object] = {}
    for kind in kinds:
        for name, descriptor in vars(kind).items():
            if name == "__dict__" and type(descriptor) is GetSetDescriptorType:
                stored.update(descriptor.__get__(value))
            elif type(descriptor) is MemberDescriptorType:
                with suppress(AttributeError):  # never set
                    stored[name] = descriptor.__get__(value)
    return stored


def _attribute(value: object, name: str) -> object:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return Ellipsis


def _show_standard(value: Any, kind: type, limit: int) -> str:
    """A type of the standard library whose own repr is short and never fails."""
    if f"{kind.__module__}.{kind.__qualname__}" in _TRUSTED_REPR:
        text = repr(value)
        return text.removeprefix(f"{kind.__module__}.")
    return f"<{type_name_of(value)}>"


def _show_numpy(value: Any, kind: type, limit: int) -> str:
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return f"<{type_name_of(value)}>"
    dtype = str(value.dtype) if value.dtype.names is None else f"({', '.join(value.dtype.names)})"
    if not value.shape and not isinstance(value, _array_type(kind)):
        return f"{value.item()!r:.{limit}} ({dtype})" if dtype != "object" else f"<{kind.__qualname__}>"
    return f"<{kind.__qualname__} {dtype} {'×'.join(map(str, value.shape)) or 'of one'}>"


def _array_type(kind: type) -> tuple[type, ...]:
    return tuple(base for base in kind.__mro__ if base.__qualname__ == "ndarray")


def _show_table(value: Any, kind: type, limit: int) -> str:
    if kind.__qualname__ in _PANDAS_SCALARS:
        return f"{kind.__qualname__}({str(value)!r})"
    columns = getattr(value, "columns", None)
    rows = getattr(value, "num_rows", None)
    names = getattr(value, "column_names", None) or (columns if rows is None else None)
    shape = getattr(value, "shape", None)
    if names is not None and shape is not None and len(shape) == 2:
        shown = ", ".join(str(column)[:40] for column in islice(names, _PARTS))
        return f"<{kind.__qualname__} {shape[0]}×{shape[1]}: {shown}{', …' if shape[1] > _PARTS else ''}>"
    dtype = getattr(value, "dtype", None) or getattr(value, "type", None)
    if dtype is not None and hasattr(value, "__len__"):
        return f"<{kind.__qualname__} {str(dtype)[:60]} {len(value)}>"
    return f"<{type_name_of(value)}>"


_PLAIN = (type(None), bool, float, complex, range, type(Ellipsis), type(NotImplemented))
_ATOMS = frozenset({type(None), bool, int, float, str, bytes})
_BRACKETS = {list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}"), set: ("{", "}"), frozenset: ("frozenset({", "})")}
_TRUSTED_REPR = frozenset(
    {
        "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "zoneinfo.ZoneInfo",
        "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath", "pathlib._local.WindowsPath",
        "pathlib._local.PurePosixPath", "pathlib._local.PureWindowsPath",
    }
)  # fmt: skip
_PANDAS_SCALARS = ("Timestamp", "Timedelta", "Period", "NaTType", "NAType")
_SPECIAL = {
    "datetime": _show_standard, "decimal": _show_standard, "fractions": _show_standard, "uuid": _show_standard,
    "zoneinfo": _show_standard, "pathlib": _show_standard, "numpy": _show_numpy, "pandas": _show_table,
    "polars": _show_table, "pyarrow": _show_table,
}  # fmt: skip
