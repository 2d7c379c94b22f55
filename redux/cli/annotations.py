"""Values of an annotated type from command-line text or from JSON."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Set
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum, Flag
from functools import reduce
from operator import or_
from pathlib import PurePath
from typing import Any

from redux.cli.scalars import Unreadable, build_scalar, is_by_name, is_file
from redux.cli.secret_words import text_of_secret
from redux.redaction import hide
from redux.serializers.salt import salt_key
from redux.value import Secret, hooks_of

__all__ = [
    "ANYTHING",
    "Unreadable",
    "describe_hint",
    "is_flag",
    "is_secret",
    "most_texts",
    "plain_hint",
    "read_json",
    "read_text",
    "read_texts",
    "takes_none",
]

ANYTHING: Any = typing.Any
NoneType = type(None)

_SETS = ("set", "frozenset", "Set", "MutableSet")
_SEQUENCES = ("list", "Sequence", "MutableSequence", "Iterable", "Collection", "tuple", *_SETS)
_RECORDS = ("__required_keys__", "_fields", "__attrs_attrs__")
"""What marks a TypedDict, a NamedTuple and an attrs class."""
_MAPPINGS = ("dict", "Mapping", "MutableMapping")
_NONE = ("null", "none", "None")


def plain_hint(hint: Any) -> Any:
    """A hint without Annotated, NewType, type aliases and a None beside one other type."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif isinstance(hint, typing.TypeVar):
            hint = hint.__bound__ or (str if str in hint.__constraints__ else object)
        elif hint is typing.LiteralString:
            return str
        elif hint is object:
            return ANYTHING
        else:
            return _without_none(hint)


def _without_none(hint: Any) -> Any:
    if not _is_union(hint):
        return hint
    parts = [part for part in typing.get_args(hint) if part is not NoneType]
    return plain_hint(parts[0]) if len(parts) == 1 else typing.Union[tuple(parts)]  # noqa: UP007 - built at run time


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def takes_none(hint: Any) -> bool:
    """Whether None is among the values of a hint."""
    return hint is NoneType or (_is_union(hint) and NoneType in typing.get_args(hint))


def is_flag(hint: Any) -> bool:
    """Whether a hint is yes or no, so that an option of it takes no value."""
    return plain_hint(hint) is bool


def is_secret(hint: Any) -> bool:
    """Whether the values of a hint are secrets."""
    hint = plain_hint(hint)
    return (typing.get_origin(hint) or hint) is Secret


def most_texts(hint: Any) -> float:
    """How many texts an option of this hint may be given: one, the length of a tuple, or any number."""
    hint = plain_hint(hint)
    if _shape(hint) not in ("sequence", "mapping"):
        return 1
    parts = typing.get_args(hint)
    return len(parts) if typing.get_origin(hint) is tuple and parts[-1:] != (...,) else math.inf


def _parser(hint: Any) -> Callable[[str], object] | None:
    """How a type reads its own instances from text: by its `parse_arg`, or a proxy's; functions go by their names."""
    origin = typing.get_origin(hint) or hint
    hooks = hooks_of(origin) if isinstance(origin, type) and not is_by_name(hint) else None
    return None if hooks is None else hooks.parse


def takes_any_text(hint: Any) -> bool:
    """Whether every text is a value of a plain hint, so that `none` is one too."""
    parts = typing.get_args(hint) if _is_union(hint) else (hint,)
    classes = [part for part in map(plain_hint, parts) if isinstance(part, type)]
    return any(issubclass(part, (str, bytes, PurePath)) or is_file(part) for part in classes)


def _shape(hint: Any) -> str:
    """The family of a plain hint: secret, own, literal, union, sequence, mapping, enum, record, or scalar."""
    if is_secret(hint):
        return "secret"
    if _parser(hint) is not None:
        return "own"
    origin = typing.get_origin(hint) or hint
    if origin is typing.Literal:
        return "literal"
    if _is_union(hint):
        return "union"
    if not isinstance(origin, type):
        return "scalar"
    name = origin.__name__
    if origin.__module__ in ("builtins", "collections.abc", "typing"):
        if name in _SEQUENCES:
            return "sequence"
        if name in _MAPPINGS:
            return "mapping"
    if issubclass(origin, Enum):
        return "enum"
    if is_dataclass(origin) or any(hasattr(origin, mark) for mark in _RECORDS):
        return "record"
    return "scalar"


def describe_hint(hint: Any) -> str:
    """A hint as help and errors show it."""
    hint = plain_hint(hint)
    shape = _shape(hint)
    if shape == "literal":
        return "|".join(str(choice) for choice in typing.get_args(hint))
    if shape == "enum":
        return "|".join(hint.__members__)
    if shape == "union":
        return "|".join(describe_hint(part) for part in typing.get_args(hint))
    if hint is ANYTHING:
        return "value"
    if is_by_name(hint):
        return "package.module.name"
    if shape == "secret" and not typing.get_args(hint):
        return "Secret"
    parts = [("…" if part is ... else describe_hint(part)) for part in typing.get_args(hint)]
    name = getattr(typing.get_origin(hint) or hint, "__name__", str(hint))
    return f"{name}[{', '.join(parts)}]" if parts else name


