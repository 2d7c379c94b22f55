"""Values as people write them on the command line: which recorded ones are meant. Only plain data is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

from redux.errors import AmbiguousId, UnknownId, UsageError
from redux.lineage.recorded_files import paths_of
from redux.tags import parse_tag_value
from redux.value import hash_value
from redux_backends.answers import GivenFilter
from redux_backends.backend import Backend
from redux_backends.patterns import is_plain
from redux_valuestore.digest import Digest

_NAMED = re.compile(r"([A-Za-z_][\w\[\].]*)=(.*)", re.DOTALL)
_ID = re.compile("[0-9a-fA-F]{4,64}")
_HOLDERS = 1000
"""How many values that hold a file are looked for."""
_CONSTANTS = {"None": None, "True": True, "False": False}


def read_given(backend: Backend, text: str) -> GivenFilter:
    """What `--arg [NAME=]VALUE` asks for. Raises UsageError where no recorded value is meant."""
    named = _NAMED.fullmatch(text)
    if named is None:
        return GivenFilter(values_meant(backend, "--arg", text))
    return GivenFilter(values_meant(backend, "--arg", named[2]), named[1])


def values_meant(backend: Backend, option: str, text: str) -> tuple[Digest, ...]:
    """The recorded values that a text means: one of this hash, one that is this data, those that hold this file.

    Raises UsageError where none is recorded.
    """
    found = set(backend.describe_values(sorted(set(map(hash_value, _as_data(text))))))
    if _ID.fullmatch(text):
        found |= set(_by_hash(backend, text))
    if is_plain(text):
        found |= set(backend.list_values(paths_of(text), limit=_HOLDERS))
    if not found:
        raise UsageError(
            f"{option} {text}: no recorded value is {text!r}; write it as JSON (3, true, [1, 2]), as a text, as the "
            "path of a file, or its hash as `redux log --list values` shows it"
        )
    return tuple(sorted(found))


def _as_data(text: str) -> Iterator[object]:
    yield text
    data = _CONSTANTS[text] if text in _CONSTANTS else parse_tag_value(text)
    if not isinstance(data, str) or data != text:
        yield data
    if isinstance(data, int) and not isinstance(data, bool):
        yield float(data)
    if isinstance(data, list):
        yield tuple(data)


def _by_hash(backend: Backend, text: str) -> Iterator[Digest]:
    try:
        found = backend.resolve(text)
    except (UnknownId, AmbiguousId):
        return
    if found.kind == "value":
        yield Digest(found.id)
