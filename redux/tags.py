"""Tags: a key and a value on a record, as text and as data.

A value is JSON where its text is JSON, else the text itself: `n=3` is a number, `stage=raw` a text, `n="3"` a text too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, cast

from redux_valuestore.errors import ReduxError

Tags = tuple[tuple[str, str], ...]
"""Keys with values as canonical JSON: what is recorded."""

TagsGiven = Mapping[str, object] | Iterable[tuple[str, object]]
"""Tags as people give them: pairs, or a mapping."""


OWN_KEYS = ("redux.", "redun.")
"""How the keys begin of tags that redux itself puts on records."""


class TagError(ReduxError, ValueError):
    """A tag has no key, or a value that is not JSON."""

    exit_code = 2


class _AnyValue:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ANY_VALUE"


ANY_VALUE: Final = _AnyValue()
"""Stands for every value, where a key alone is asked for."""


def parse_tag_value(value_str: str) -> Any:
    """The value that a text stands for: what it says as JSON, else the text itself."""
    try:
        return json.loads(value_str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value_str


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the like are no JSON


def parse_tag_key_value(key_value: str, value_required: bool = True) -> tuple[str, Any]:
    """Key and value of a text, `key_value`, like `key=value`; of a key alone, ANY_VALUE stands for its value.

    With `value_required` a key alone raises TagError, as does any text without a key.
    """
    key, equals, value = key_value.partition("=")
    if not key.strip() or key != key.strip():
        raise TagError(f"{key_value!r} is no tag: write key=value, as in stage=raw or n=3")
    if equals:
        return key, parse_tag_value(value)
    if value_required:
        raise TagError(f"the tag {key_value!r} has no value: write {key_value}=VALUE")
    return key, ANY_VALUE


def format_tag_value(value: object) -> str:
    """A value as the text that `parse_tag_value` takes back: bare where that is enough, else JSON."""
    if isinstance(value, str) and value.isprintable() and value.strip() == value and parse_tag_value(value) == value:
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def format_tag_key_value(key: str, value: object, max_length: int | None = None) -> str:
    """`key=value`, cut with an ellipsis to `max_length` characters where that is given."""
    text = key if value is ANY_VALUE else f"{key}={format_tag_value(value)}"
    return text if max_length is None or len(text) <= max_length else text[: max(max_length - 1, 1)] + "…"


def as_tags(given: TagsGiven | None) -> Tags:
    """Tags as they are recorded, in the order given, each once. Raises TagError."""
    if given is None:
        return ()
    pairs = cast("Mapping[str, object]", given).items() if isinstance(given, Mapping) else given
    return tuple(dict.fromkeys(_as_tag(pair) for pair in pairs))


def given_tags(given: TagsGiven | None) -> Tags:
    """The same of tags that somebody gives. Raises TagError, for keys that are redux's own, too."""
    tags = as_tags(given)
    own = next((key for key, _ in tags if key.startswith(OWN_KEYS)), None)
    if own is not None:
        raise TagError(f"the tag {own!r} is redux's own, as all that begin with redux. or redun.: take another name")
    return tags


def _as_tag(pair: object) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(cast("tuple[object, ...]", pair)) != 2:
        raise TagError(f"{pair!r} is no tag: give pairs of key and value, or a dict")
    key, value = cast("tuple[object, object]", pair)
    if not isinstance(key, str) or not key.strip():
        raise TagError(f"{key!r} is no key of a tag: give a text that is not empty")
    try:
        return key, json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TagError(f"the tag {key!r} cannot be written as JSON ({error}); give text, numbers or lists") from None
