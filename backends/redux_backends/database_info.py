"""What there is to say of a database whatever its version, and what is done to it when nobody runs in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from redux_backends.progress import Tell, say_nothing
from redux_backends.versions import Standing, Version

if TYPE_CHECKING:
    from redux_backends.migrations.revisions import Changed

_COUNTED = {
    "executions": "execution",
    "jobs": "job",
    "calls": "call_node",
    "evaluations": "evaluation",
    "values": "value",
    "tasks": "task",
    "handles": "handle",
    "tags": "tag",
}
"""Records that are counted, with the tables that they are the rows of, in any version."""


def count_records(rows_in: Callable[[str], int | None]) -> Mapping[str, int]:
    """How many records there are of each kind; `rows_in` counts a table's rows, None where there is no such table."""
    counted = {kind: rows_in(table) for kind, table in _COUNTED.items()}
    return {kind: count for kind, count in counted.items() if count is not None}


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database from before its tables changed, `size` bytes large."""

    path: str
    size: int
    made: float
    """seconds since the epoch"""


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """What there is to say of a database without reading its records."""

    place: str
    kind: str
    """SQLite or PostgreSQL"""
    version: Version | None
    """None: there are no tables yet"""
    known: Version
    """that of this redux"""
    size: int
    """bytes"""
    records: Mapping[str, int]
    cannot_write: str
    """why this process cannot write to it; empty where it can"""
    backups: Sequence[Backup] = ()

    @property
    def standing(self) -> Standing | None:
        """How it stands to this redux; None where there are no tables."""
        return None if self.version is None else self.version.seen_by(self.known)


class Upkeep(Protocol):
    """One database, of whatever version."""

    def version(self) -> Version | None:
        """The version of its tables, None where there are none. Raises `BackendCorrupt`, `BackendUnavailable`."""
        ...

    def info(self) -> DatabaseInfo:
        """All that is to be said of it. Raises `BackendCorrupt`, `BackendUnavailable`."""
        ...

    def change(self, to: Version, *, even_if_running: bool = False, progress: Tell = say_nothing) -> Changed | None:
        """Bring its tables to another version; None where they are of it already, or there are none.

        Raises `UnknownVersion`, `UpgradeFailed`, `BackendUnavailable`, and `BackendOlder` where an execution goes on in
        them.
        """
        ...
