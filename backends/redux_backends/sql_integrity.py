"""The records in tables, read page by page to see if they are sound, and what is bent set aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Executable, Select, Table, bindparam, delete, func, null, or_, select, update
from sqlalchemy.sql.expression import ColumnElement

from redux_backends import schema, sql_sizes
from redux_backends.integrity import (
    ASIDE,
    NOTHING,
    SHARDS,
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
from redux_backends.records import Argument, EvaluationKey, JobStatus, Place, Seconds, Traits
from redux_backends.statements import from_text
from redux_valuestore.digest import Digest

PAGE = 2_000
_NONE = Digest(b"")
_T = TypeVar("_T")

Closure = Callable[[Connection], _T]
Change = tuple[Executable, Mapping[str, object]]
View = Callable[[Callable[[Connection], Any]], Any]
Write = Callable[[Sequence[Change]], None]

_value, _evaluation, _call, _task, _set, _job = (
    schema.value,
    schema.evaluation,
    schema.call_node,
    schema.task,
    schema.task_set,
    schema.job,
)
_NAMED: Mapping[str, Table] = {
    "value": _value,
    "evaluation": _evaluation,
    "call": _call,
    "task": _task,
    "task set": _set,
    "job": _job,
    "execution": schema.execution,
    "handle": schema.handle,
}
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

    def _pages(self, read: Callable[[Connection, int], Sequence[_T]], row_of: Callable[[_T], int]) -> Iterator:
        after = -1
        while page := self._view(lambda connection, after=after: read(connection, after)):
            yield page
            after = row_of(page[-1])

    # -- what names what ---------------------------------------------------------------------------

    def dangling(self) -> Iterator[Dangling]:
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                for reference in column.foreign_keys:
                    yield from self._view(lambda connection, c=column, t=reference.column: _dangling(connection, c, t))
        for kind, table in _TAGGED.items():
            yield from self._view(lambda connection, kind=kind, table=table: _dangling_tags(connection, kind, table))

    def gaps(self) -> Iterator[Gap]:
        for table in schema.metadata.sorted_tables:
            if "position" in table.c:
                yield from self._view(lambda connection, table=table: _gaps(connection, table))

    def twins(self) -> Iterator[Twin]:
        for kind, table in _NAMED.items():
            yield from self._view(lambda connection, kind=kind, table=table: _twins(connection, kind, table))

    def loose_results(self) -> Iterator[LooseResult]:
        yield from self._view(_loose_results)

    def odd_jobs(self) -> Iterator[OddJob]:
        yield from self._view(_odd_jobs)

    # -- what hashes are made of -------------------------------------------------------------------

    def evaluations(self) -> Iterator[Sequence[KeyRow]]:
        yield from self._pages(_evaluations, lambda one: one.row)

    def calls(self) -> Iterator[Sequence[CallRow]]:
        yield from self._pages(_calls, lambda one: one.row)

    def tasks(self) -> Iterator[Sequence[TaskRow]]:
        yield from self._pages(_tasks, lambda one: one.row)

    def task_sets(self) -> Iterator[Sequence[SetRow]]:
        yield from self._pages(_task_sets, lambda one: one.row)

    # -- values ------------------------------------------------------------------------------------

    def values(self, shard: int) -> Sequence[KeptValue]:
        return self._view(lambda connection: _values(connection, shard))

    def inline_bytes(self) -> Iterator[Sequence[Bytes]]:
        after = -1
        while page := self._view(lambda connection, after=after: _inline(connection, after)):
            yield [Bytes(Digest(hash), size, data) for _, hash, size, data in page if not is_aside(hash)]
            after = page[-1][0]

    def remakable(self, values: Sequence[Digest]) -> frozenset[Digest]:
        return self._view(lambda connection: _remakable(connection, values))

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


# -- what names what -------------------------------------------------------------------------------


def _dangling(connection: Connection, column: Column[Any], target: Column[Any]) -> list[Dangling]:
    table, named = column.table, target.table.alias("named")
    keys = list(table.primary_key)
    found = (
        select(*keys)
        .select_from(table.outerjoin(named, named.c[target.name] == column))
        .where(column.is_not(None), named.c[target.name].is_(None))
    )
    # What only connects others may go; a record itself stays, and loses no more than a part that may be empty.
    mendable = "id" not in table.c or bool(column.nullable)
    return [
        Dangling(
            str(table.name),
            column.name,
            str(target.table.name),
            tuple((key.name, number) for key, number in zip(keys, row, strict=True)),
            mendable,
        )
        for row in connection.execute(found)
    ]


def _dangling_tags(connection: Connection, kind: str, table: Table) -> list[Dangling]:
    tag, column = schema.tag, _hash_of(table)
    there = select(table.c.id).where(schema.prefix_of(column) == schema.prefix_of(tag.c.entity), column == tag.c.entity)
    found = select(tag.c.id).where(tag.c.kind == kind, ~there.exists())
    return [Dangling("tag", "entity", str(table.name), (("id", row),), True) for (row,) in connection.execute(found)]


def _gaps(connection: Connection, table: Table) -> list[Gap]:
    owner = next(iter(table.primary_key))
    (reference,) = owner.foreign_keys
    owners = reference.column.table
    parts = (
        select(owner.label("owner"))
        .group_by(owner)
        .having(or_(func.count() != func.max(table.c.position) + 1, func.min(table.c.position) != 0))
        .subquery()
    )
    found = select(parts.c.owner, _hash_of(owners)).select_from(parts.outerjoin(owners, owners.c.id == parts.c.owner))
    return [
        Gap(str(table.name), row, hash or b"") for row, hash in connection.execute(found) if not is_aside(hash or b"")
    ]


def _twins(connection: Connection, kind: str, table: Table) -> list[Twin]:
    column = _hash_of(table)
    prefix = schema.prefix_of(column)
    crowded = select(prefix).group_by(prefix).having(func.count() > 1)
    rows = connection.execute(select(table.c.id, column).where(prefix.in_(crowded)).order_by(table.c.id))
    seen: set[bytes] = set()
    found: list[Twin] = []
    for row, hash in rows:
        if hash in seen and not is_aside(hash):
            found.append(Twin(kind, row, hash))
        seen.add(hash)
    return found


def _hash_of(table: Table) -> Column[bytes]:
    return table.c.uuid if "uuid" in table.c else table.c.hash


def _loose_results(connection: Connection) -> list[LooseResult]:
    reduced, settled = schema.evaluation_result, _call.alias("settled")
    plain = _value.c.traits.op("&")(int(Traits.EXPRESSIONS)) == 0
    calls = select(settled.c.id).where(
        settled.c.evaluation_id == reduced.c.evaluation_id, schema.prefix_of(settled.c.hash) != ASIDE[: schema.PREFIX]
    )
    found = (
        select(_evaluation.c.id, _evaluation.c.hash, _value.c.hash)
        .select_from(reduced.join(_evaluation, _evaluation.c.id == reduced.c.evaluation_id).join(_value))
        .where(plain, calls.exists(), ~calls.where(settled.c.value_id == reduced.c.value_id).exists())
    )
    return [
        LooseResult(row, hash, result)
        for row, hash, result in connection.execute(found)
        if not is_aside(hash) and not is_aside(result)
    ]


def _odd_jobs(connection: Connection) -> list[OddJob]:
    execution, parent = schema.execution, schema.job.alias("parent")
    running, done, cached, failed = (
        int(each) for each in (JobStatus.RUNNING, JobStatus.DONE, JobStatus.CACHED, JobStatus.FAILED)
    )
    tests: dict[str, ColumnElement[bool]] = {
        "runs on": (_job.c.status == running) & (execution.c.status != running),
        "no result": _job.c.status.in_((done, cached)) & _job.c.call_id.is_(None),
        "never ended": _job.c.status.in_((done, cached, failed)) & _job.c.ended.is_(None),
        "other evaluation": _call.c.evaluation_id != _job.c.evaluation_id,
        "other execution": parent.c.execution_id != _job.c.execution_id,
    }
    jobs = (
        _job.join(execution, execution.c.id == _job.c.execution_id)
        .outerjoin(_call, _call.c.id == _job.c.call_id)
        .outerjoin(parent, parent.c.id == _job.c.parent_id)
    )
    told = [test.label(f"test_{at}") for at, test in enumerate(tests.values())]
    found = select(_job.c.uuid, _job.c.status, *told).select_from(jobs).where(or_(*tests.values()))
    return [
        OddJob(row[0], JobStatus(row[1]), next(why for why, met in zip(tests, row[2:], strict=True) if met))
        for row in connection.execute(found)
    ]


# -- what hashes are made of -----------------------------------------------------------------------


def _page(statement: Select, table: Table, after: int) -> Select:
    return statement.where(table.c.id > after).order_by(table.c.id).limit(PAGE)


def _parts(connection: Connection, statement: Select, owner: ColumnElement[int], rows: Sequence[Any]) -> Mapping:
    """The parts of a page's records, in order, by the number of the record."""
    found: defaultdict[int, list[tuple]] = defaultdict(list)
    if rows:
        for number, *part in connection.execute(statement.where(owner.between(rows[0][0], rows[-1][0]))):
            found[number].append(tuple(part))
    return found


