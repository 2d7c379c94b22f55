"""Histories that the real redun made, and what tests do with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from redux.redun.importing import import_redun, open_redun
from redux.redun.taking import Counts
from redux.repo import Repo

from . import redun_engine
from .postgres_server import shared

STEPS = ("first", "second", "dies")


class History:
    """A history of redun's: its folder, its database as redun and as redux name it, its value store."""

    def __init__(self, folder: Path, url: str, read: Callable[[str], list[Any]]) -> None:
        self.folder, self.url, self.read = folder, url, read
        self.values = folder / ".redun" / "redun-values"


def reader(path: Path) -> Callable[[str], list[Any]]:
    """Asks an SQLite database."""

    def read(statement: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as driver:
            return driver.execute(statement).fetchall()

    return read


def sqlite_history(folder: Path) -> History:
    """What redun records in a file."""
    redun_engine.run_steps(folder, "sqlite:///redun.db", *STEPS)
    return History(folder, str(folder / "redun.db"), reader(folder / "redun.db"))


@contextmanager
def postgres_history(folder: Path) -> Iterator[History]:
    """What redun records on a server."""
    with shared().empty_database() as url:
        redun_engine.run_steps(folder, url.replace("://", "+psycopg2://", 1), *STEPS)

        def read(statement: str) -> list[Any]:
            with psycopg.connect(url) as driver:
                return driver.execute(statement.encode()).fetchall()

        yield History(folder, url, read)


def take(history: History, repo: Repo, values: str | None = None, database: str | None = None) -> Counts:
    with open_redun(database or history.url, values or str(history.values)) as redun:
        return import_redun(redun, repo)


def ours(repo: Repo) -> Callable[[str], list[Any]]:
    path: Path = repo.backend.path  # pyright: ignore[reportAttributeAccessIssue] - these are on SQLite
    return reader(path)


def dump(repo: Repo) -> dict[str, list[Any]]:
    """All rows of all tables."""
    read = ours(repo)
    tables = [
        name for (name,) in read("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    return {table: sorted(read(f"SELECT * FROM {table}"), key=repr) for table in tables}


def flags(repo: Repo) -> list[str]:
    path = repo.backend.path  # pyright: ignore[reportAttributeAccessIssue]
    return ["--db", f"sqlite:///{path}", "--store", str(path.parent / "values")]
