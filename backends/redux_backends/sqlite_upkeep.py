"""An SQLite file looked at and brought to another version."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from redux_backends.backend import BackendUnavailable
from redux_backends.database_info import Backup, DatabaseInfo, Upkeep, count_records
from redux_backends.filelock import FileLock
from redux_backends.mounts import MOUNT_TABLE, network_filesystem
from redux_backends.progress import Tell, say_nothing
from redux_backends.schema import current_version
from redux_backends.sqlite_errors import explained
from redux_backends.sqlite_file import beside, connect_to_look, connect_to_read, is_made
from redux_backends.versions import Version

if TYPE_CHECKING:
    from redux_backends.migrations.revisions import Changed


class SQLiteUpkeep(Upkeep):
    """That of the SQLite file at `path`."""

    def __init__(self, path: Path, mount_table: Path = MOUNT_TABLE) -> None:
        self._path = path.absolute()
        self._mount_table = mount_table

    def version(self) -> Version | None:
        with explained(self._path):
            if not is_made(self._path):
                return None
            reader = connect_to_look(self._path)
            reader.engine.dispose()
            return reader.version

    def info(self) -> DatabaseInfo:
        from redux_backends.migrations.backups import find_backups  # noqa: PLC0415 - only who asks needs it

        version, records = self.version(), {}
        if version is not None:
            with explained(self._path):
                reader = connect_to_read(self._path)
                try:
                    records = count_records(lambda table: _rows_in(reader.driver, table))
                finally:
                    reader.engine.dispose()
        return DatabaseInfo(
            str(self._path),
            "SQLite",
            version,
            current_version(),
            sum(file.stat().st_size for file in beside(self._path, "", "-wal") if file.exists()),
            records,
            self._cannot_write(),
            [Backup(str(file), file.stat().st_size, file.stat().st_mtime) for file in find_backups(self._path)],
        )

    def _cannot_write(self) -> str:
        network = network_filesystem(self._path.parent, self._mount_table)
        if network is not None:
            return f"it is on a network filesystem ({network}); put it on a local disk"
        for place in (self._path.parent, self._path):
            if place.exists() and not os.access(place, os.W_OK):
                return f"{place} is read-only here; make it writable"
        return ""

    def change(self, to: Version, *, even_if_running: bool = False, progress: Tell = say_nothing) -> Changed | None:
        from redux_backends.migrations.sqlite_change import change  # noqa: PLC0415 - Alembic

        network = network_filesystem(self._path.parent, self._mount_table)
        if network is not None:
            raise BackendUnavailable(
                f"{self._path} is on a network filesystem ({network}), where SQLite's locks cannot be trusted; copy it "
                "to a local disk",
                str(self._path),
            )
        with explained(self._path):
            if not is_made(self._path):
                return None
            lock = FileLock(self._path.with_name(self._path.name + ".lock"))
            try:
                with lock.held():
                    return change(self._path, to, even_if_running=even_if_running, progress=progress)
            finally:
                lock.close()


def _rows_in(driver: sqlite3.Connection, table: str) -> int | None:
    there = driver.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    return driver.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] if there else None
