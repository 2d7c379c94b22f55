"""Rows taken over in an order in which each comes after those it names, however they lie in the tables."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from redux.redun.known import Known
from redux.redun.source import Row
from redux.redun.taking import Taking, pages


class Named(Protocol):
    """A row by its `key`, with the keys of the rows that it `names`."""

    @property
    def key(self) -> str:
        """What others name it by."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """The keys of those it names."""
        ...


R = TypeVar("R", bound=Named)

_AT_ONCE = 1_000


def _by_number(taking: Taking, rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    return pages(rows)


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """A kind of redun's records: what several of them are called, and the `table` that they are in.

    The statements of `every` give all rows, that of `some` those with the keys given. What other tables say of a page
    of rows is added by `enriched`, and `record` puts them here and among the known.
    """

    plural: str
    table: str
    every: Sequence[str]
    some: str
    enriched: Callable[[Taking, Sequence[Row]], Sequence[R]]
    record: Callable[[Taking, Sequence[R]], None]
    paged: Callable[[Taking, Iterable[Row]], Iterator[Sequence[Row]]] = _by_number


def take_all(taking: Taking, kind: Kind[R], known: Known) -> int:
    """Take over all records of a kind, and count and tell of them; how many there were."""
    total, done = taking.source.count(kind.table), 0

    def read(statement: str, keys: Sequence[str] | None = None) -> Iterator[Sequence[R]]:
        for page in kind.paged(taking, taking.source.read(statement, keys)):
            yield kind.enriched(taking, page)

    def settle(rows: Sequence[R]) -> None:
        nonlocal done
        kind.record(taking, rows)
        done += len(rows)
        taking.told(kind.plural, done, total)

    first = (page for statement in kind.every for page in read(statement))
    taking.counts.lost += in_order(first, lambda keys: read(kind.some, keys), known, settle)
    return done


def in_order(
    pages: Iterable[Sequence[R]],
    again: Callable[[Sequence[str]], Iterable[Sequence[R]]],
    known: Known,
    settle: Callable[[Sequence[R]], None],
) -> int:
    """Give all rows to `settle`, each after those it names; how many names stayed unknown.

    `settle` puts what it was given among the `known`. Rows that come too early are read `again`, by their keys. What
    names rows that are nowhere, or that name each other, is settled last, without them.
    """
    early: list[str] = []
    for page in pages:
        early += _settle(page, known, settle)
    while early:
        left: list[str] = []
        for start in range(0, len(early), _AT_ONCE):
            for page in again(early[start : start + _AT_ONCE]):
                left += _settle(page, known, settle)
        if len(left) == len(early):
            break
        early = left
    lost = 0
    for start in range(0, len(early), _AT_ONCE):
        for page in again(early[start : start + _AT_ONCE]):
            names = {name for row in page for name in row.names}
            lost += len(names - known.find(names).keys())
            settle(page)
    return lost


def _settle(page: Sequence[R], known: Known, settle: Callable[[Sequence[R]], None]) -> list[str]:
    """Settle those rows of a page that can be; the keys of the others."""
    rows = {row.key: row for row in page}
    outside = {name for row in page for name in row.names} - rows.keys()
    there = known.find(outside).keys() if outside else outside
    users: defaultdict[str, list[str]] = defaultdict(list)
    waits: dict[str, int] = {}
    for key, row in rows.items():
        within = [name for name in row.names if name in rows]
        for name in within:
            users[name].append(key)
        waits[key] = len(within) + len(row.names - rows.keys() - there)
    ready = deque(key for key, count in waits.items() if count == 0)
    ordered: list[R] = []
    while ready:
        key = ready.popleft()
        ordered.append(rows.pop(key))
        for user in users[key]:
            waits[user] -= 1
            if waits[user] == 0:
                ready.append(user)
    if ordered:
        settle(ordered)
    return list(rows)
