"""Values that one text stands for: moments, durations, numbers, paths, and functions and classes by their names."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any

_ISO = {"datetime": "2026-01-31T12:00", "date": "2026-01-31", "time": "12:00"}
_BY_TEXT = {
    "decimal.Decimal": "a decimal number",
    "fractions.Fraction": "a fraction such as 3/4",
    "uuid.UUID": "a UUID",
    "builtins.complex": "a complex number such as 1+2j",
    "zoneinfo.ZoneInfo": "a time zone such as Europe/Paris",
    "ipaddress.IPv4Address": "an IPv4 address",
    "ipaddress.IPv6Address": "an IPv6 address",
}
_BY_NAME = (
    "collections.abc.Callable",
    "builtins.function",
    "redux.serializers.functions.Function",
    "redux.task.Task",
)
_NO_TEXT = "no text stands for that; call the task from one that makes it"
_UNITS = {"d": "days", "h": "hours", "min": "minutes", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_DURATION = re.compile(r"-?(\d+(\.\d+)?\s*(d|h|min|ms|m|s)\s*)+")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|ms|m|s)")


class Unreadable(ValueError):
    """A text or JSON value is not of the type asked for; the message says what it must be, `why` what is wrong.

    `told` is what is said instead of what was given to an argument, where it shows nothing of that.
    """

    def __init__(self, wanted: str, why: str = "", told: str = "") -> None:
        self.why = why
        self.told = told
        super().__init__(wanted)


def refusal(error: Unreadable, texts: list[str]) -> str:
    """The end of a message about texts that are not what they must be."""
    if error.told:
        return error.told
    shown = " ".join(map(repr, texts))
    return f"must be {error}, not {shown}{': ' if error.why else ''}{error.why}"


def build_scalar(text: str, hint: Any) -> object:
    """The value of a class that a text stands for. Raises Unreadable."""
    if is_by_name(hint):
        return _named(text, hint)
    hint = typing.get_origin(hint) or hint
    if not isinstance(hint, type):
        raise Unreadable(f"of type {hint}", _NO_TEXT)
    if hint is timedelta:
        return _duration(text)
    if hint.__module__ == "datetime" and hint.__name__ in _ISO:
        return _try(typing.cast(Any, hint).fromisoformat, text, f"a {hint.__name__} such as {_ISO[hint.__name__]}")
    if wanted := _BY_TEXT.get(f"{hint.__module__.partition('._')[0]}.{hint.__qualname__}"):
        return _try(hint, text, wanted)
    if hint is os.PathLike:
        return Path(text)
    if hint is re.Pattern:
        return _try(re.compile, text, "a regular expression")
    if issubclass(hint, PurePath) or hint is Path or is_file(hint):
        return hint(text)
    if issubclass(hint, (int, float, str)):
        return _try(hint, text, f"a {hint.__name__}")
    raise Unreadable(f"of type {hint.__qualname__}", _NO_TEXT)


def is_file(hint: type) -> bool:
    """Whether a type is File, FileSet or one made of them: one path makes it."""
    return any(base.__module__ == "redux.file" and base.__name__ in ("File", "FileSet") for base in hint.__mro__)


def _try(make: Callable[[str], object], text: str, wanted: str) -> object:
    try:
        return make(text)
    except (ValueError, ArithmeticError, LookupError, re.error):
        raise Unreadable(wanted) from None


def _duration(text: str) -> timedelta:
    """A duration as `90s`, `1h30m`, `2 d`, or `01:30:00`."""
    said = text.strip()
    sign = -1 if said.startswith("-") else 1
    if _DURATION.fullmatch(said):
        amounts: dict[str, float] = {}
        for amount, unit in _PART.findall(said):
            amounts[_UNITS[unit]] = amounts.get(_UNITS[unit], 0.0) + float(amount)
        return sign * timedelta(**amounts)
    clock = re.fullmatch(r"-?(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?", said)
    if clock is None:
        raise Unreadable("a duration such as 90s, 1h30m, 2d or 01:30:00")
    hours, minutes, seconds = clock.groups()
    return sign * timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0))


# -- by name -----------------------------------------------------------------------------------------


def is_by_name(hint: Any) -> bool:
    """Whether the values of a hint are functions, tasks or classes, which are given by their dotted names."""
    origin = typing.get_origin(hint) or hint
    if not isinstance(origin, type):
        return False
    name = f"{origin.__module__}.{origin.__qualname__}"
    return name in _BY_NAME or origin is type


def _named(text: str, hint: Any) -> object:
    """What a dotted name stands for. Raises Unreadable where there is nothing of it, or nothing that fits."""
    kind = typing.get_origin(hint) or hint
    what = "class" if kind is type else "task" if kind.__name__ == "Task" else "function"
    wanted = f"a {what} by its dotted name, package.module.name"
    found = _find_name(text, wanted)
    if not (isinstance(found, kind) if kind.__name__ in ("type", "Task") else callable(found)):
        raise Unreadable(wanted, f"that is a {type(found).__name__}")
    return found


def _find_name(text: str, wanted: str) -> object:
    names = text.replace(":", ".").split(".")
    if not all(name.isidentifier() for name in names):
        raise Unreadable(wanted)
    for count in range(max(len(names) - 1, 1), 0, -1):
        module = ".".join(names[:count]) if len(names) > 1 else "builtins"
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module + ".").startswith(error.name + "."):
                continue
            raise Unreadable(wanted, f"{module} cannot be imported: {error}") from None
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise Unreadable(wanted, f"{module} cannot be imported: {why}") from None
        try:
            for name in names[count:] if len(names) > 1 else names:
                found = getattr(found, name)
        except AttributeError:
            raise Unreadable(wanted, f"{module} has no {'.'.join(names[count:] or names)}") from None
        return found
    raise Unreadable(wanted, f"there is no module {names[0]}")
