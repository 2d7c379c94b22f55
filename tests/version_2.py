"""A small history as redux kept it when its tables were version 2, on both databases, and what was to be seen of it.

The texts in `frozen/` were written by the redux of that time, and are not made from today's tables.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.pool import NullPool

FROZEN = Path(__file__).parent / "frozen"

EXECUTION = "d1f8c90242ba08c9f5dd164462a212b9"
"""The first of its executions."""

VIEWS = (
    ("log",), ("log", "--json"), ("log", "--failed"), ("log", "--task", "double"), ("log", "notes.txt"),
    ("log", "d1f8c902"), ("log", "db3722c5"), ("log", "ace0e44a"), ("log", "d1f8c902", "--json"),
    ("explain-miss", "ace0e44a"), ("explain-miss", "d1f8c902"),
    *(("log", name) for name in ("main", "double", "count", "load", "bulk", "fails")),
)  # fmt: skip
"""Commands that look at the history."""


def make_sqlite(path: Path) -> None:
    """Make the history in a new file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_text("sqlite"))
        connection.executescript(f"BEGIN;\n{_text('rows')}\nCOMMIT;")
        connection.execute("PRAGMA journal_mode = WAL")


def make_postgres(url: str) -> None:
    """Make the history in an empty database."""
    with psycopg.connect(url) as connection:
        connection.execute(_text("postgres").encode())
        connection.execute(re.sub(r"X'([0-9A-F]*)'", r"'\\x\1'", _text("rows")).encode())


def ids() -> list[str]:
    """The ids of some records of each kind."""
    asked = (
        "SELECT uuid FROM job WHERE id % 5 = 0",
        "SELECT hash FROM call_node WHERE id % 4 = 0",
        "SELECT hash FROM value WHERE id % 4 = 0",
        "SELECT hash FROM task",
    )
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_text("sqlite") + _text("rows"))
        return [row[0].hex()[:12] for statement in asked for row in connection.execute(statement + " ORDER BY id")]


def _text(name: str) -> str:
    return (FROZEN / f"version_2.{name}.sql").read_text()


# -- any database --------------------------------------------------------------------------------------


def path_of(url: str) -> Path | None:
    """The file of a database's URL, None of a server."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else None


def engine_of(url: str) -> Engine:
    """An engine of SQLAlchemy's."""
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What a statement gives, committed."""
    path = path_of(url)
    if path is None:
        with psycopg.connect(url) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def set_version(url: str, number: int) -> None:
    """Write a version as the database keeps it."""
    ask(url, f"PRAGMA user_version = {number}" if path_of(url) else f"UPDATE redux_schema SET version = {number}")


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, with their columns in the order of names."""
    engine = engine_of(url)
    names = {
        name: ", ".join(f'"{one}"' for one in sorted(column["name"] for column in inspect(engine).get_columns(name)))
        for name in inspect(engine).get_table_names()
    }
    engine.dispose()
    return {name: sorted(ask(url, f'SELECT {columns} FROM "{name}"'), key=repr) for name, columns in names.items()}
