"""Records as lines of JSON, for files that outlive the database: every record has one such line, and every line one.

A record is an object with its own fields in their order. Digests and ids are hex, other bytes base64, members of
enumerations their names, flags a list of them. JSON texts are UTF-8, which has no lone surrogates: U+FDD0 stands before
the four hex digits of one, and of itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, IntFlag
from functools import cache
from typing import Any, Generic, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from redux_backends.records import ExecutionId, JobId
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.errors import ReduxError

T = TypeVar("T")

_MARK = "\ufdd0"
_UNKEPT = re.compile(f"[\ud800-\udfff{_MARK}]")
_MARKED = re.compile(f"{_MARK}(d[89a-f][0-9a-f]{{2}}|fdd0)?")
_ID_SIZE = 16
_LARGEST = 2**63 - 1
_DIGITS = len(str(_LARGEST)) + 1


class BentLine(ReduxError):
    """A line is not the JSON of a record, as `why` says; `field` is where inside, empty for the line itself."""

    exit_code = 4

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why
        super().__init__(f"field {field}: {why}" if field else why)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How records of one type are written: `to_data` gives what JSON knows; `from_data` reads it, given where it is."""

    to_data: Callable[[T], Any]
    from_data: Callable[[Any, str], T]

    def line(self, record: T) -> bytes:
        """The line of a record, with its end. Raises ValueError for what JSON cannot say: a duration that is none."""
        text = json.dumps(self.to_data(record), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode() + b"\n"

    def record(self, line: bytes) -> T:
        """The record of a line, which has to be as `line` gives it. Raises `BentLine`."""
        try:
            data = json.loads(line.decode(), parse_int=_whole_number, parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise BentLine("", "it is not UTF-8") from None
        except RecursionError:
            raise BentLine("", "it is nested too deeply") from None
        except json.JSONDecodeError as error:
            raise BentLine("", f"it is not JSON, from character {error.pos} on") from None
        except _NoNumber as error:
            raise BentLine("", str(error)) from None
        record = self.from_data(data, "")
        if self.line(record) != line:
            raise BentLine("", "it is not written as redux writes it: fields in order, each once, without spaces")
        return record


class _NoNumber(ValueError):
    """What Python's JSON takes for a number, and we do not."""


def _whole_number(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise _NoNumber(f"the number {digits[:20]}… is too large")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise _NoNumber(f"{name} is no number")


@cache
def form_of(kind: type[T], without: frozenset[str] = frozenset()) -> Form[T]:
    """How records of a dataclass are written; fields named in `without`, in it and below, are left out and are None."""
    hints, all = get_type_hints(kind), [each.name for each in fields(kind)]  # pyright: ignore[reportArgumentType]
    parts = [(name, _form(hints[name], without)) for name in all if name not in without]
    names = [name for name, _ in parts]
    known = frozenset(names)
    absent = {name: None for name in all if name in without}

    def to_data(record: T) -> dict[str, Any]:
        return {name: form.to_data(getattr(record, name)) for name, form in parts}

    def from_data(data: Any, at: str) -> T:
        if not isinstance(data, dict):
            raise BentLine(at, f"{_shown(data)} is no object")
        if data.keys() != known:
            _complain_of_names(data, names, at)
        inside = f"{at}." if at else ""
        return kind(**{name: form.from_data(data[name], inside + name) for name, form in parts}, **absent)

    return Form(to_data, from_data)


def _complain_of_names(data: dict[str, Any], names: Sequence[str], at: str) -> NoReturn:
    inside = f"{at}." if at else ""
    for name in data:
        if name not in names:
            raise BentLine(inside + name[:40], f"unknown; there are {', '.join(names)}")
    raise BentLine(inside + next(name for name in names if name not in data), "missing")


def _form(hint: Any, without: frozenset[str]) -> Form[Any]:
    """The form of what a field holds, by its annotation."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(hint) if each is not types.NoneType)
        return _optional(_form(inner, without))
    if get_origin(hint) is tuple:
        item, _ = get_args(hint)
        return _list(_form(item, without))
    if is_dataclass(hint):
        return form_of(hint, without)  # pyright: ignore[reportArgumentType] - a class, since it is an annotation
    if issubclass(hint, IntFlag):
        return _flags(hint)
    if issubclass(hint, Enum):
        return _member(hint)
    raise TypeError(f"nobody knows how {hint} is written")


def _optional(inner: Form[Any]) -> Form[Any]:
    return Form(
        lambda value: None if value is None else inner.to_data(value),
        lambda data, at: None if data is None else inner.from_data(data, at),
    )


def _list(item: Form[Any]) -> Form[Any]:
    def from_data(data: Any, at: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise BentLine(at, f"{_shown(data)} is no list")
        return tuple(item.from_data(each, f"{at}[{number}]") for number, each in enumerate(data))

    return Form(lambda value: [item.to_data(each) for each in value], from_data)


def _member(kind: type[Enum]) -> Form[Any]:
    def from_data(data: Any, at: str) -> Any:
        if not isinstance(data, str) or data not in kind.__members__:
            raise BentLine(at, f"{_shown(data)} is no {kind.__name__} that this redux knows")
        return kind[data]

    return Form(lambda value: value.name, from_data)


def _flags(kind: type[IntFlag]) -> Form[Any]:
    def to_data(value: IntFlag) -> list[str]:
        names = [each.name or "" for each in kind if each & value]
        if sum(kind[name] for name in names) != value:
            raise ValueError(f"{value!r} has flags without a name")
        return names

    def from_data(data: Any, at: str) -> Any:
        if not isinstance(data, list):
            raise BentLine(at, f"{_shown(data)} is no list")
        value = kind(0)
        for name in data:
            if not isinstance(name, str) or name not in kind.__members__:
                raise BentLine(at, f"{_shown(name)} is none of {kind.__name__} that this redux knows")
            value |= kind[name]
        return value

    return Form(to_data, from_data)


def _hex(size: int | None) -> Form[Any]:
    told = f"{2 * size} hex digits" if size else "an id"

    def from_data(data: Any, at: str) -> bytes:
        if isinstance(data, str) and (len(data) == 2 * size if size else len(data) in (2 * _ID_SIZE, 2 * DIGEST_SIZE)):
            try:
                return bytes.fromhex(data)
            except ValueError:
                pass
        raise BentLine(at, f"{_shown(data)} is not {told}")

    return Form(bytes.hex, from_data)


def _data_from(data: Any, at: str) -> bytes:
    try:
        return base64.b64decode(_text_from(data, at), validate=True)
    except (binascii.Error, ValueError):
        raise BentLine(at, f"{_shown(data)} is not base64") from None


def _text_to(text: str) -> str:
    return text if text.isascii() else _UNKEPT.sub(lambda found: f"{_MARK}{ord(found[0]):04x}", text)


def _text_from(data: Any, at: str) -> str:
    if not isinstance(data, str):
        raise BentLine(at, f"{_shown(data)} is no text")
    if _MARK not in data:
        return data

    def unmarked(found: re.Match[str]) -> str:
        if found[1] is None:
            raise BentLine(at, "U+FDD0 stands without the four hex digits of what it is for")
        return chr(int(found[1], 16))

    return _MARKED.sub(unmarked, data)


def _exactly(kind: type, told: str) -> Callable[[Any, str], Any]:
    def from_data(data: Any, at: str) -> Any:
        if type(data) is not kind:
            raise BentLine(at, f"{_shown(data)} is {told}")
        if kind is int and not -_LARGEST <= data <= _LARGEST:
            raise BentLine(at, f"{_shown(data)} is too large")
        if kind is float and not math.isfinite(data):
            raise BentLine(at, "a number is too large")
        return data

    return from_data


def _shown(data: Any) -> str:
    if isinstance(data, (dict, list)):
        return "an object" if isinstance(data, dict) else "a list"
    text = json.dumps(data[:60] if isinstance(data, str) else data)
    return text if len(text) <= 60 else text[:59] + "…"


_PLAIN: dict[Any, Form[Any]] = {
    Digest: _hex(DIGEST_SIZE),
    ExecutionId: _hex(_ID_SIZE),
    JobId: _hex(_ID_SIZE),
    bytes: _hex(None),
    bytes | None: _optional(Form(lambda data: base64.b64encode(data).decode(), _data_from)),
    str: Form(_text_to, _text_from),
    bool: Form(bool, _exactly(bool, "neither true nor false")),
    int: Form(int, _exactly(int, "no whole number")),
    float: Form(float, _exactly(float, "no number with a decimal point")),
}
"""By annotation. Bare bytes are ids of any kind; those that may be missing are a value's."""
