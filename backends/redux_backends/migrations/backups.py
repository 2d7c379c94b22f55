"""A copy of an SQLite file beside it, made before its tables change."""

from __future__ import annotations

import filecmp
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from redux_backends.progress import Tell, say_nothing
from redux_backends.versions import Version
from redux_valuestore.modes import make_private

_STEPS = 200_000
"""of SQLite's machine, between one word of progress and the next: some milliseconds"""


def make_backup(driver: sqlite3.Connection, path: Path, version: Version, progress: Tell = say_nothing) -> Path:
    """A synced copy of the file at `path` as it is now, such as `redux.db.v2.backup`; nobody writes meanwhile.

    No other backup is overwritten; one that is the same already is taken for it.
    """
    new = path.with_name(f"{path.name}.backup.new")
    new.unlink(missing_ok=True)
    try:
        make_private(new)
        _copy(driver, path, new, progress)
        _sync(new)
        place = next(
            place for place in _places(path, version) if not place.exists() or filecmp.cmp(new, place, shallow=False)
        )
        if not place.exists():
            os.rename(new, place)
            _sync(path.parent)
        return place
    finally:
        new.unlink(missing_ok=True)


def _copy(driver: sqlite3.Connection, path: Path, new: Path, progress: Tell) -> None:
    size = path.stat().st_size

    def said() -> None:
        with suppress(OSError):
            progress("copying the database", new.stat().st_size, size)

    driver.set_progress_handler(said, _STEPS)
    try:
        driver.execute("VACUUM INTO ?", (str(new),))
    finally:
        driver.set_progress_handler(None, 0)


def find_backups(path: Path) -> Sequence[Path]:
    """The backups beside the file at `path`, oldest first."""
    found = [file for file in path.parent.glob("*.backup") if file.name.startswith(f"{path.name}.v")]
    return sorted(found, key=lambda file: (file.stat().st_mtime, file.name))


def _places(path: Path, version: Version) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.v{version}.backup")
    for number in count(2):
        yield path.with_name(f"{path.name}.v{version}.{number}.backup")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