def _evaluations(connection: Connection, after: int) -> list[KeyRow]:
    bound, word = schema.argument, schema.word
    asked = select(_evaluation.c.id, _evaluation.c.hash, _task.c.hash, _evaluation.c.args_hash).select_from(
        _evaluation.outerjoin(_task, _task.c.id == _evaluation.c.task_id)
    )
    rows = connection.execute(_page(asked, _evaluation, after)).all()
    arguments = (
        select(bound.c.evaluation_id, word.c.text, _value.c.hash)
        .select_from(
            bound.outerjoin(word, word.c.id == bound.c.name_id).outerjoin(_value, _value.c.id == bound.c.value_id)
        )
        .order_by(bound.c.evaluation_id, bound.c.position)
    )
    named = _parts(connection, arguments, bound.c.evaluation_id, rows)
    return [
        KeyRow(
            row,
            EvaluationKey(
                hash,
                task_hash or _NONE,
                args_hash,
                tuple(Argument(from_text(name or ""), value or _NONE) for name, value in named.get(row, ())),
            ),
        )
        for row, hash, task_hash, args_hash in rows
    ]


def _calls(connection: Connection, after: int) -> list[CallRow]:
    child, edge, member = _call.alias("child"), schema.call_edge, schema.task_set_member
    own = select(member.c.task_id).where(member.c.set_id == _call.c.set_id, member.c.task_id == _evaluation.c.task_id)
    asked = select(
        _call.c.id,
        _call.c.hash,
        _task.c.hash,
        _evaluation.c.args_hash,
        _value.c.hash,
        _call.c.children,
        own.exists().label("own"),
    ).select_from(
        _call.outerjoin(_evaluation, _evaluation.c.id == _call.c.evaluation_id)
        .outerjoin(_task, _task.c.id == _evaluation.c.task_id)
        .outerjoin(_value, _value.c.id == _call.c.value_id)
    )
    rows = connection.execute(_page(asked, _call, after)).all()
    edges = (
        select(edge.c.parent_id, child.c.hash)
        .select_from(edge.outerjoin(child, child.c.id == edge.c.child_id))
        .order_by(edge.c.parent_id, edge.c.position)
    )
    below = _parts(connection, edges, edge.c.parent_id, rows)
    return [
        CallRow(
            row,
            hash,
            task_hash or _NONE,
            args_hash or _NONE,
            result or _NONE,
            tuple(each or _NONE for (each,) in below.get(row, ())),
            children,
            bool(own),
        )
        for row, hash, task_hash, args_hash, result, children, own in rows
    ]


