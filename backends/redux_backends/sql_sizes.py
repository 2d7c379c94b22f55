"""How many bytes values have, in all and by who has them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, Connection, and_, case, func, literal_column, select, union

from redux_backends import schema
from redux_backends.integrity import Grouping, Tally, Usage
from redux_backends.records import Place

_value, _evaluation, _job, _word = schema.value, schema.evaluation, schema.job, schema.word
_ZERO = literal_column("0")


def _sum_at(place: Place, what: ColumnElement[int], *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    there = and_(_value.c.place == literal_column(str(int(place))), *conditions)
    return func.coalesce(func.sum(case((there, what), else_=_ZERO)), _ZERO)


def _bytes_at(place: Place, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return _sum_at(place, _value.c.size, *conditions)


_THERE = _value.c.place != literal_column(str(int(Place.MISSING)))
_ONE = literal_column("1")
_TALLY = (
    _sum_at(Place.INLINE, _ONE),
    _bytes_at(Place.INLINE),
    _sum_at(Place.STORE, _ONE),
    _bytes_at(Place.STORE),
)


def tally(connection: Connection) -> Tally:
    """All values whose bytes are not gone."""
    return Tally(*map(int, connection.execute(select(*_TALLY).where(_THERE)).one()))


def unused(connection: Connection) -> Tally:
    """The values that no call has."""
    had = _had(_evaluation.c.id)
    left = select(*_TALLY).where(_THERE, _value.c.id.not_in(select(had.c.value_id)))
    return Tally(*map(int, connection.execute(left).one()))


def usage(connection: Connection, by: Grouping) -> Sequence[Usage]:
    """What each execution, task or type has in values, most own bytes first."""
    found = _by_type(connection) if by == "type" else _by_owner(connection, by)
    return sorted(found, key=lambda one: (-(one.own_database + one.own_store), -one.values, one.name))


def _by_type(connection: Connection) -> list[Usage]:
    """A value has one type, so nothing is shared."""
    asked = (
        select(_word.c.text, func.count(), _bytes_at(Place.INLINE), _bytes_at(Place.STORE))
        .select_from(_value.join(_word, _word.c.id == _value.c.type_id))
        .where(_THERE)
        .group_by(_word.c.text)
    )
    rows = connection.execute(asked)
    return [Usage(name, int(count), int(inline), int(store), 0, 0) for name, count, inline, store in rows]


def _by_owner(connection: Connection, by: Grouping) -> list[Usage]:
    had = _had(schema.task.c.name_id if by == "task" else _job.c.execution_id)
    owners = select(had.c.owner, had.c.value_id, func.count().over(partition_by=had.c.value_id).label("owners"))
    each = owners.subquery("each")
    alone, together = each.c.owners == literal_column("1"), each.c.owners > literal_column("1")
    named = _word if by == "task" else schema.execution
    name = _word.c.text if by == "task" else schema.execution.c.uuid
    asked = (
        select(
            name,
            func.count(_value.c.id),
            _bytes_at(Place.INLINE, alone),
            _bytes_at(Place.STORE, alone),
            _bytes_at(Place.INLINE, together),
            _bytes_at(Place.STORE, together),
        )
        .select_from(each.join(_value, _value.c.id == each.c.value_id).join(named, named.c.id == each.c.owner))
        .where(_THERE)
        .group_by(name)
    )
    rows = connection.execute(asked)
    return [Usage(name.hex() if by == "execution" else name, *map(int, numbers)) for name, *numbers in rows]


def _had(owner: ColumnElement[int]) -> CTE:
    """Who has which value, each pair once: arguments and results of calls, and the values inside them."""
    bound, reduced, call = schema.argument, schema.evaluation_result, schema.call_node
    parts = union(
        *(select(part.c.evaluation_id.label("evaluation_id"), part.c.value_id.label("value_id"))
          for part in (bound, reduced, call))
    ).subquery("parts")  # fmt: skip
    owned = _evaluation.join(parts, parts.c.evaluation_id == _evaluation.c.id)
    if owner.table is schema.task:  # pyright: ignore[reportAttributeAccessIssue]
        owned = owned.join(schema.task, schema.task.c.id == _evaluation.c.task_id)
    elif owner.table is _job:  # pyright: ignore[reportAttributeAccessIssue]
        owned = owned.join(_job, _job.c.evaluation_id == _evaluation.c.id)
    had = select(owner.label("owner"), parts.c.value_id).select_from(owned).distinct().cte("had", recursive=True)
    inside = schema.subvalue
    return had.union(
        select(had.c.owner, inside.c.child_id).select_from(had.join(inside, inside.c.value_id == had.c.value_id))
    )
