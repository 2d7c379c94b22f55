"""An SQLite file: opened or made, written under one lock, checkpointed on purpose, its errors in plain words."""

from __future__ import annotations

import os
import sqlite3
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection

from redux_backends.backend import (
    BackendChanged,
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendUnavailable,
    DatabaseNotice,
)
from redux_backends.filelock import FileLock
from redux_backends.mounts import MOUNT_TABLE, network_filesystem
from redux_backends.schema import current_version
from redux_backends.session import Session, T
from redux_backends.sqlite_errors import explained, is_readonly
from redux_backends.sqlite_file import (
    BUSY_SECONDS,
    Connected,
    beside,
    build,
    connect,
    connect_to_look,
    connect_to_read,
    is_made,
    read_version,
)
from redux_backends.sqlite_session import SQLiteSession
from redux_backends.versions import Standing, Version

_REPLAYS = 5
_WAL_LIMIT = 32 << 20
_LARGE_MB = 64
"""From here on it takes some time to copy a file: people are told before."""


@dataclass(slots=True)
class _Opened:
    """The connections of one process: one reads while the other writes.

    A forked child makes its own and leaves these alone.
    """

    pid: int
    reader: Connected
    writer: Connected | None
    lock: FileLock
    checkpointed: int = 0

    def close(self) -> None:
        if self.pid != os.getpid():
            return
        # SQLite checkpoints when the last connection goes, which is to happen under the lock too.
        with suppress(BackendError), self.lock.held():
            self.reader.engine.dispose()
            if self.writer is not None:
                with suppress(sqlite3.Error):
                    self.writer.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self.writer.engine.dispose()
        self.lock.close()


