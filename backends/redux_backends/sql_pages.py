"""Records in tables, page by page, with all that their hashes are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, LargeBinary, Select, Table, bindparam, func, select
from sqlalchemy.sql.expression import ColumnElement

from redux_backends import schema
from redux_backends.integrity import SHARDS, CallRow, KeptValue, KeyRow, SetRow, TagRow, TaskRow, is_aside
from redux_backends.records import NO_TASKS, Argument, EvaluationKey, Place, Tag
from redux_valuestore.digest import Digest

PAGE = 2_000
_NONE = Digest(b"")

_value, _evaluation, _call, _task, _set = (
    schema.value,
    schema.evaluation,
    schema.call_node,
    schema.task,
    schema.task_set,
)

_prefix = schema.prefix_of(_value.c.hash)
_OF_A_SHARD = select(_value.c.hash, _value.c.size, _value.c.place, func.length(_value.c.data)).where(
    _prefix >= bindparam("shard", type_=LargeBinary), _prefix < bindparam("above", type_=LargeBinary)
)
"""Asked 256 times in a row, and so built once."""
_ABOVE_ALL = b"\xff" * (schema.PREFIX + 1)
"""Longer than any prefix of a digest, and so above them all."""


def _page(statement: Select, table: Table, after: int) -> Select:
    return statement.where(table.c.id > after).order_by(table.c.id).limit(PAGE)


def _parts(connection: Connection, statement: Select, owner: ColumnElement[int], rows: Sequence[Any]) -> Mapping:
    """The parts of a page's records, in order, by the number of the record."""
    found: defaultdict[int, list[tuple]] = defaultdict(list)
    if rows:
        for number, *part in connection.execute(statement.where(owner.between(rows[0][0], rows[-1][0]))):
            found[number].append(tuple(part))
    return found


def evaluations(connection: Connection, after: int) -> list[KeyRow]:
    """Evaluations after a row, with their tasks and arguments."""
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
                tuple(Argument(name or "", value or _NONE) for name, value in named.get(row, ())),
            ),
        )
        for row, hash, task_hash, args_hash in rows
    ]


def calls(connection: Connection, after: int) -> list[CallRow]:
    """Finished calls after a row, with their tasks, results and children."""
    child, edge, member = _call.alias("child"), schema.call_edge, schema.task_set_member
    own = select(member.c.task_id).where(member.c.set_id == _call.c.set_id, member.c.task_id == _evaluation.c.task_id)
    asked = select(
        _call.c.id,
        _call.c.hash,
        _task.c.hash,
        _evaluation.c.args_hash,
        _value.c.hash,
        _call.c.children,
        _set.c.hash,
        own.exists().label("own"),
    ).select_from(
        _call.outerjoin(_evaluation, _evaluation.c.id == _call.c.evaluation_id)
        .outerjoin(_task, _task.c.id == _evaluation.c.task_id)
        .outerjoin(_value, _value.c.id == _call.c.value_id)
        .outerjoin(_set, _set.c.id == _call.c.set_id)
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
            bool(own) or task_set == NO_TASKS,
        )
        for row, hash, task_hash, args_hash, result, children, task_set, own in rows
    ]


def tasks(connection: Connection, after: int) -> list[TaskRow]:
    """Tasks after a row, with the pieces of their code."""
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
            name or "",
            tuple((kind or "", of or "", code or _NONE) for kind, of, code in covered.get(row, ())),
        )
        for row, hash, name in rows
    ]


def task_sets(connection: Connection, after: int) -> list[SetRow]:
    """Task sets after a row, with their members."""
    member = schema.task_set_member
    rows = connection.execute(_page(select(_set.c.id, _set.c.hash), _set, after)).all()
    members = (
        select(member.c.set_id, _task.c.hash)
        .select_from(member.outerjoin(_task, _task.c.id == member.c.task_id))
        .order_by(member.c.set_id, member.c.task_id)
    )
    held = _parts(connection, members, member.c.set_id, rows)
    return [SetRow(row, hash, tuple(each or _NONE for (each,) in held.get(row, ()))) for row, hash in rows]


def tags(connection: Connection, after: int) -> list[TagRow]:
    """Tags after a row, with the hashes of those they supersede."""
    tag, edit, parent = schema.tag, schema.tag_edit, schema.tag.alias("parent")
    superseded = select(edit.c.child_id).where(edit.c.parent_id == tag.c.id).exists()
    rows = connection.execute(_page(select(tag, superseded.label("superseded")), tag, after)).all()
    parents = (
        select(edit.c.child_id, parent.c.hash)
        .select_from(edit.outerjoin(parent, parent.c.id == edit.c.parent_id))
        .order_by(edit.c.child_id, edit.c.position)
    )
    before = _parts(connection, parents, edit.c.child_id, rows)
    found: list[TagRow] = []
    for row in rows:
        parents = tuple(each or _NONE for (each,) in before.get(row.id, ()))
        said = Tag(row.kind, row.entity, row.key, row.value, parents, row.recorded)
        found.append(TagRow(row.id, row.hash, said, bool(row.current), bool(row.superseded)))
    return found


# -- values ----------------------------------------------------------------------------------------


def values(connection: Connection, shard: int) -> list[KeptValue]:
    """What the records of values whose digest begins with the byte `shard` say of their bytes."""
    above = bytes([shard + 1]) if shard + 1 < SHARDS else _ABOVE_ALL
    return [
        KeptValue(Digest(hash), size, Place(place), kept)
        for hash, size, place, kept in connection.execute(_OF_A_SHARD, {"shard": bytes([shard]), "above": above})
        if not is_aside(hash)
    ]


def inline(connection: Connection, after: int) -> Sequence[Any]:
    """Row, hash, size and bytes of values after a row whose bytes are in their records."""
    asked = select(_value.c.id, _value.c.hash, _value.c.size, _value.c.data).where(_value.c.data.is_not(None))
    return connection.execute(_page(asked, _value, after)).all()


_AT_ONCE = 500


def remakable(connection: Connection, values: Sequence[Digest]) -> frozenset[Digest]:
    """Those that are results, or lie in results, however deep."""
    holders: dict[int, set[Digest]] = defaultdict(set)
    for start in range(0, len(values), _AT_ONCE):
        chunk = values[start : start + _AT_ONCE]
        prefixes = schema.prefixes(chunk)
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
