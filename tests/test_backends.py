"""What every backend keeps to: the suite over memory, SQLite and PostgreSQL, and the databases beside the memory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, KeysView
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from redux_backends import liveness
from redux_backends.backend import Backend
from redux_backends.machine import BackendMachine
from redux_backends.memory import MemoryBackend
from redux_backends.records import Execution
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend, open_backend
from redux_backends.testing import BackendSuite
from redux_valuestore.digest import Digest

from . import postgres_server


class TestMemory(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return MemoryBackend()

    def expire_lease(self, backend: Backend, execution: Execution) -> None:
        assert isinstance(backend, MemoryBackend)
        backend._lease_until[execution.id] -= liveness.LEASE_SECONDS + 1


class Unwalked(dict[Digest, object]):
    """What is known already: it may be asked for a digest, and is never walked through."""

    def __iter__(self) -> Iterator[Digest]:
        raise AssertionError("all that is known was walked through for one batch")

    def keys(self) -> KeysView[Digest]:
        raise AssertionError("all that is known was walked through for one batch")


def test_a_batch_in_memory_costs_nothing_for_what_is_known_already():
    backend, first, second = MemoryBackend(), Story("1", "2"), Story("3", "4", name="another run")
    backend.record_execution(first.execution)
    backend.record(first.batch)
    backend.record_execution(second.execution)
    for name in ("_values", "_tasks", "_keys", "_task_sets", "_calls", "_jobs"):
        setattr(backend, name, Unwalked(getattr(backend, name)))
    backend.record(second.batch)
    assert all(job.id in backend._jobs for job in second.batch.jobs)


def test_a_process_of_another_container_is_judged_by_its_lease():
    here = liveness.this_process()
    assert liveness.is_running(here, 0.0, 1.0)
    assert not liveness.is_running(replace(here, process_started="1"), 1.0, 0.0)
    there = replace(here, boot=here.boot.replace("pid:[", "pid:[1"), process_started="1")
    assert liveness.is_running(there, 1.0, 0.0)
    assert not liveness.is_running(there, 0.0, 1.0)


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


class TestPostgres(BackendSuite):
    @pytest.fixture(autouse=True)
    def _databases(self) -> Iterator[None]:
        self.urls: dict[Backend, str] = {}
        with ExitStack() as self.stack:
            yield

    def make_backend(self, folder: Path) -> Backend:
        url = self.stack.enter_context(postgres_server.shared().database())
        backend = open_backend(url)
        self.urls[backend] = url
        return backend

    def expire_lease(self, backend: Backend, execution: Execution) -> None:
        with psycopg.connect(self.urls[backend]) as connection:
            connection.execute(
                "UPDATE execution SET lease_until = lease_until - %s WHERE uuid = %s",
                (liveness.LEASE_SECONDS + 1, execution.id),
            )


class Heard(MemoryBackend):
    """Notes what it is asked."""

    called: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> object:
        Heard.called.add(name)
        return super().__getattribute__(name)


class HeardMachine(BackendMachine):
    def make_backend(self) -> Backend:
        return Heard()


def test_the_state_machine_plays_every_method_of_the_contract():
    run_state_machine_as_test(
        HeardMachine, settings=settings(max_examples=80, stateful_step_count=40, deadline=None, derandomize=True)
    )
    assert Backend.__abstractmethods__ <= Heard.called


_NO_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Each write waits for the disk, and here there are very many."""


class SQLiteMachine(BackendMachine):
    def make_backend(self) -> Backend:
        self._folder = TemporaryDirectory(dir=_NO_DISK)
        return SQLiteBackend(Path(self._folder.name) / "redux.db")

    def teardown(self) -> None:
        super().teardown()
        self._folder.cleanup()


def play_long(machine: type[BackendMachine], rounds: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=rounds,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


TestSQLiteSaysWhatMemorySays = SQLiteMachine.TestCase
TestSQLiteSaysWhatMemorySays.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


ROUNDS = [pytest.param(60, marks=pytest.mark.faults), pytest.param(500, marks=pytest.mark.soak)]


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.timeout(3600)
def test_sqlite_says_what_memory_says_for_long(rounds: int):
    play_long(SQLiteMachine, rounds)


class PostgresMachine(BackendMachine):
    def make_backend(self) -> Backend:
        self._closing = ExitStack()
        return open_backend(self._closing.enter_context(postgres_server.shared().database()))

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._closing.close()


TestPostgresSaysWhatMemorySays = PostgresMachine.TestCase
TestPostgresSaysWhatMemorySays.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.timeout(3600)
def test_postgres_says_what_memory_says_for_long(rounds: int):
    play_long(PostgresMachine, rounds)