class SQLiteDatabase:
    """One SQLite file, for this process and its threads.

    Without `upgrades` an older one is read from a copy; without `writes` it is only read, and no file is made beside
    it.
    """

    def __init__(
        self, path: Path, mount_table: Path = MOUNT_TABLE, *, upgrades: bool = True, writes: bool = True
    ) -> None:
        self.path = path
        self._mount_table = mount_table
        self._upgrades = upgrades and writes
        self._writes = writes
        self._writing = RLock()
        self._reading = RLock()
        self._opened: _Opened | None = None
        self._notices: list[str] = []
        self._finalizer: weakref.finalize | None = None

    # -- life --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the file, making it where there is none.

        An older one is upgraded, after a backup; one of a newer minor version is opened to read. Either is told as a
        `DatabaseNotice`. Raises `BackendUnavailable`, `BackendCorrupt`, `BackendNewer`, `BackendOlder`.
        """
        with self._writing, self._reading:
            if self._opened is not None and self._opened.pid == os.getpid():
                return
            with self._explained():
                self._refuse_network()
                self._opened = self._open()
            self._finalizer = weakref.finalize(self, self._opened.close)
        while self._notices:
            warnings.warn(self._notices.pop(0), DatabaseNotice, stacklevel=2)

    def close(self) -> None:
        """Let go of the file, after a checkpoint."""
        with self._writing, self._reading:
            if self._opened is not None:
                self._opened.close()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._opened = None

    def _refuse_network(self) -> None:
        kind = network_filesystem(self.path.parent, self._mount_table)
        if kind is not None:
            raise BackendUnavailable(
                f"{self.path} is on a network filesystem ({kind}), where SQLite's locks cannot be trusted; put the "
                "database on a local disk (REDUX_DB_URL=sqlite:////local/path/redux.db)",
                str(self.path),
            )

    def _open(self) -> _Opened:
        if not self._upgrades and self._is_older():
            return self._open_copy()
        if not self._writes:
            return self._open_to_read(connect_to_look)
        try:
            return self._open_to_write()
        except (OSError, sqlite3.OperationalError) as error:
            if not (self.path.exists() and is_readonly(error)):
                raise
        return self._open_to_read()

    def _is_older(self) -> bool:
        if not is_made(self.path):
            return False
        reader = connect_to_look(self.path)
        reader.engine.dispose()
        return reader.version.seen_by(current_version()) is Standing.OLDER

    def _open_to_write(self) -> _Opened:
        lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            with lock.held():
                if not is_made(self.path):
                    build(self.path)
                writer = self._up_to_date()
            try:
                opened = _Opened(os.getpid(), connect(self.path, _TO_WRITE), writer, lock)
            except BaseException:
                writer.engine.dispose()
                raise
        except _Ahead:
            lock.close()
            return self._open_to_read()
        except BaseException:
            lock.close()
            raise
        return opened

    def _up_to_date(self) -> Connected:
        """A connection to tables of today's version, upgraded if need be; the lock is held.

        Raises `BackendNewer`, `BackendOlder`, `UpgradeFailed`, and `_Ahead` where they can only be read.
        """
        known = current_version()
        writer = connect(self.path, _TO_WRITE)
        standing = writer.version.seen_by(known)
        if standing is Standing.CURRENT:
            return writer
        writer.engine.dispose()
        if standing is Standing.AHEAD:
            raise _Ahead
        if standing is Standing.NEWER:
            raise BackendNewer.of(str(self.path), writer.version, known)
        from redux_backends.migrations.sqlite_change import change  # noqa: PLC0415 - Alembic, for what is older

        megabytes = self.path.stat().st_size >> 20
        if megabytes >= _LARGE_MB:
            to_come = (
                f"{self.path} ({megabytes:,} MB) is upgraded from version {writer.version} to {known}, and copied first"
            )
            warnings.warn(to_come, DatabaseNotice, stacklevel=2)
        changed = change(self.path, known)
        if changed is not None:
            self._notices.append(changed.in_words())
        return connect(self.path, _TO_WRITE)

    def _open_to_read(self, connect_so: Callable[[Path], Connected] = connect_to_read) -> _Opened:
        known = current_version()
        reader = connect_so(self.path)
        standing = reader.version.seen_by(known)
        if standing is Standing.CURRENT:
            return _Opened(os.getpid(), reader, None, FileLock(None))
        try:
            if standing is Standing.NEWER:
                raise BackendNewer.of(str(self.path), reader.version, known)
            if standing is Standing.AHEAD:
                self._notices.append(str(BackendNewer.to_write(str(self.path), reader.version, known)))
                return _Opened(os.getpid(), reader, None, FileLock(None))
        except BaseException:
            reader.engine.dispose()
            raise
        reader.engine.dispose()
        return self._open_copy()

    def _open_copy(self) -> _Opened:
        from redux_backends.migrations.sqlite_copy import open_copy  # noqa: PLC0415 - Alembic, for what is older

        copy = open_copy(self.path, current_version())
        why = (
            "is read-only here; what it holds now is read from a copy, and nothing is recorded"
            if self._upgrades
            else "stays as it is; what it holds now is read from a copy"
        )
        self._notices.append(f"{self.path} was written by an older redux and {why}")
        return _Opened(os.getpid(), copy, None, FileLock(None))

    # -- use ---------------------------------------------------------------------------------------

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """The driver's connection, for one thread at a time, to read with single statements."""
        self._make_ready()
        with self._reading, self._explained():
            yield self._in_use().reader.driver

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one state of the database, to read with many statements."""
        self._make_ready()
        with self._reading, self._explained():
            reader = self._in_use().reader
            with reader.engine.connect() as connection:
                reader.driver.execute("BEGIN")
                try:
                    yield connection
                finally:
                    if reader.driver.in_transaction:
                        reader.driver.execute("ROLLBACK")

    def ask(self, closure: Callable[[Session], T]) -> T:
        """What `closure` returns, which reads with single statements."""
        with self.driver() as driver:
            return closure(SQLiteSession(driver))

    def view(self, closure: Callable[[Connection], T]) -> T:
        """What `closure` returns, which sees one state of the database."""
        with self.snapshot() as connection:
            return closure(connection)

    def bytes_on_disk(self) -> int:
        """How many bytes the file takes, its log included."""
        files = beside(self.path, "", "-wal")
        return sum(file.stat().st_size for file in files if file.exists())

    def complaints(self) -> Sequence[str]:
        """What SQLite finds wrong with the file's form."""
        with self.driver() as driver:
            said = [row[0] for row in driver.execute("PRAGMA integrity_check")]
        return [] if said == ["ok"] else said

    def rebuild_indexes(self) -> None:
        """Make the indexes anew from the rows."""
        self.run_tx(lambda session: session.driver.execute("REINDEX"))

    def run_tx(self, closure: Callable[[SQLiteSession], T]) -> T:
        """What `closure` returns, its writes made in one transaction, or none of them.

        It is played again where another connection was in the way, so it must depend on nothing but the database.
        Raises BackendUnavailable, BackendCorrupt.
        """
        self._make_ready()
        with self._writing, self._explained():
            opened = self._in_use()
            writer = opened.writer
            if writer is None:
                raise self._not_writable(opened.reader.version)
            session = SQLiteSession(writer.driver)
            with opened.lock.held():
                result = _replayed(writer.driver, lambda: self._unchanged(writer, closure, session))
                self._checkpoint(opened, writer.driver)
            return result

    def _unchanged(self, writer: Connected, closure: Callable[[SQLiteSession], T], session: SQLiteSession) -> T:
        """What `closure` returns, in tables that are still of the version as which they were opened."""
        found = read_version(writer.driver, self.path)
        if found != writer.version:
            raise BackendChanged.of(str(self.path), found, writer.version)
        return closure(session)

    def _checkpoint(self, opened: _Opened, driver: sqlite3.Connection) -> None:
        """Bring the write-ahead log into the file when it is long; readers may put that off, never stop it."""
        try:
            size = self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return
        if size - opened.checkpointed < _WAL_LIMIT:
            return
        driver.execute("PRAGMA busy_timeout = 100")
        try:
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        opened.checkpointed = size if busy else 0

    def _make_ready(self) -> None:
        """Have connections of this process's own; to be called before a lock is taken."""
        opened = self._opened
        if opened is not None and opened.pid != os.getpid():
            self._leave_to_parent(opened)
        if self._opened is None:
            self.open()

    def _in_use(self) -> _Opened:
        assert self._opened is not None, "closed while it was in use"
        return self._opened

    def _leave_to_parent(self, opened: _Opened) -> None:
        # After a fork the connection is the parent's: using or closing it here would break its locks.
        _of_parents.append(opened)
        self._writing, self._reading = RLock(), RLock()
        self._opened = None

    def _not_writable(self, version: Version) -> BackendError:
        known = current_version()
        if version > known:
            return BackendNewer.to_write(str(self.path), version, known)
        return BackendUnavailable(
            f"{self.path} is read-only here; make it and its folder writable, or give another place with REDUX_DIR",
            str(self.path),
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self.path):
                yield
        except BackendError as error:
            self._blame_change(error)
            raise

    def _blame_change(self, error: BackendError) -> None:
        """Raise `BackendChanged` where a statement failed since somebody changed the tables meanwhile."""
        opened = self._opened
        if type(error) not in (BackendError, BackendCorrupt) or opened is None or opened.pid != os.getpid():
            return
        with suppress(sqlite3.Error):
            found = read_version(opened.reader.driver, self.path)
            if found != opened.reader.version:
                raise BackendChanged.of(str(self.path), found, opened.reader.version) from error


class _Ahead(Exception):
    """The tables are of a newer minor version: they can be read."""


_of_parents: list[_Opened] = []
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_TO_WRITE = "mode=rw"


def _replayed(driver: sqlite3.Connection, closure: Callable[[], T]) -> T:
    for _ in range(_REPLAYS - 1):
        try:
            return _once(driver, closure)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _PASSING:
                raise
    return _once(driver, closure)


def _once(driver: sqlite3.Connection, closure: Callable[[], T]) -> T:
    # An interrupt may have left the last transaction open.
    if driver.in_transaction:
        driver.execute("ROLLBACK")
    try:
        driver.execute("BEGIN IMMEDIATE")
        result = closure()
        driver.execute("COMMIT")
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
    return result
