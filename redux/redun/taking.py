"""What an import works with, and what it has counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from redux.border import Arrival
from redux.redun.known import Book
from redux.redun.source import Source
from redux.redun.value_files import ValueFiles
from redux.repo import Repo
from redux.serializers.redun_values import redun_header
from redux_backends.exchange import Records
from redux_backends.progress import Tell
from redux_backends.records import Seconds, Tag, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes

T = TypeVar("T")

PAGE = 1_000
"""Rows of a table that are taken at a time."""
UNKNOWN_MOMENT: Seconds = 0.0
"""When redun's tags were made: it does not say."""
HASH_TAG = "redun.hash"
"""The tag under which a value or call has redun's hash of it; a task is a value, too."""


@dataclass(slots=True)
class Counts:
    """What there was to take over, by kind, and what was odd."""

    read: dict[str, int] = field(default_factory=dict[str, int])
    new_executions: int = 0
    missing: int = 0
    """values whose bytes are nowhere"""
    one_call: int = 0
    """calls that differ for redun alone: by position or keyword"""
    lost: int = 0
    """what names something that is not in the database"""
    unended: int = 0
    """executions that never ended"""


@dataclass(frozen=True, slots=True)
class Taking:
    """One import under way."""

    source: Source
    repo: Repo
    book: Book
    files: ValueFiles
    tell: Tell
    arrival: Arrival
    counts: Counts = field(default_factory=Counts)

    def put(self, records: Records) -> None:
        """Record what was read; what is here already stays."""
        self.repo.backend.put_records(self.arrival.let_in(records))

    def told(self, what: str, done: int, of: int) -> None:
        """Count rows, and tell of them."""
        self.counts.read[what] = done
        self.tell(what, done, of)

    def values_of(self, hashes: Iterable[str]) -> Mapping[str, Digest]:
        """Our hashes of redun's values; those without a row are recorded as gone."""
        wanted = set(hashes)
        found = dict(self.book.values.find(wanted))
        absent = [gone_value(hash, "unknown", "") for hash in sorted(wanted - found.keys())]
        if absent:
            self.counts.lost += len(absent)
            self.put(Records(values=absent, gone=frozenset(one.hash for one in absent)))
            pairs = list(zip(sorted(wanted - found.keys()), (one.hash for one in absent), strict=True))
            self.book.values.add(pairs)
            found.update(pairs)
        return {hash: Digest(ours) for hash, ours in found.items()}


def gone_value(hash: str, type_name: str, format: str) -> ValueRecord:
    """The record of a value whose bytes are nowhere: it is known by what redun says of it alone."""
    header = redun_header(hash, type_name, format)
    shown = f"<{type_name}, whose bytes were gone when it was taken over from redun>"
    return ValueRecord(digest_bytes(header), type_name, len(header), None, shown)


def hash_tag(kind: str, entity: bytes, hash: str) -> Tag:
    """The tag that says redun's hash of a record."""
    return Tag(kind, entity, HASH_TAG, json.dumps(hash), recorded=UNKNOWN_MOMENT)


def pages(rows: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Rows in lists of some size."""
    iterator = iter(rows)
    while page := list(islice(iterator, size)):
        yield page


def moment(said: object, is_local: bool = False) -> Seconds | None:
    """A time of redun's as seconds since the epoch; None where there is none. It is UTC if not `is_local`."""
    if said is None:
        return None
    try:
        time = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
        return (time if is_local or time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
