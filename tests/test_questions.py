"""What a run and `redux log` ask costs the same however much was recorded before: no table that grows is read whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.history import Run, fill
from benchmarks.questions import explained, questions
from redux.fsck.check import Check
from redux.repo import Repo
from redux_backends.sql import SqlBackend, open_backend
from redux_valuestore.store import MemoryStore

from . import postgres_server

WIDTH, FEW, MANY = 400, 4_000, 24_000


@contextmanager
def filled(url: str, jobs: int) -> Iterator[tuple[SqlBackend, Run]]:
    backend = open_backend(url)
    assert isinstance(backend, SqlBackend)
    with closing(backend):
        yield backend, fill(backend, jobs, WIDTH)


def steps_on_sqlite(path: Path, ask: Callable[[], object], backend: SqlBackend) -> int:
    """How many thousands of steps SQLite takes to answer."""
    database: Any = backend._database
    taken = [0]

    def count() -> None:
        taken[0] += 1

    for connected in (database._opened.reader, database._opened.writer):
        connected.driver.set_progress_handler(count, 1000)
    ask()
    for connected in (database._opened.reader, database._opened.writer):
        connected.driver.set_progress_handler(None, 0)
    return taken[0]


def test_on_sqlite_no_question_takes_more_steps_among_six_times_as_many_jobs(tmp_path: Path) -> None:
    taken: list[dict[str, int]] = []
    for jobs in (FEW, MANY):
        path = tmp_path / f"{jobs}.db"
        with filled(f"sqlite:///{path}", jobs) as (backend, run):
            asked = questions(backend, run)
            taken.append({name: steps_on_sqlite(path, ask, backend) for name, ask in asked.items()})
            with explained(backend) as whole:
                for ask in asked.values():
                    ask()
            assert whole == []
    few, many = taken
    assert {name: (few[name], steps) for name, steps in many.items() if steps > 1.5 * few[name] + 10} == {}


INDEXED = "&options=-cenable_seqscan%3Doff%20-cenable_hashjoin%3Doff%20-cenable_mergejoin%3Doff"
"""So few rows as here would be read whole for being few."""


def test_on_postgres_no_question_reads_a_table_whole() -> None:
    with postgres_server.shared().database() as url, filled(url + INDEXED, MANY) as (backend, run):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        with explained(backend) as whole:
            for ask in questions(backend, run).values():
                ask()
        assert whole == []


def test_the_made_up_history_is_sound(tmp_path: Path) -> None:
    with filled(f"sqlite:///{tmp_path / 'redux.db'}", 2_000) as (backend, run):
        assert [one for one in Check(Repo(backend, MemoryStore())).findings() if one.is_damage] == []
        assert len(backend.jobs(execution=run.execution.id, limit=10_000)) == WIDTH
    with closing(sqlite3.connect(tmp_path / "redux.db")) as connection:
        assert connection.execute("SELECT count(*) FROM job").fetchone() == (2_000,)
