"""Which hash here stands for which of redun's: as many as there are, on the disk, for as long as an import takes."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_KINDS = ("value", "task", "call", "job", "tag", "handle")
_CACHE_KB = 65_536


class Known:
    """Hashes of one kind: redun's, and ours for it."""

    def __init__(self, driver: sqlite3.Connection, kind: str) -> None:
        self._driver = driver
        self._kind = kind
        driver.execute(f"CREATE TABLE {kind} (theirs TEXT PRIMARY KEY, ours BLOB NOT NULL) WITHOUT ROWID")

    def add(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Remember what stands for what."""
        self._driver.executemany(f"INSERT OR REPLACE INTO {self._kind} VALUES (?, ?)", pairs)

    def find(self, theirs: Iterable[str]) -> Mapping[str, bytes]:
        """What stands for these; unknown ones are left out."""
        statement = f"SELECT theirs, ours FROM {self._kind} WHERE theirs IN (SELECT value FROM json_each(?))"
        return dict(self._driver.execute(statement, (json.dumps(list(theirs)),)))

    def count(self) -> int:
        """How many hashes of ours there are."""
        ((count,),) = self._driver.execute(f"SELECT count(DISTINCT ours) FROM {self._kind}")
        return count


class Book:
    """All that is known of an import so far, by kind."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.values, self.tasks, self.calls, self.jobs, self.tags, self.handles = (
            Known(driver, kind) for kind in _KINDS
        )


@contextmanager
def open_book() -> Iterator[Book]:
    """An empty book in a passing file, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="redux-redun-") as folder:
        driver = sqlite3.connect(Path(folder) / "book.db", isolation_level=None)
        try:
            for said in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KB}"):
                driver.execute(f"PRAGMA {said}")
            driver.execute("BEGIN")
            yield Book(driver)
        finally:
            driver.close()
