"""A database that tasks write to, as a handle: what was written after a changed step is written again, nothing else.

    python examples/handle_sqlite.py [FOLDER]

prints

    first run: customers, orders, stock, total
    again: nothing
    orders with a discount: orders, total
    total: 27.0
    without it again: orders, total
    total: 30.0

`customers`, `orders` and `total` are on one line, `stock` on a line beside it. A result of `total` with the discount
is not taken for one without it, although both were computed before: the table is not what it was.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from redux import Handle, Report, Scheduler, task

redux_namespace = "shop"


class Database(Handle):
    """An SQLite file. It is opened anew in every task that uses it, and never stored."""

    def __init__(self, name: str, path: str) -> None:
        self.instance = sqlite3.connect(path)

    def fill(self, table: str, rows: list[tuple[str, float]]) -> None:
        """Make a table anew with these rows."""
        with self.instance as connection:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"CREATE TABLE {table} (name TEXT, amount REAL)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)


@task
def customers(shop: Database) -> Database:
    """Writes the customers."""
    shop.fill("customers", [("Ada", 1), ("Grace", 2)])
    return shop


@task
def orders(shop: Database, factor: float) -> Database:
    """Writes what was ordered, at the price of the day."""
    shop.fill("orders", [("tea", 10 * factor), ("cake", 20 * factor)])
    return shop


@task
def stock(shop: Database) -> Database:
    """Writes what there is; nobody on the other line needs it."""
    shop.fill("stock", [("tea", 100), ("cake", 7)])
    return shop


@task
def total(shop: Database) -> float:
    """Reads what all orders cost."""
    return shop.execute("SELECT sum(amount) FROM orders").fetchone()[0]


@task
def main(path: str, factor: float) -> list[Any]:
    """Two lines from one database."""
    shop = Database("shop", path)
    return [total(orders(customers(shop), factor)), stock(shop)]


def ran(report: Report) -> str:
    """The tasks that ran below main."""
    names = [name.partition(".")[2] for name, counts in report.counts.items() if counts.done]
    return ", ".join(sorted(name for name in names if name != "main")) or "nothing"


def demonstrate(folder: Path) -> None:
    """Runs the workflow as it is, again, with another step in it, and as it was."""
    path = str(folder / "shop.db")
    scheduler = Scheduler()
    print("first run:", ran(scheduler.execute(main(path, 1.0))))
    print("again:", ran(scheduler.execute(main(path, 1.0))))
    for words, factor in (("orders with a discount", 0.9), ("without it again", 1.0)):
        report = scheduler.execute(main(path, factor))
        cost, _ = report.value  # pyright: ignore[reportGeneralTypeIssues]
        print(f"{words}: {ran(report)}")
        print("total:", cost)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        demonstrate(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as passing:
            demonstrate(Path(passing))