# -- from text ---------------------------------------------------------------------------------------


def read_text(text: str, hint: Any) -> object:
    """The value of type `hint` that a text stands for. Raises Unreadable."""
    may_be_none = text in _NONE and takes_none(hint)
    hint = plain_hint(hint)
    if may_be_none and not takes_any_text(hint):
        return None
    if hint is ANYTHING:
        return _read_loose(text)
    reader = _TEXT_READERS.get(_shape(hint), _read_scalar)
    return reader(text, hint)


def read_texts(texts: list[str], hint: Any) -> object:
    """The list, tuple, set or dict that an option given once or several times stands for. Raises Unreadable."""
    if len(texts) == 1:
        return read_text(texts[0], hint)
    hint = plain_hint(hint)
    if _shape(hint) == "mapping":
        pairs: dict[object, object] = {}
        for text in texts:
            pairs.update(_read_mapping(text, hint))
        return pairs
    return _as_sequence([read_text(text, part) for text, part in _pair(texts, hint)], hint)


def _read_loose(text: str) -> object:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_scalar(text: str, hint: Any) -> object:
    if hint is str:
        return text
    if hint is bool:
        return _read_truth(text)
    if hint is bytes or hint is bytearray:
        return hint(text.encode())
    if hint is int or hint is float:
        try:
            return hint(text)
        except ValueError:
            raise Unreadable("a whole number" if hint is int else "a number") from None
    if hint is NoneType:
        if text in ("null", "none", "None", ""):
            return None
        raise Unreadable("null")
    return build_scalar(text, hint)


def _read_own(text: str, hint: Any) -> object:
    parse = _parser(hint)
    assert parse is not None
    try:
        return parse(text)
    except Exception as error:  # somebody's code, which can raise anything
        raise Unreadable(f"of type {describe_hint(hint)}", str(error) or type(error).__name__) from None


def _read_secret(text: str, hint: Any) -> object:
    salt_key()  # before the run rather than in it
    said = text_of_secret(text)
    if said == text:
        hide(text)  # as it stands among the words of the command
    try:
        return Secret(read_text(said, _content_of(hint)))
    except Unreadable as error:
        raise Unreadable(str(error)) from None


def _content_of(hint: Any) -> Any:
    """What a Secret is one of."""
    return (*typing.get_args(hint), str)[0]


def _read_truth(text: str) -> bool:
    said = text.strip().lower()
    if said in ("1", "true", "yes", "on"):
        return True
    if said in ("0", "false", "no", "off"):
        return False
    raise Unreadable("yes or no")


def _read_choice(text: str, hint: Any) -> object:
    choices = {str(choice): choice for choice in typing.get_args(hint)}
    if text not in choices:
        raise Unreadable("one of " + ", ".join(choices))
    return choices[text]


def _read_member(text: str, hint: Any) -> object:
    if issubclass(hint, Flag) and "|" in text:
        return reduce(or_, (_read_member(part.strip(), hint) for part in text.split("|")))
    if text in hint.__members__:
        return hint[text]
    by_value = {str(member.value): member for member in hint}
    if text not in by_value:
        raise Unreadable("one of " + ", ".join(hint.__members__))
    return by_value[text]


def _read_union(text: str, hint: Any) -> object:
    """The most particular of a union's types that the text fits: str comes last."""
    for part in sorted(typing.get_args(hint), key=lambda part: plain_hint(part) is str):
        try:
            return read_text(text, part)
        except Unreadable:
            continue
    raise Unreadable(describe_hint(hint))


def _read_sequence(text: str, hint: Any) -> object:
    """A JSON array, else a single element."""
    if text.lstrip().startswith("["):
        try:
            return read_json(json.loads(text), hint)
        except ValueError as error:
            if not isinstance(error, Unreadable):
                raise Unreadable("a JSON array, or single elements", str(error)) from None
            raise
    pairs = _pair([text], hint)
    try:
        return _as_sequence([read_text(one, part) for one, part in pairs], hint)
    except Unreadable as error:
        raise Unreadable(f"a JSON array, or one element at a time, each {error}", error.why) from None


def _read_mapping(text: str, hint: Any) -> dict[object, object]:
    """A JSON object, else KEY=VALUE."""
    if text.lstrip().startswith("{"):
        return typing.cast("dict[object, object]", read_json(_json(text, "a JSON object"), hint))
    key, equals, value = text.partition("=")
    if not equals:
        raise Unreadable("KEY=VALUE or a JSON object")
    key_hint, value_hint = typing.get_args(hint) or (str, ANYTHING)
    return {read_text(key, key_hint): read_text(value, value_hint)}