def _tasks(connection: Connection, after: int) -> list[TaskRow]:
    word, piece, link = schema.word, schema.code_piece, schema.task_piece
    asked = select(_task.c.id, _task.c.hash, word.c.text).select_from(
        _task.outerjoin(word, word.c.id == _task.c.name_id)
    )
    rows = connection.execute(_page(asked, _task, after)).all()
    pieces = (
        select(link.c.task_id, piece.c.kind, piece.c.name, piece.c.hash)
        .select_from(link.outerjoin(piece, piece.c.id == link.c.piece_id))
        .order_by(link.c.task_id, link.c.position)
    )
    covered = _parts(connection, pieces, link.c.task_id, rows)
    return [
        TaskRow(
            row,
            hash,
            from_text(name or ""),
            tuple((kind or "", from_text(of or ""), code or _NONE) for kind, of, code in covered.get(row, ())),
        )
        for row, hash, name in rows
    ]


def _task_sets(connection: Connection, after: int) -> list[SetRow]:
    member = schema.task_set_member
    rows = connection.execute(_page(select(_set.c.id, _set.c.hash), _set, after)).all()
    members = (
        select(member.c.set_id, _task.c.hash)
        .select_from(member.outerjoin(_task, _task.c.id == member.c.task_id))
        .order_by(member.c.set_id, member.c.task_id)
    )
    held = _parts(connection, members, member.c.set_id, rows)
    return [SetRow(row, hash, tuple(each or _NONE for (each,) in held.get(row, ()))) for row, hash in rows]


