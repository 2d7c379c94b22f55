"""Which row a digest names: what one transaction knows, and what this process remembers between transactions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sqlalchemy import Column, Select, Table, select

from redux_backends import schema
from redux_backends.backend import unknown_reference
from redux_backends.session import Session
from redux_backends.statements import Among

_REMEMBERED = 20_000
_NOT_WHOLE = -1


class Remembered:
    """Rows that were seen to be committed, newest kept. Rows are never deleted, so what is here stays true."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}
        self._whole_to = 0

    def among(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """The rows of those of these digests that are here."""
        young, old = self._young, self._old
        found: dict[bytes, int] = {}
        for digest in digests:
            row = young.get(digest)
            if row is None:
                row = old.get(digest)
                if row is None:
                    continue
                young[digest] = row
            found[digest] = row
        return found

    def add(self, rows: dict[bytes, int]) -> None:
        """Remember rows that are committed."""
        self._young.update(rows)
        if len(self._young) > self._limit:
            if self._old:
                self._whole_to = _NOT_WHOLE
            self._old, self._young = self._young, {}

    def add_all(self, rows: dict[bytes, int], before: int, last: int) -> None:
        """Remember `rows`, among them all after `before` to `last`."""
        # What is not here while all are is taken for new, so they come first.
        self.add(rows)
        if self._whole_to == before:
            self._whole_to = last

    def has_all(self, last: int) -> bool:
        """Whether all rows up to the `last` one are here, so that nobody need look for others.

        That is so while a table was filled by this process alone, from its first row, and not with too many.
        """
        return self._whole_to >= last


@dataclass(frozen=True, slots=True)
class Kind:
    """A table whose rows are named by a digest or an id."""

    name: str
    table: Table
    column: Column[bytes]
    probe: Among
    last: Select[tuple[int]]

    @classmethod
    def of(cls, name: str, table: Table) -> Kind:
        """The kind of a table, named as people know it."""
        column = table.c.uuid if "uuid" in table.c else table.c.hash
        return cls(
            name, table, column, Among([table.c.id, column], table, schema.prefix_of(column)), schema.last_row(table)
        )

    def find(self, session: Session, digests: Iterable[bytes]) -> dict[bytes, int]:
        """The rows of these digests; it may hold others that begin like them."""
        prefixes = schema.prefixes(digests)
        return {digest: row for row, digest in session.read(self.probe, prefixes)}


VALUE = Kind.of("value", schema.value)
TASK = Kind.of("task", schema.task)
EVALUATION = Kind.of("evaluation", schema.evaluation)
TASK_SET = Kind.of("task set", schema.task_set)
CALL = Kind.of("call", schema.call_node)
JOB = Kind.of("job", schema.job)
EXECUTION = Kind.of("execution", schema.execution)
HANDLE = Kind.of("handle", schema.handle)
KINDS = (VALUE, TASK, EVALUATION, TASK_SET, CALL, JOB, EXECUTION, HANDLE)


class Rows(dict[bytes, int]):
    """The rows of one kind that a transaction knows of. An unknown digest raises `unknown_reference`."""

    def __init__(self, kind: Kind, session: Session, remembered: Remembered, last: int) -> None:
        super().__init__()
        self._kind = kind
        self._session = session
        self._remembered = remembered
        self._before = self._last = last

    def __missing__(self, digest: bytes) -> int:
        raise unknown_reference(self._kind.name, digest)

    def learn(self, digests: Iterable[bytes]) -> None:
        """Look for digests, in memory and then in the database."""
        unknown = set(digests).difference(self)
        recalled = self._remembered.among(unknown)
        self.update(recalled)
        asking = unknown.difference(recalled)
        if asking and not self._remembered.has_all(self._before):
            self.update(self._kind.find(self._session, asking))

    def is_new(self, digest: bytes) -> bool:
        """Whether the record's row came with this transaction."""
        return self[digest] > self._before

    def add(self, digest: bytes) -> int:
        """The row that a new record gets."""
        self._last += 1
        self[digest] = self._last
        return self._last

    def remember(self) -> None:
        """Keep for later transactions what this one, now committed, knew."""
        self._remembered.add_all(self, self._before, self._last)


class Words(dict[str, int]):
    """The rows of shared texts; a new one is written at the end of the transaction, by `added`."""

    _probe: ClassVar = Among([schema.word.c.id, schema.word.c.text], schema.word, schema.word.c.text)

    def __init__(self, session: Session, remembered: dict[str, int], last: int) -> None:
        super().__init__()
        self._session = session
        self._remembered = remembered
        self._last = last
        self.added: list[tuple[int, str]] = []

    def learn(self, texts: Iterable[str]) -> None:
        """Find or make the rows of texts."""
        asking: list[str] = []
        for text in dict.fromkeys(texts):
            if text not in self:
                row = self._remembered.get(text)
                if row is None:
                    asking.append(text)
                else:
                    self[text] = row
        if not asking:
            return
        for row, text in self._session.read(self._probe, asking):
            self[text] = row
        for text in asking:
            if text not in self:
                self._last += 1
                self[text] = self._last
                self.added.append((self._last, text))


@dataclass(slots=True)
class Memory:
    """What one connection remembers between transactions."""

    kinds: dict[str, Remembered] = field(default_factory=lambda: {kind.name: Remembered() for kind in KINDS})
    words: dict[str, int] = field(default_factory=dict)

    def add(self, kind: Kind, rows: dict[bytes, int]) -> None:
        """Remember rows that were seen to be committed."""
        self.kinds[kind.name].add(rows)

    def rows(self, kind: Kind, digests: Iterable[bytes]) -> list[int] | None:
        """The rows of these digests; None where one is not remembered."""
        wanted = set(digests)
        rows = self.kinds[kind.name].among(wanted)
        return list(rows.values()) if len(rows) == len(wanted) else None

    def without_new(self, session: Session, kind: Kind, digests: Collection[bytes]) -> Collection[bytes]:
        """These digests but for those that the database surely has not."""
        remembered = self.kinds[kind.name]
        (last,) = session.first(kind.last)
        if not remembered.has_all(last):
            return digests
        known = remembered.among(digests)
        # Meanwhile another thread may have put some out.
        return known if remembered.has_all(last) else digests

    def forget(self) -> None:
        """Remember nothing: another server may have taken over that knows less."""
        self.kinds = {kind.name: Remembered() for kind in KINDS}
        self.words = {}


def span_of(rows: Collection[int] | None) -> tuple[int, int] | None:
    """The first and the last of rows that are near each other, so that all between them are read for less than each."""
    if not rows:
        return None
    first, last = min(rows), max(rows)
    return (first, last) if last - first < 2 * len(rows) else None


def read_rows(session: Session, among: Among, rows: Sequence[int]) -> Iterable[tuple]:
    """What belongs to these rows, and maybe to some between them."""
    span = span_of(rows)
    return session.read(among, rows) if span is None else session.read_span(among, *span)


class Ledger:
    """All rows as one transaction sees them; `remember` is called once it is committed."""

    def __init__(self, session: Session, memory: Memory) -> None:
        self._memory = memory
        last = session.first(_LAST_ROWS)
        self.words = Words(session, memory.words, last[0])
        rows = [
            Rows(kind, session, memory.kinds[kind.name], newest) for kind, newest in zip(KINDS, last[1:], strict=True)
        ]
        self.values, self.tasks, self.evaluations, self.task_sets, self.calls, self.jobs = rows[:6]
        self.executions, self.handles = rows[6:]
        self._of_kind = {kind.name: known for kind, known in zip(KINDS, rows, strict=True)}

    def of_kind(self, name: str) -> Rows | None:
        """The rows of a kind; None where there is no such kind."""
        return self._of_kind.get(name)

    def remember(self) -> None:
        """Keep for later transactions what this one knew."""
        for rows in self._of_kind.values():
            rows.remember()
        if len(self._memory.words) > _REMEMBERED:
            self._memory.words.clear()
        self._memory.words.update(self.words)


_LAST_ROWS = select(
    *(last.scalar_subquery() for last in (schema.last_row(schema.word), *(kind.last for kind in KINDS)))
)