def _read_record(text: str, hint: Any) -> object:
    return read_json(_json(text, f"a JSON object for {hint.__name__}"), hint)


def _json(text: str, wanted: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreadable(wanted, str(error)) from None


_TEXT_READERS: Mapping[str, Callable[[str, Any], object]] = {
    "secret": _read_secret,
    "own": _read_own,
    "literal": _read_choice,
    "enum": _read_member,
    "union": _read_union,
    "sequence": _read_sequence,
    "mapping": _read_mapping,
    "record": _read_record,
}


# -- from JSON ---------------------------------------------------------------------------------------


def read_json(value: Any, hint: Any) -> object:
    """The value of type `hint` that a JSON value stands for. Raises Unreadable."""
    if value is None and (takes_none(hint) or plain_hint(hint) is ANYTHING):
        return None
    hint = plain_hint(hint)
    if hint is ANYTHING:
        return value
    shape = _shape(hint)
    if shape == "secret" and not isinstance(value, str):
        return Secret(read_json(value, _content_of(hint)))
    if shape == "sequence" and isinstance(value, list):
        return _as_sequence([read_json(one, part) for one, part in _pair(value, hint)], hint)
    if shape == "mapping" and isinstance(value, dict):
        key_hint, value_hint = typing.get_args(hint) or (str, ANYTHING)
        return {read_text(key, key_hint): read_json(one, value_hint) for key, one in value.items()}
    if shape == "record" and isinstance(value, dict):
        return _record_from_json(value, hint)
    if shape in ("sequence", "mapping", "record"):
        raise Unreadable("a JSON array" if shape == "sequence" else "a JSON object")
    if shape == "union":
        return _union_from_json(value, hint)
    if shape == "scalar" and type(value) is hint:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(value, str) and hint not in (int, float, bool):
        return read_text(value, hint)
    if shape in ("literal", "enum"):
        return read_text(str(value), hint)
    raise Unreadable(f"of type {describe_hint(hint)} (in JSON)")


def _union_from_json(value: object, hint: Any) -> object:
    for part in sorted(typing.get_args(hint), key=lambda part: plain_hint(part) is not type(value)):
        try:
            return read_json(value, part)
        except Unreadable:
            continue
    raise Unreadable(describe_hint(hint))


def _record_from_json(value: Mapping[str, object], hint: Any) -> object:
    name = hint.__name__
    hints = typing.get_type_hints(hint)
    known = _known_names(hint, hints)
    if unknown := set(value) - set(known):
        known_names = ", ".join(known)
        raise Unreadable(f"of type {name}, which has no {', '.join(sorted(unknown))} but {known_names}")
    if missing := [name for name in _required(hint) if name not in value]:
        raise Unreadable(f"of type {name}, with {', '.join(missing)} too")
    read = {field: _field_from_json(name, field, one, hints.get(field, ANYTHING)) for field, one in value.items()}
    try:
        return hint(**read)
    except Exception as error:  # the class's own code
        raise Unreadable(f"of type {name}", f"{type(error).__name__}: {error}") from None


def _field_from_json(record: str, field: str, value: object, hint: Any) -> object:
    try:
        return read_json(value, hint)
    except Unreadable as error:
        raise Unreadable(f"of type {record}, whose {field} must be {error}", error.why) from None


def _known_names(hint: Any, hints: Mapping[str, Any]) -> list[str]:
    if is_dataclass(hint):
        return [field.name for field in fields(hint) if field.init]
    attributes = getattr(hint, "__attrs_attrs__", None)
    return list(hints) if attributes is None else [one.alias for one in attributes if one.init]


def _required(hint: Any) -> list[str]:
    if is_dataclass(hint):
        return [
            field.name
            for field in fields(hint)
            if field.init and field.default is MISSING and field.default_factory is MISSING
        ]
    attributes = getattr(hint, "__attrs_attrs__", None)
    if attributes is not None:
        return [one.alias for one in attributes if one.init and repr(one.default) == "NOTHING"]
    required = getattr(hint, "__required_keys__", None)
    if required is not None:
        return sorted(required)
    return [name for name in hint._fields if name not in hint._field_defaults]


def _pair(values: list[Any], hint: Any) -> list[tuple[Any, Any]]:
    """Every value with the hint of its place. Raises Unreadable where a tuple has another length."""
    parts = typing.get_args(hint)
    if (typing.get_origin(hint) or hint) is tuple and parts and parts[-1] is not ...:
        if len(parts) != len(values):
            raise Unreadable(f"{len(parts)} values ({describe_hint(hint)})")
        return list(zip(values, parts, strict=True))
    return [(value, parts[0] if parts else ANYTHING) for value in values]


def _as_sequence(values: list[object], hint: Any) -> object:
    origin = typing.get_origin(hint) or hint
    if origin in (tuple, set, frozenset):
        return origin(values)
    return set(values) if isinstance(origin, type) and issubclass(origin, Set) else values
