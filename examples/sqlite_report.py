"""A database as a file: written by one task, asked by others, and asked again only when its content changed.

    $ redux run examples/sqlite_report.py main
    [('north', 2, 31.5), ('south', 2, 18.0)]
    $ redux run examples/sqlite_report.py main --patience 30
    [('north', 2, 31.5), ('south', 2, 18.0)]

Other patience, and nothing runs: `config_args` names the arguments that change how a task works, but not what it gives.
Change the database by hand, and it is written anew, since its content is part of what `fill` returned:

    sqlite3 out/sales.db "DELETE FROM sales"
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from redux import File, task

Row = tuple[str, str, float]

SALES: list[Row] = [
    ("north", "rope", 20.0),
    ("north", "lamp", 11.5),
    ("south", "rope", 10.0),
    ("south", "sail", 8.0),
]
BY_REGION = "SELECT region, count(*), sum(price) FROM sales GROUP BY region ORDER BY region"


def open_read_only(database: File, patience: float) -> sqlite3.Connection:
    """A connection that changes nothing; it waits `patience` seconds for who writes at the moment."""
    return sqlite3.connect(f"file:{database.path}?mode=ro", timeout=patience, uri=True)


@task(config_args=["patience"])
def fill(path: str, rows: list[Row], patience: float) -> File:
    """A database with a table of sales."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(target, timeout=patience)) as connection:
        connection.execute("CREATE TABLE sales (region TEXT, thing TEXT, price REAL)")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
        connection.commit()
    return File(path)


@task(config_args=["patience"])
def ask(database: File, question: str, patience: float) -> list[tuple[object, ...]]:
    """The rows that a question gives."""
    with closing(open_read_only(database, patience)) as connection:
        return connection.execute(question).fetchall()


@task(config_args=["patience"])
def main(patience: float = 5.0) -> list[tuple[object, ...]]:
    """Fill the database, and sum up by region."""
    return ask(fill("out/sales.db", SALES, patience), BY_REGION, patience)
