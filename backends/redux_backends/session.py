"""What records are written and read through: one connection to a database of whichever kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import ClauseElement, Connection

from redux_backends.statements import Among, Insert, Row, SqlValue

T = TypeVar("T")


class Session(Protocol):
    """Runs statements on one connection. Texts go in and come out as Python has them, whatever is in them."""

    @property
    def again(self) -> bool:
        """Whether the transaction was tried before, and may even have been committed without anybody hearing of it."""
        ...

    def write(self, insert: Insert, rows: Sequence[Row]) -> None:
        """Write rows, each with a value for every column in order."""
        ...

    def read(self, among: Among, keys: Iterable[SqlValue]) -> Iterable[tuple]:
        """The rows for these keys, in no order."""
        ...

    def read_span(self, among: Among, first: int, last: int) -> Iterable[tuple]:
        """The rows for all keys from the first to the last, which are numbers of rows; in no order."""
        ...

    def first(self, statement: ClauseElement, **parameters: object) -> tuple[Any, ...]:
        """The one row that a statement gives."""
        ...

    def all(self, statement: ClauseElement, **parameters: object) -> Iterable[tuple[Any, ...]]:
        """The rows that a statement gives, which are of numbers and bytes."""
        ...

    def run(self, statement: ClauseElement, **parameters: object) -> None:
        """Run a statement that gives nothing."""
        ...


class SqlDatabase(Protocol):
    """One database, for this process and its threads. What is played again depends on nothing but the database."""

    def open(self) -> None:
        """Open it, making its tables where there are none."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def run_tx(self, closure: Callable[[Session], T]) -> T:
        """What `closure` returns, its writes made in one transaction, or none of them."""
        ...

    def ask(self, closure: Callable[[Session], T]) -> T:
        """What `closure` returns, which reads with single statements."""
        ...

    def view(self, closure: Callable[[Connection], T]) -> T:
        """What `closure` returns, which sees one state of the database."""
        ...

    def bytes_on_disk(self) -> int:
        """How many bytes it takes, with a log that is its own."""
        ...

    def complaints(self) -> Sequence[str]:
        """What the database itself finds wrong with its form; nothing where it is sound or cannot look."""
        ...

    def rebuild_indexes(self) -> None:
        """Make its indexes anew from its rows."""
        ...
