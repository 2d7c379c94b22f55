"""Rows against rows: what names what is not there, what is out of order, there twice, or cannot be as it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, func, or_, select
from sqlalchemy.sql.expression import ColumnElement

from redux_backends import schema
from redux_backends.integrity import ASIDE, Dangling, Gap, LooseResult, OddJob, Twin, is_aside
from redux_backends.records import JobStatus, Traits

_value, _evaluation, _call, _job = schema.value, schema.evaluation, schema.call_node, schema.job


def dangling(connection: Connection, column: Column[Any], target: Column[Any]) -> list[Dangling]:
    """The rows of a column's table that name in it what is not in the `target`."""
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
        for row in map(tuple, connection.execute(found))
    ]


def dangling_tags(connection: Connection, kind: str, table: Table) -> list[Dangling]:
    """Tags of records of a kind that are not in its table."""
    tag, column = schema.tag, _hash_of(table)
    there = select(table.c.id).where(schema.prefix_of(column) == schema.prefix_of(tag.c.entity), column == tag.c.entity)
    found = select(tag.c.id).where(tag.c.kind == kind, ~there.exists())
    return [Dangling("tag", "entity", str(table.name), (("id", row),), True) for (row,) in connection.execute(found)]


def gaps(connection: Connection, table: Table) -> list[Gap]:
    """Records whose parts in a table are not numbered from 0 on, each once."""
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


def unlisted(connection: Connection, trait: Traits, table: Table) -> list[Gap]:
    """Values that hold what is listed in a table, and of which nothing is listed there."""
    listed = select(table.c.value_id).where(table.c.value_id == _value.c.id)
    found = select(_value.c.id, _value.c.hash).where(_value.c.traits.op("&")(int(trait)) != 0, ~listed.exists())
    return [Gap(str(table.name), row, hash) for row, hash in connection.execute(found) if not is_aside(hash)]


def twins(connection: Connection, kind: str, table: Table) -> list[Twin]:
    """Records of a table that are there more than once, all but the oldest of each."""
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


def loose_results(connection: Connection) -> list[LooseResult]:
    """Remembered results without expressions that none of the evaluation's calls has."""
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


def odd_jobs(connection: Connection) -> list[OddJob]:
    """Jobs that cannot be as they are recorded."""
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
        for row in map(tuple, connection.execute(found))
    ]