# -- values ----------------------------------------------------------------------------------------


def _values(connection: Connection, shard: int) -> list[KeptValue]:
    prefix = schema.prefix_of(_value.c.hash)
    asked = select(_value.c.hash, _value.c.size, _value.c.place, func.length(_value.c.data)).where(
        prefix >= bytes([shard])
    )
    if shard + 1 < SHARDS:
        asked = asked.where(prefix < bytes([shard + 1]))
    return [
        KeptValue(Digest(hash), size, Place(place), kept)
        for hash, size, place, kept in connection.execute(asked)
        if not is_aside(hash)
    ]


def _inline(connection: Connection, after: int) -> Sequence[Any]:
    asked = select(_value.c.id, _value.c.hash, _value.c.size, _value.c.data).where(_value.c.data.is_not(None))
    return connection.execute(_page(asked, _value, after)).all()


_AT_ONCE = 500


def _remakable(connection: Connection, values: Sequence[Digest]) -> frozenset[Digest]:
    """Those that are results, or lie in results, however deep."""
    holders: dict[int, set[Digest]] = defaultdict(set)
    for start in range(0, len(values), _AT_ONCE):
        chunk = values[start : start + _AT_ONCE]
        prefixes = {digest[: schema.PREFIX] for digest in chunk}
        asked = select(_value.c.id, _value.c.hash).where(schema.prefix_of(_value.c.hash).in_(prefixes))
        for row, hash in connection.execute(asked):
            if hash in chunk:
                holders[row].add(hash)
    found: set[Digest] = set()
    while holders:
        results = _results_among(connection, list(holders))
        found |= {digest for row in results for digest in holders[row]}
        holders = _one_up(connection, {row: held - found for row, held in holders.items() if held - found})
    return frozenset(found)


def _results_among(connection: Connection, rows: Sequence[int]) -> set[int]:
    result = schema.evaluation_result
    found: set[int] = set()
    for start in range(0, len(rows), _AT_ONCE):
        chunk = rows[start : start + _AT_ONCE]
        for column in (result.c.value_id, _call.c.value_id):
            found |= set(connection.execute(select(column).where(column.in_(chunk)).distinct()).scalars())
    return found


def _one_up(connection: Connection, held: Mapping[int, set[Digest]]) -> dict[int, set[Digest]]:
    """The values that these are parts of, with what is looked for in them."""
    part = schema.subvalue
    above: dict[int, set[Digest]] = defaultdict(set)
    rows = list(held)
    for start in range(0, len(rows), _AT_ONCE):
        asked = select(part.c.value_id, part.c.child_id).where(part.c.child_id.in_(rows[start : start + _AT_ONCE]))
        for holder, child in connection.execute(asked):
            above[holder] |= held[child]
    return above


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
