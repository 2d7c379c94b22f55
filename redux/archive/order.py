"""Which records an archive has, and in which order: as they were recorded, so that what is newest stays newest."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redux.archive.kinds import KINDS, Name
from redux.archive.trouble import ArchiveUnavailable
from redux_backends.exchange import RecordKind
from redux_valuestore.frozen import frozen

_ASKED_AT_ONCE = 500
_TABLE = "CREATE TABLE place(number INTEGER PRIMARY KEY, kind INTEGER, id BLOB, UNIQUE (kind, id))"
_UNORDERED = frozenset({RecordKind.RESULT, RecordKind.TASK_SET})
"""Of these no database keeps an order."""


@frozen
class Placed:
    """A record `row` under its `id`; `unknown` is what it names and is not before it, None if all is.

    It stands `twice` if it was there before.
    """

    row: Any
    id: bytes
    unknown: Name | None
    twice: bool


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
        """Further records: they may name those that have a place, and whole ones before them in `rows`."""
        named = [tuple(KINDS[kind].names(row)) for row in rows]
        ids = [KINDS[kind].id_of(row) for row in rows]
        known = self._known([*(name for names in named for name in names), *((kind, id) for id in ids)])
        for row, id, names in zip(rows, ids, named, strict=True):
            unknown = next((name for name in names if name not in known), None)
            yield Placed(row, id, unknown, (kind, id) in known)
            if unknown is None:
                known.add((kind, id))

    def add(self, kind: RecordKind, ids: Iterable[bytes]) -> None:
        """Give records the next places; one that has a place keeps it."""
        with self._explained():
            self._file.executemany("INSERT OR IGNORE INTO place (kind, id) VALUES (?, ?)", ((kind, id) for id in ids))

    def count(self) -> int:
        """How many records have a place."""
        with self._explained():
            return self._file.execute("SELECT count(*) FROM place").fetchone()[0]

    def ids(self, kind: RecordKind) -> Iterator[bytes]:
        """The ids of a kind, in order."""
        order = "id" if kind in _UNORDERED else "number"
        with self._explained():
            for (id,) in self._file.execute(f"SELECT id FROM place WHERE kind = ? ORDER BY {order}", (kind,)):
                yield id

    def _known(self, names: Iterable[Name]) -> set[Name]:
        wanted: defaultdict[RecordKind, set[bytes]] = defaultdict(set)
        for kind, id in names:
            wanted[kind].add(id)
        found: set[Name] = set()
        with self._explained():
            for kind, ids in wanted.items():
                waiting = list(ids)
                for start in range(0, len(waiting), _ASKED_AT_ONCE):
                    some = waiting[start : start + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    asked = f"SELECT id FROM place WHERE kind = ? AND id IN ({marks})"
                    found.update((kind, id) for (id,) in self._file.execute(asked, (kind, *some)))
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            why = f"what is in it cannot be noted in a passing file: {error}; free some space where TMPDIR is"
            raise ArchiveUnavailable(self._path, why) from error
