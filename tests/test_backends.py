"""What every backend keeps to: the suite over memory and SQLite, and the two side by side."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings

from redux_backends import liveness
from redux_backends.backend import Backend
from redux_backends.machine import BackendMachine
from redux_backends.memory import MemoryBackend
from redux_backends.records import Execution
from redux_backends.sql import SQLiteBackend
from redux_backends.testing import BackendSuite


class TestMemory(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return MemoryBackend()

    def expire_lease(self, backend: Backend, execution: Execution) -> None:
        assert isinstance(backend, MemoryBackend)
        backend._lease_until[execution.id] -= liveness.LEASE_SECONDS + 1


class TestSQLite(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return SQLiteBackend(folder / "redux.db")

    def expire_lease(self, backend: Backend, execution: Execution) -> None:
        assert isinstance(backend, SQLiteBackend)
        with closing(sqlite3.connect(backend.path)) as connection, connection:
            connection.execute(
                "UPDATE execution SET lease_until = lease_until - ? WHERE uuid = ?",
                (liveness.LEASE_SECONDS + 1, execution.id),
            )


class SQLiteMachine(BackendMachine):
    def make_backend(self) -> Backend:
        self._folder = TemporaryDirectory()
        return SQLiteBackend(Path(self._folder.name) / "redux.db")

    def teardown(self) -> None:
        super().teardown()
        self._folder.cleanup()


TestSQLiteSaysWhatMemorySays = SQLiteMachine.TestCase
TestSQLiteSaysWhatMemorySays.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
