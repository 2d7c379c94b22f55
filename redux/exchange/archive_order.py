"""Which records an archive has, and in which order: each after those that it names, and else by its id.

A record's *height* is how far it is from the records that name none of their own kind. By kind, height and id the
order is the same for equal records, whichever database they come from.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redux.exchange.archive_kinds import CHAINED, KINDS, Name
from redux.exchange.archive_trouble import ArchiveUnavailable
from redux_backends.exchange import RecordKind
from redux_valuestore.frozen import frozen

_ASKED_AT_ONCE = 500
_TABLE = "CREATE TABLE place(kind INTEGER, id BLOB, height INTEGER, PRIMARY KEY (kind, id)) WITHOUT ROWID"


@frozen
class Placed:
    """A record `row` under its `id`, with its height; `unknown` is what it names and is not there, None if all is."""

    row: Any
    id: bytes
    height: int
    unknown: Name | None


class Order:
    """The places of records, in a passing file that holds them once they are many: memory does not grow with them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = sqlite3.connect("")
        self._file.execute(_TABLE)

    def close(self) -> None:
        """Let go of the passing file."""
        self._file.close()

    def place(self, kind: RecordKind, rows: Sequence[Any]) -> Iterator[Placed]:
        """The places of further records: they may name those placed before, and whole ones before them in `rows`."""
        known = self._known(name for row in rows for name in KINDS[kind].names(row))
        for row in rows:
            height, unknown = 0, None
            for name in KINDS[kind].names(row):
                below = known.get(name)
                if below is None:
                    unknown = unknown or name
                elif name[0] is kind:
                    height = max(height, below + 1)
            placed = Placed(row, KINDS[kind].id_of(row), height, unknown)
            if unknown is None:
                known[kind, placed.id] = height
            yield placed

    def add(self, kind: RecordKind, places: Iterable[tuple[bytes, int]]) -> None:
        """Keep the places of records, by id and height; one that is there already stays."""
        with self._explained():
            self._file.executemany(
                "INSERT OR IGNORE INTO place VALUES (?, ?, ?)", ((kind, id, height) for id, height in places)
            )

    def count(self) -> int:
        """How many records have a place."""
        with self._explained():
            return self._file.execute("SELECT count(*) FROM place").fetchone()[0]

    def ids(self, kind: RecordKind) -> Iterator[bytes]:
        """The ids of a kind, in order."""
        order = "height, id" if kind in CHAINED else "id"
        with self._explained():
            for (id,) in self._file.execute(f"SELECT id FROM place WHERE kind = ? ORDER BY {order}", (kind,)):
                yield id

    def _known(self, names: Iterable[Name]) -> dict[Name, int]:
        wanted: defaultdict[RecordKind, set[bytes]] = defaultdict(set)
        for kind, id in names:
            wanted[kind].add(id)
        found: dict[Name, int] = {}
        with self._explained():
            for kind, ids in wanted.items():
                waiting = list(ids)
                for start in range(0, len(waiting), _ASKED_AT_ONCE):
                    some = waiting[start : start + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    asked = f"SELECT id, height FROM place WHERE kind = ? AND id IN ({marks})"
                    found.update({(kind, id): height for id, height in self._file.execute(asked, (kind, *some))})
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            why = f"what is in it cannot be noted in a passing file: {error}; free some space where TMPDIR is"
            raise ArchiveUnavailable(self._path, why) from error
