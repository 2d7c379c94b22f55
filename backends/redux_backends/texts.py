"""Texts as each database can keep them: Python's may hold what UTF-8 or PostgreSQL does not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

_SURROGATES = "surrogatepass"
_MARK = "\ufdd0"
"""A character that no text has: it stands before the four hex digits of one that PostgreSQL cannot keep."""
_UNKEPT = re.compile(f"[\0\ud800-\udfff{_MARK}]")
_MARKED = re.compile(f"{_MARK}([0-9a-f]{{4}})")


def to_sqlite(text: str) -> str | bytes:
    """`text` as SQLite keeps it: lone surrogates (of undecodable paths, say) make it bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors=_SURROGATES)
    return text


def from_sqlite(kept: str | bytes) -> str:
    """The text that `to_sqlite` was given; of bytes that it never gave, with those that are no text as escapes."""
    if isinstance(kept, str):
        return kept
    try:
        return kept.decode(errors=_SURROGATES)
    except UnicodeDecodeError:
        return kept.decode(errors="backslashreplace")


def to_postgres(text: str) -> str:
    """`text` as PostgreSQL keeps it: NUL and lone surrogates are marked."""
    return _UNKEPT.sub(lambda found: f"{_MARK}{ord(found[0]):04x}", text)


def from_postgres(kept: str) -> str:
    """The text that `to_postgres` was given."""
    return _MARKED.sub(lambda found: chr(int(found[1], 16)), kept) if _MARK in kept else kept


def are_plain(texts: Iterable[str]) -> bool:
    """Whether every database keeps these texts as they are."""
    together = "".join(texts)
    if together.isascii():
        return "\0" not in together
    return _UNKEPT.search(together) is None


def texts_at(rows: Sequence[Sequence[Any]], places: Sequence[int]) -> Iterable[str]:
    """The texts at some places of rows, without those that are empty or none."""
    return chain.from_iterable(filter(None, map(itemgetter(at), rows)) for at in places)


class KeptText(TypeDecorator[str]):
    """Any text of Python's; equal texts are equal in the database, whatever its collation."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return to_postgres(value)
        return to_sqlite(value)  # pyright: ignore[reportReturnType] - SQLite keeps bytes among texts

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return from_postgres(value) if dialect.name == "postgresql" else from_sqlite(value)


def changed_at(row: Sequence[Any], places: Sequence[int], change: Callable[[str], str | bytes]) -> tuple[Any, ...]:
    """A row whose texts at some places are changed."""
    return tuple(change(part) if at in places and part is not None else part for at, part in enumerate(row))
