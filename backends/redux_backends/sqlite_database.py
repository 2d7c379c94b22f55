"""An SQLite file: opened or made, written under one lock, checkpointed on purpose, its errors in plain words."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection, Engine, StaticPool, create_engine
from sqlalchemy.exc import DBAPIError

from redux_backends import schema
from redux_backends.backend import BackendCorrupt, BackendError, BackendNewer, BackendOlder, BackendUnavailable
from redux_backends.filelock import FileLock
from redux_backends.mounts import MOUNT_TABLE, network_filesystem
from redux_backends.session import Session, T
from redux_backends.sqlite_errors import in_words
from redux_backends.sqlite_session import SQLiteSession

BUSY_SECONDS = 30
_REPLAYS = 5
_CACHE_KIB = 64 * 1024
_WAL_LIMIT = 32 << 20
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{_CACHE_KIB}",
)


@dataclass(frozen=True, slots=True)
class _Connected:
    """One connection, as SQLAlchemy manages it and as the driver has it."""

    engine: Engine
    driver: sqlite3.Connection


@dataclass(slots=True)
class _Opened:
    """The connections of one process: one reads while the other writes.

    A forked child makes its own and leaves these alone.
    """

    pid: int
    reader: _Connected
    writer: _Connected | None
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
    """One SQLite file, for this process and its threads."""

    def __init__(self, path: Path, mount_table: Path = MOUNT_TABLE) -> None:
        self.path = path
        self._mount_table = mount_table
        self._writing = RLock()
        self._reading = RLock()
        self._opened: _Opened | None = None
        self._finalizer: weakref.finalize | None = None

    # -- life --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the file, making it where there is none.

        Raises `BackendUnavailable`, `BackendCorrupt`, `BackendNewer`, `BackendOlder`.
        """
        with self._writing, self._reading:
            if self._opened is not None and self._opened.pid == os.getpid():
                return
            with self._explained():
                self._refuse_network()
                self._opened = self._open()
            self._finalizer = weakref.finalize(self, self._opened.close)

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
        try:
            return self._open_to_write()
        except (OSError, sqlite3.OperationalError) as error:
            if not (self.path.exists() and _is_readonly(error)):
                raise
        return self._open_to_read()

    def _open_to_write(self) -> _Opened:
        lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            with lock.held():
                if not self.path.exists() or self.path.stat().st_size == 0:
                    self._build()
            uri = self.path.as_uri() + "?mode=rw"
            writer = self._connect(uri, _SETTINGS)
            try:
                return _Opened(os.getpid(), self._connect(uri, _SETTINGS), writer, lock)
            except BaseException:
                writer.engine.dispose()
                raise
        except BaseException:
            lock.close()
            raise

    def _open_to_read(self) -> _Opened:
        try:
            reader = self._connect(self.path.as_uri() + "?mode=ro", _SETTINGS[1:])
        except sqlite3.OperationalError:
            # Without a folder to write in, SQLite reads a WAL database only if it is told that nobody changes it.
            reader = self._connect(self.path.as_uri() + "?immutable=1", _SETTINGS[1:])
        return _Opened(os.getpid(), reader, None, FileLock(None))

    def _build(self) -> None:
        """Make the file whole under another name, then give it its own: a half-made one never stays."""
        for leftover in self._beside("-wal", "-shm", ".new", ".new-journal"):
            leftover.unlink(missing_ok=True)
        new = self.path.with_name(self.path.name + ".new")
        try:
            engine = _engine(lambda: sqlite3.connect(new, isolation_level=None))
            with engine.connect() as connection:
                for pragma in (
                    f"page_size = {schema.PAGE_SIZE}",
                    "synchronous = FULL",
                    f"application_id = {schema.APPLICATION_ID}",
                    f"user_version = {schema.VERSION}",
                ):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                schema.metadata.create_all(connection, checkfirst=False)
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            engine.dispose()
            os.rename(new, self.path)
        finally:
            for leftover in self._beside(".new", ".new-journal", ".new-wal", ".new-shm"):
                leftover.unlink(missing_ok=True)

    def _beside(self, *endings: str) -> list[Path]:
        return [self.path.with_name(self.path.name + ending) for ending in endings]

    def _connect(self, uri: str, settings: Sequence[str]) -> _Connected:
        engine = _engine(
            lambda: sqlite3.connect(
                uri,
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
            )
        )
        try:
            driver = engine.raw_connection().driver_connection
            assert isinstance(driver, sqlite3.Connection)
            self._check_header(driver)
            for setting in settings:
                driver.execute(setting)
        except BaseException:
            engine.dispose()
            raise
        return _Connected(engine, driver)

    def _check_header(self, driver: sqlite3.Connection) -> None:
        (application,) = driver.execute("PRAGMA application_id").fetchone()
        (version,) = driver.execute("PRAGMA user_version").fetchone()
        if application != schema.APPLICATION_ID or version < 1:
            raise BackendCorrupt(
                f"{self.path} is not a redux database; give another path, or move it away and redux will make a "
                "new one",
                str(self.path),
            )
        if version < schema.VERSION:
            raise BackendOlder(
                f"{self.path} was written by an older redux (its tables are version {version}, this redux needs "
                f"{schema.VERSION}); move it away and redux will make a new one",
                str(self.path),
            )
        if version > schema.VERSION:
            raise BackendNewer(
                f"{self.path} was written by a newer redux (its tables are version {version}, this redux knows "
                f"{schema.VERSION}); upgrade redux: pip install -U redux-cache",
                str(self.path),
            )

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
        files = self._beside("", "-wal")
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
            if opened.writer is None:
                raise BackendUnavailable(
                    f"{self.path} is read-only here; make it and its folder writable, or give another place with "
                    "REDUX_DIR",
                    str(self.path),
                )
            session = SQLiteSession(opened.writer.driver)
            with opened.lock.held():
                result = _replayed(opened.writer.driver, lambda: closure(session))
                self._checkpoint(opened, opened.writer.driver)
            return result

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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise in_words(error, self.path) from error
        except DBAPIError as error:
            if not isinstance(error.orig, sqlite3.Error):
                raise
            raise in_words(error.orig, self.path) from error
        except FileNotFoundError as error:
            raise BackendUnavailable(
                f"cannot open the database {self.path}: there is no folder {self.path.parent}; make it, or give "
                "another place with REDUX_DIR",
                str(self.path),
            ) from error
        except OSError as error:
            raise BackendUnavailable(
                f"cannot open the database {self.path}: {error.strerror or error}; see to the disk and its "
                "permissions, or give another place with REDUX_DIR",
                str(self.path),
            ) from error


_of_parents: list[_Opened] = []
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


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


def _is_readonly(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode & 0xFF in _NOT_WRITABLE
    return isinstance(error, PermissionError) or "read-only" in str(error).lower()
