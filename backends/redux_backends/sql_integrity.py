"""The records in tables, read page by page to see if they are sound, and what is bent set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Delete,
    Table,
    Update,
    bindparam,
    case,
    delete,
    literal_column,
    null,
    select,
    update,
)

from redux_backends import schema, sql_pages, sql_references, sql_sizes
from redux_backends.dialects import Now
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
    TagRow,
    Tally,
    TaskRow,
    Twin,
    Usage,
    aside_hash,
    is_aside,
)
from redux_backends.records import Place, Seconds, Traits
from redux_backends.rowids import Memory
from redux_backends.session import Session, SqlDatabase
from redux_valuestore.digest import Digest

_T = TypeVar("_T")

_Change = tuple[Update | Delete, Mapping[str, object]]
_NOW = select(Now())

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
    "tag": schema.tag,
}
_LISTED = {Traits.FILES: schema.held_file, Traits.SUBVALUES: schema.subvalue, Traits.TASKS: schema.held_task}
"""Where the parts are that a value with such a trait has."""
_TAGGED = {kind: table for kind, table in _NAMED.items() if kind in ("value", "call", "task", "job", "execution")}


class SqlIntegrity(Integrity):
    """The records of a `database`. What `memory` knows of their rows is forgotten when some are changed."""

    def __init__(self, database: SqlDatabase, memory: Memory) -> None:
        self._database = database
        self._memory = memory

    def _view(self, closure: Callable[[Connection], _T]) -> _T:
        return self._database.view(closure)

    def _change(self, changes: Sequence[_Change]) -> None:
        def closure(session: Session) -> None:
            for statement, parameters in changes:
                session.run(statement, **parameters)

        self._database.run_tx(closure)
        self._memory.forget()

    def clock(self) -> Seconds:
        return self._database.ask(lambda session: session.first(_NOW)[0])

    def complaints(self) -> Sequence[str]:
        return self._database.complaints()

    def rebuild_indexes(self) -> None:
        self._database.rebuild_indexes()

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

    def tags(self) -> Iterator[Sequence[TagRow]]:
        yield from self._pages(sql_pages.tags, lambda one: one.row)

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
        self._change(self._view(lambda connection: list(_asides(connection, kind, row))))

    def settle_tag(self, row: int) -> None:
        self._change([(_SETTLE, {"row": row})])

    def unlink(self, row: Dangling) -> None:
        self._change([(_unlink(row.table, row.column), {f"key_{name}": number for name, number in row.key})])

    # -- sizes -------------------------------------------------------------------------------------

    def bytes_on_disk(self) -> int:
        return self._database.bytes_on_disk()

    def tally(self) -> Tally:
        return self._view(sql_sizes.tally)

    def usage(self, by: Grouping) -> Sequence[Usage]:
        return self._view(lambda connection: sql_sizes.usage(connection, by))

    def unused(self) -> Tally:
        return self._view(sql_sizes.unused)


# -- mending ---------------------------------------------------------------------------------------


@cache
def _unlink(table: str, column: str) -> Update | Delete:
    """Drop what is in a column of a row given by its `key_` columns, or the row where that cannot be empty."""
    changed = schema.metadata.tables[table]
    named = [key == bindparam(f"key_{key.name}") for key in changed.primary_key]
    if changed.c[column].nullable:
        return update(changed).where(*named).values({column: null()})
    return delete(changed).where(*named)


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
_VALUE_ASIDE = (
    update(_value)
    .values(hash=bindparam("aside"), place=literal_column(str(int(Place.MISSING))), data=null())
    .where(_value.c.id == bindparam("row"))
)
_TABLE_ASIDE = {
    kind: update(_NAMED[kind]).values(hash=bindparam("aside")).where(_NAMED[kind].c.id == bindparam("row"))
    for kind in ("evaluation", "task set")
}
_edits = select(schema.tag_edit.c.child_id).where(schema.tag_edit.c.parent_id == schema.tag.c.id)
_SETTLE = (
    update(schema.tag)
    .values(
        current=case(
            (schema.tag.c.value.is_not(None) & ~_edits.exists(), literal_column("1")), else_=literal_column("0")
        )
    )
    .where(schema.tag.c.id == bindparam("row"))
)
_TAG_ASIDE = (
    update(schema.tag)
    .values(hash=bindparam("aside"), current=literal_column("0"))
    .where(schema.tag.c.id == bindparam("row"))
)
_NO_CODE = delete(schema.task_piece).where(schema.task_piece.c.task_id == bindparam("row"))


def _asides(connection: Connection, kind: AsideKind, row: int) -> Iterator[_Change]:
    table = _NAMED[kind]
    hash = connection.execute(select(table.c.hash).where(table.c.id == row)).scalar()
    if hash is None or is_aside(hash):
        return
    if kind == "task":
        # Evaluations rest on its hash, which is right; what is lost is the code that people would see.
        yield _NO_CODE, {"row": row}
        return
    if kind == "tag":
        yield _TAG_ASIDE, {"row": row, "aside": aside_hash(hash)}
        return
    for call, its_hash in connection.execute(select(_call.c.id, _call.c.hash).where(_resting_on(kind) == row)):
        if not is_aside(its_hash):
            yield _CALL_ASIDE, {"row": call, "aside": aside_hash(its_hash)}
    if kind != "call":
        moved = _VALUE_ASIDE if kind == "value" else _TABLE_ASIDE[kind]
        yield moved, {"row": row, "aside": aside_hash(hash)}


def _resting_on(kind: AsideKind) -> Column[int]:
    return {
        "value": _call.c.value_id,
        "evaluation": _call.c.evaluation_id,
        "call": _call.c.id,
        "task set": _call.c.set_id,
    }[kind]
