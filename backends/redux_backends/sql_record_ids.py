"""The ids of records in tables: all of them, page by page, or those at and below some, in an order for putting them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, bindparam, literal_column, select, tuple_

from redux_backends import executions, rowids, schema
from redux_backends.dialects import IsOneOf
from redux_backends.exchange import UNDER_WAY, RecordId, RecordKind, in_groups, named_first
from redux_backends.records import Place
from redux_backends.rowids import Kind, Memory
from redux_backends.session import SqlDatabase

_K = RecordKind
_ROWS = bindparam("rows", type_=Text)
_IDS_AT_ONCE = 8_000
_NO_STAGE = literal_column("0")

_value, _task, _evaluation, _call, _job, _tag = (
    schema.value,
    schema.task,
    schema.evaluation,
    schema.call_node,
    schema.job,
    schema.tag,
)
_result, _edge, _upstream, _handle_edge = (
    schema.evaluation_result,
    schema.call_edge,
    schema.call_upstream,
    schema.handle_edge,
)

TABLES: Mapping[RecordKind, Table] = {
    _K.HANDLE: schema.handle,
    _K.VALUE: _value,
    _K.TASK: _task,
    _K.EVALUATION: _evaluation,
    _K.TASK_SET: schema.task_set,
    _K.CALL: _call,
    _K.EXECUTION: schema.execution,
    _K.JOB: _job,
    _K.TAG: _tag,
}
KINDS: Mapping[RecordKind, Kind] = {
    kind: each for kind, table in TABLES.items() for each in rowids.KINDS if each.table is table
}
"""Those of which rows are remembered: all but tags."""

_OF_THE_SAME_KIND: Mapping[RecordKind, Sequence[tuple[ColumnElement[int], ColumnElement[int]]]] = {
    _K.HANDLE: [(_handle_edge.c.child_id, _handle_edge.c.parent_id)],
    _K.VALUE: [(schema.subvalue.c.value_id, schema.subvalue.c.child_id)],
    _K.CALL: [(_edge.c.parent_id, _edge.c.child_id), (_upstream.c.call_id, _upstream.c.upstream_id)],
    _K.JOB: [(_job.c.id, _job.c.parent_id)],
    _K.TAG: [(schema.tag_edit.c.child_id, schema.tag_edit.c.parent_id)],
}
"""Which records name others of their kind: the row that names, and the row named."""

_Link = tuple[ColumnElement[int], RecordKind, ColumnElement[int]]
_LINKS: Mapping[RecordKind, Sequence[_Link]] = {
    _K.HANDLE: [(_handle_edge.c.parent_id, _K.HANDLE, _handle_edge.c.child_id)],
    _K.VALUE: [(schema.held_handle.c.value_id, _K.HANDLE, schema.held_handle.c.handle_id)],
    _K.EVALUATION: [
        (_evaluation.c.id, _K.TASK, _evaluation.c.task_id),
        (schema.argument.c.evaluation_id, _K.VALUE, schema.argument.c.value_id),
        (_result.c.evaluation_id, _K.VALUE, _result.c.value_id),
    ],
    _K.TASK_SET: [(schema.task_set_member.c.set_id, _K.TASK, schema.task_set_member.c.task_id)],
    _K.CALL: [
        (_call.c.id, _K.EVALUATION, _call.c.evaluation_id),
        (_call.c.id, _K.VALUE, _call.c.value_id),
        (_call.c.id, _K.TASK_SET, _call.c.set_id),
    ],
    _K.JOB: [
        (_job.c.id, _K.EXECUTION, _job.c.execution_id),
        (_job.c.id, _K.TASK, _job.c.task_id),
        (_job.c.id, _K.EVALUATION, _job.c.evaluation_id),
        (_job.c.id, _K.CALL, _job.c.call_id),
    ],
}
"""What else comes along with a record: the rows that it names, and those that belong to it."""

_BELOW: Mapping[RecordKind, _Link] = {
    _K.EXECUTION: (_job.c.execution_id, _K.JOB, _job.c.id),
    _K.JOB: (_job.c.parent_id, _K.JOB, _job.c.id),
}
_TAGGED = {_K.EXECUTION: "execution", _K.JOB: "job", _K.CALL: "call", _K.TASK: "task", _K.VALUE: "value"}


class RecordIds:
    """The ids of the records of a `database`. Their rows are put in `memory`, for whoever reads them next."""

    def __init__(self, database: SqlDatabase, memory: Memory) -> None:
        self._database = database
        self._memory = memory

    def every(self) -> Iterator[RecordId]:
        """All there are."""
        for kind in _K:
            if kind is _K.RESULT:
                yield from self._every_result()
            else:
                yield from self._ordered(kind, self._pages(kind))

    def _pages(self, kind: RecordKind) -> Iterator[Sequence[_Row]]:
        table = TABLES[kind]
        asked = _numbered(kind).where(table.c.id > bindparam("after")).order_by(table.c.id).limit(_IDS_AT_ONCE)
        after = -1
        while page := self._database.view(lambda connection: _read(connection, kind, asked, after=after)):  # noqa: B023 - asked at once
            yield page
            after = page[-1][0]

    def _every_result(self) -> Iterator[RecordId]:
        at = (-1, -1)
        key = tuple_(_result.c.evaluation_id, _result.c.value_id)
        while True:
            asked = _RESULTS.where(key > at).order_by(_result.c.evaluation_id, _result.c.value_id)
            page = self._all(asked.limit(_IDS_AT_ONCE))
            self._memory.add(rowids.EVALUATION, {row[2]: row[0] for row in page})
            yield from map(_result_id, page)
            if len(page) < _IDS_AT_ONCE:
                return
            at = page[-1][0], page[-1][1]

    def below(self, roots: Iterable[RecordId]) -> Iterator[RecordId]:
        """Those at and below `roots`."""
        found = self._closure(self._rows_of(roots))
        for kind in _K:
            if kind is _K.RESULT:
                for rows in in_groups(sorted(found[_K.EVALUATION])):
                    yield from map(_result_id, self._among(_RESULTS, _result.c.evaluation_id, rows))
            else:
                yield from self._ordered(kind, (self._by_rows(kind, rows) for rows in in_groups(sorted(found[kind]))))

    def _rows_of(self, roots: Iterable[RecordId]) -> dict[RecordKind, set[int]]:
        wanted: defaultdict[RecordKind, set[bytes]] = defaultdict(set)
        for root in roots:
            kind, id = (_K.EVALUATION, root.id[:32]) if root.kind is _K.RESULT else (root.kind, root.id)
            wanted[kind].add(id)
        found: dict[RecordKind, set[int]] = {}
        for kind, ids in wanted.items():
            column = id_column(TABLES[kind])
            rows: set[int] = set()
            for chunk in in_groups(ids, 500):
                asked = select(TABLES[kind].c.id, column).where(
                    schema.prefix_of(column).in_([id[: schema.PREFIX] for id in chunk])
                )
                rows |= {row for row, id in self._all(asked) if id in ids}
            found[kind] = rows
        return found

    def _closure(self, roots: Mapping[RecordKind, set[int]]) -> Mapping[RecordKind, set[int]]:
        found: defaultdict[RecordKind, set[int]] = defaultdict(set)
        fresh = self._with_jobs_below(roots)
        while fresh:
            # From what names to what is named, so that most kinds are gone through once.
            kind = max(fresh)
            rows = fresh.pop(kind) - found[kind]
            if not rows:
                continue
            found[kind] |= rows
            for owner, target_kind, target in (*_LINKS.get(kind, ()), *_same(kind)):
                reached = self._reached(owner, target, rows) - found[target_kind]
                if reached:
                    fresh[target_kind] = fresh.get(target_kind, set()) | reached
            for target_kind, reached in self._tagged(rows) if kind is _K.TAG else ():
                fresh[target_kind] = fresh.get(target_kind, set()) | reached - found[target_kind]
            if kind in _TAGGED:
                fresh[_K.TAG] = fresh.get(_K.TAG, set()) | self._tags_on(kind, rows) - found[_K.TAG]
        return found

    def _with_jobs_below(self, roots: Mapping[RecordKind, set[int]]) -> dict[RecordKind, set[int]]:
        found = {kind: set(rows) for kind, rows in roots.items()}
        for kind in (_K.EXECUTION, _K.JOB):
            owner, _, target = _BELOW[kind]
            fresh = found.get(kind, set())
            while fresh:
                fresh = self._reached(owner, target, fresh) - found.get(_K.JOB, set())
                found[_K.JOB] = found.get(_K.JOB, set()) | fresh
                if kind is _K.EXECUTION:
                    break
        return found

    def _reached(self, owner: ColumnElement[int], target: ColumnElement[int], rows: Collection[int]) -> set[int]:
        reached: set[int] = set()
        for chunk in in_groups(rows):
            reached |= {row for (row,) in self._among(select(target).distinct(), owner, chunk) if row is not None}
        return reached

    def _tags_on(self, kind: RecordKind, rows: Collection[int]) -> set[int]:
        column = id_column(TABLES[kind])
        asked = (
            select(_tag.c.id)
            .join_from(TABLES[kind], _tag, schema.prefix_of(_tag.c.entity) == schema.prefix_of(column))
            .where(_tag.c.entity == column, _tag.c.kind == _TAGGED[kind])
        )
        found: set[int] = set()
        for chunk in in_groups(rows):
            found |= {row for (row,) in self._among(asked, TABLES[kind].c.id, chunk)}
        return found

    def _tagged(self, tags: Collection[int]) -> Iterator[tuple[RecordKind, set[int]]]:
        for kind, name in _TAGGED.items():
            column = id_column(TABLES[kind])
            asked = (
                select(TABLES[kind].c.id)
                .join_from(_tag, TABLES[kind], schema.prefix_of(_tag.c.entity) == schema.prefix_of(column))
                .where(_tag.c.entity == column, _tag.c.kind == name)
            )
            for chunk in in_groups(tags):
                yield kind, {row for (row,) in self._among(asked, _tag.c.id, chunk)}

    # -- order -------------------------------------------------------------------------------------

    def _ordered(self, kind: RecordKind, pages: Iterable[Sequence[_Row]]) -> Iterator[RecordId]:
        """The records of pages that come by rising row numbers, but each after those of its kind that it names.

        A record nearly always has a higher row than what it names; only the few that have not are remembered.
        """
        ahead: set[int] = set()
        remembered = KINDS.get(kind)
        for page in pages:
            if remembered is not None:
                self._memory.add(remembered, {id: row for row, id, _ in page})
            known = {row: RecordId(kind, id, stage) for row, id, stage in page}
            named = _Later(self, kind, known)
            if named.none and not ahead:
                yield from known.values()
                continue
            for row in named_first(list(known), named, ahead):
                yield known[row]
            last = page[-1][0]
            ahead = {row for row in ahead if row > last}

    def later(self, kind: RecordKind, rows: Collection[int]) -> dict[int, list[int]]:
        """The records of later rows that those of `rows` name."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for owner, target in _OF_THE_SAME_KIND.get(kind, ()):
            for row, later in self._among(select(owner, target).where(target > owner), owner, rows):
                found[row].append(later)
        return found

    def _by_rows(self, kind: RecordKind, rows: Collection[int]) -> Sequence[_Row]:
        table = TABLES[kind]
        asked = _numbered(kind).where(IsOneOf(table.c.id, _ROWS)).order_by(table.c.id)
        return self._database.view(lambda connection: _read(connection, kind, asked, rows=json.dumps(list(rows))))

    def ids(self, kind: RecordKind, rows: Collection[int]) -> dict[int, RecordId]:
        """The ids of the records of some rows."""
        return {row: RecordId(kind, id, stage) for row, id, stage in self._by_rows(kind, rows)}

    # -- statements --------------------------------------------------------------------------------

    def _all(self, asked: Any) -> Sequence[Any]:
        return self._database.view(lambda connection: connection.execute(asked).all())

    def _among(self, asked: Any, owner: ColumnElement[int], rows: Collection[int]) -> Sequence[Any]:
        chosen = asked.where(IsOneOf(owner, _ROWS))
        given = {"rows": json.dumps(list(rows))}
        return self._database.view(lambda connection: connection.execute(chosen, given).all())


