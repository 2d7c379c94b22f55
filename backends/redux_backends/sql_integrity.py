"""The records in tables, read page by page to see if they are sound, and what is bent set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Executable, Table, bindparam, delete, null, select, update

from redux_backends import schema, sql_pages, sql_references, sql_sizes
from redux_backends.integrity import (
    NOTHING,
    AsideKind,
    Bytes,
    CallRow,
    Dangling,
    Gap,
    Grouping,
    Integrity,
    KeptValue,
    KeyRow,
    LooseResult,
    OddJob,
    SetRow,
    Tally,
    TaskRow,
    Twin,
    Usage,
    aside_hash,
    is_aside,
)
from redux_backends.records import Place, Seconds, Traits
from redux_valuestore.digest import Digest

_T = TypeVar("_T")

Closure = Callable[[Connection], _T]
Change = tuple[Executable, Mapping[str, object]]
View = Callable[[Callable[[Connection], Any]], Any]
Write = Callable[[Sequence[Change]], None]

_value, _call = schema.value, schema.call_node
_NAMED: Mapping[str, Table] = {
    "value": _value,
    "evaluation": schema.evaluation,
    "call": _call,
    "task": schema.task,
    "task set": schema.task_set,
    "job": schema.job,
    "execution": schema.execution,
    "handle": schema.handle,
}
_LISTED = {Traits.FILES: schema.held_file, Traits.SUBVALUES: schema.subvalue, Traits.TASKS: schema.held_task}
"""Where the parts are that a value with such a trait has."""
_TAGGED = {kind: table for kind, table in _NAMED.items() if kind in ("value", "call", "task", "job", "execution")}


@dataclass(frozen=True, slots=True)
class Own:
    """What each kind of database does in its own way."""

    clock: Callable[[], Seconds]
    bytes_on_disk: Callable[[], int]
    complaints: Callable[[], Sequence[str]]
    rebuild_indexes: Callable[[], None]


class SqlIntegrity(Integrity):
    """The records of a database that `view` reads, one state at a time, and `write` changes, one transaction a time."""

    def __init__(self, view: View, write: Write, own: Own) -> None:
        self._view = view
        self._write = write
        self._own = own

    def clock(self) -> Seconds:
        return self._own.clock()

    def complaints(self) -> Sequence[str]:
        return self._own.complaints()

    def rebuild_indexes(self) -> None:
        self._own.rebuild_indexes()

    def _pages(self, read: Callable[..., Sequence[_T]], row_of: Callable[[_T], int]) -> Iterator:
        after = -1
        while page := self._view(partial(read, after=after)):
            yield page
            after = row_of(page[-1])

    # -- what names what ---------------------------------------------------------------------------

    def dangling(self) -> Iterator[Dangling]:
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                for named in column.foreign_keys:
                    yield from self._view(partial(sql_references.dangling, column=column, target=named.column))
        for kind, table in _TAGGED.items():
            yield from self._view(partial(sql_references.dangling_tags, kind=kind, table=table))

    def gaps(self) -> Iterator[Gap]:
        for table in schema.metadata.sorted_tables:
            if "position" in table.c:
                yield from self._view(partial(sql_references.gaps, table=table))
        for trait, table in _LISTED.items():
            yield from self._view(partial(sql_references.unlisted, trait=trait, table=table))

    def twins(self) -> Iterator[Twin]:
        for kind, table in _NAMED.items():
            yield from self._view(partial(sql_references.twins, kind=kind, table=table))

    def loose_results(self) -> Iterator[LooseResult]:
        yield from self._view(sql_references.loose_results)

    def odd_jobs(self) -> Iterator[OddJob]:
        yield from self._view(sql_references.odd_jobs)

    # -- what hashes are made of -------------------------------------------------------------------

    def evaluations(self) -> Iterator[Sequence[KeyRow]]:
        yield from self._pages(sql_pages.evaluations, lambda one: one.row)

    def calls(self) -> Iterator[Sequence[CallRow]]:
        yield from self._pages(sql_pages.calls, lambda one: one.row)

    def tasks(self) -> Iterator[Sequence[TaskRow]]:
        yield from self._pages(sql_pages.tasks, lambda one: one.row)

    def task_sets(self) -> Iterator[Sequence[SetRow]]:
        yield from self._pages(sql_pages.task_sets, lambda one: one.row)

    # -- values ------------------------------------------------------------------------------------

    def values(self, shard: int) -> Sequence[KeptValue]:
        return self._view(lambda connection: sql_pages.values(connection, shard))

    def inline_bytes(self) -> Iterator[Sequence[Bytes]]:
        after = -1
        while page := self._view(partial(sql_pages.inline, after=after)):
            yield [Bytes(Digest(hash), size, data) for _, hash, size, data in page if not is_aside(hash)]
            after = page[-1][0]

    def remakable(self, values: Sequence[Digest]) -> frozenset[Digest]:
        return self._view(lambda connection: sql_pages.remakable(connection, values))

    # -- mending -----------------------------------------------------------------------------------

    def set_aside(self, kind: AsideKind, row: int) -> None:
        self._write(self._view(lambda connection: list(_asides(connection, kind, row))))

    def unlink(self, row: Dangling) -> None:
        table = schema.metadata.tables[row.table]
        named = [table.c[column] == bindparam(f"key_{column}", number) for column, number in row.key]
        if table.c[row.column].nullable:
            self._write([(update(table).where(*named).values({row.column: null()}), {})])
        else:
            self._write([(delete(table).where(*named), {})])

    # -- sizes -------------------------------------------------------------------------------------

    def bytes_on_disk(self) -> int:
        return self._own.bytes_on_disk()

    def tally(self) -> Tally:
        return self._view(sql_sizes.tally)

    def usage(self, by: Grouping) -> Sequence[Usage]:
        return self._view(lambda connection: sql_sizes.usage(connection, by))

    def unused(self) -> Tally:
        return self._view(sql_sizes.unused)


# -- mending ---------------------------------------------------------------------------------------


_instead = _value.alias("instead")
_CALL_ASIDE = (
    update(_call)
    .values(
        hash=bindparam("aside"),
        # A call whose result is gone is nobody's answer.
        value_id=select(_instead.c.id).where(schema.same_id(_instead.c.hash, NOTHING.hash)).scalar_subquery(),
    )
    .where(_call.c.id == bindparam("row"))
)


def _asides(connection: Connection, kind: AsideKind, row: int) -> Iterator[Change]:
    table = _NAMED[kind]
    hash = connection.execute(select(table.c.hash).where(table.c.id == row)).scalar()
    if hash is None or is_aside(hash):
        return
    if kind == "task":
        # Evaluations rest on its hash, which is right; what is lost is the code that people would see.
        yield delete(schema.task_piece).where(schema.task_piece.c.task_id == bindparam("row")), {"row": row}
        return
    for call, its_hash in connection.execute(select(_call.c.id, _call.c.hash).where(_resting_on(kind) == row)):
        if not is_aside(its_hash):
            yield _CALL_ASIDE, {"row": call, "aside": aside_hash(its_hash)}
    if kind == "value":
        gone = update(_value).values(hash=bindparam("aside"), place=int(Place.MISSING), data=null())
        yield gone.where(_value.c.id == bindparam("row")), {"row": row, "aside": aside_hash(hash)}
    elif kind != "call":
        moved = update(table).values(hash=bindparam("aside")).where(table.c.id == bindparam("row"))
        yield moved, {"row": row, "aside": aside_hash(hash)}


def _resting_on(kind: AsideKind) -> Column[int]:
    return {
        "value": _call.c.value_id,
        "evaluation": _call.c.evaluation_id,
        "call": _call.c.id,
        "task set": _call.c.set_id,
    }[kind]