_Row = tuple[int, bytes, float]


class _Later:
    """The records of later rows that a record names; those of a page are asked for at once."""

    def __init__(self, ids: RecordIds, kind: RecordKind, known: dict[int, RecordId]) -> None:
        self._ids = ids
        self._kind = kind
        self._known = known
        self._named = ids.later(kind, list(known)) if known else {}
        self._asked = set(known)

    @property
    def none(self) -> bool:
        """Whether no record of the page names one of a later row."""
        return not self._named

    def __call__(self, row: int) -> Iterable[int]:
        if row not in self._asked:
            self._asked.add(row)
            self._named |= self._ids.later(self._kind, [row])
        named = self._named.get(row, ())
        unknown = [each for each in named if each not in self._known]
        if unknown:
            self._known |= self._ids.ids(self._kind, unknown)
        # What is not there at all is for whoever puts the record to complain of.
        return [each for each in named if each in self._known]


def by_kind(ids: Iterable[RecordId]) -> Mapping[RecordKind, dict[bytes, None]]:
    """The ids of each kind, in order."""
    found: defaultdict[RecordKind, dict[bytes, None]] = defaultdict(dict)
    for each in ids:
        found[each.kind][each.id] = None
    return found


def prefixes(ids: Iterable[bytes]) -> set[bytes]:
    """What ids are looked for by."""
    return {id[: schema.PREFIX] for id in ids}


def id_column(table: Table) -> ColumnElement[bytes]:
    """The column that has a record's hash or id."""
    return table.c.uuid if "uuid" in table.c else table.c.hash


def _numbered(kind: RecordKind) -> Any:
    """Row, id and what its stage is told by."""
    table = TABLES[kind]
    told = {_K.VALUE: _value.c.place, _K.EXECUTION: schema.execution.c.ended, _K.JOB: _job.c.ended}
    return select(table.c.id, id_column(table), told.get(kind, _NO_STAGE))


def stage_of(kind: RecordKind, told: float | None) -> float:
    """How far a record has come, by what its row says."""
    if kind is _K.VALUE:
        return float(told != Place.MISSING)
    return told or 0.0


def _read(connection: Connection, kind: RecordKind, asked: Any, **parameters: object) -> list[_Row]:
    rows: Sequence[Any] = connection.execute(asked, parameters).all()
    running = executions.alive(connection) if kind is _K.EXECUTION else ()
    return [(row, id, UNDER_WAY if row in running else stage_of(kind, told)) for row, id, told in rows]


_RESULTS = select(
    _result.c.evaluation_id, _result.c.value_id, _evaluation.c.hash, _value.c.hash, _result.c.recorded
).select_from(
    _result.join(_evaluation, _evaluation.c.id == _result.c.evaluation_id).join(
        _value, _value.c.id == _result.c.value_id
    )
)


def _result_id(row: Any) -> RecordId:
    return RecordId(_K.RESULT, row[2] + row[3], row[4])


def _same(kind: RecordKind) -> Iterator[_Link]:
    for owner, target in _OF_THE_SAME_KIND.get(kind, ()):
        yield owner, kind, target
