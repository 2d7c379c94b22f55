"""The ids of records in tables: all of them, page by page, or those at and below some, in an order for putting them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, Text, bindparam, literal_column, select

from redux_backends import executions, rowids, schema
from redux_backends.dialects import IsOneOf
from redux_backends.exchange import TAGGED, UNDER_WAY, RecordId, RecordKind, in_groups, named_first
from redux_backends.integrity import ASIDE, is_aside
from redux_backends.records import Place
from redux_backends.rowids import Kind, Memory, span_of
from redux_backends.session import Session, SqlDatabase
from redux_backends.statements import Among

_K = RecordKind
_ROWS = bindparam("rows", type_=Text)
_IDS_AT_ONCE = 8_000
_NO_STAGE = literal_column("0", Integer)

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
_TAG_KINDS = {kind: name for name, kind in TAGGED.items()}


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
        for span in self._spans(TABLES[kind]):
            yield self._rows(kind, lambda session: session.read_span(_NUMBERED[kind], *span))  # noqa: B023 - asked at once

    def _every_result(self) -> Iterator[RecordId]:
        for span in self._spans(_evaluation):
            page = sorted(self._database.ask(lambda session: session.read_span(_RESULTS, *span)))  # noqa: B023 - asked at once
            self._memory.add(rowids.EVALUATION, {row[2]: row[0] for row in page})
            yield from map(_result_id, page)

    def _spans(self, table: Table) -> Iterator[tuple[int, int]]:
        """The first and the last row of each page of a table."""
        (last,) = self._database.ask(lambda session: session.first(_LAST[table]))
        for first in range(1, last + 1, _IDS_AT_ONCE):
            yield first, min(last, first + _IDS_AT_ONCE - 1)

    def below(self, roots: Iterable[RecordId]) -> Iterator[RecordId]:
        """Those at and below `roots`."""
        found = self._closure(self._rows_of(roots))
        for kind in _K:
            if kind is _K.RESULT:
                for rows in in_groups(sorted(found[_K.EVALUATION])):
                    page = self._database.ask(lambda session: session.read(_RESULTS, rows))  # noqa: B023 - asked at once
                    yield from map(_result_id, sorted(page))
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
                asked = select(TABLES[kind].c.id, column).where(schema.prefix_of(column).in_(schema.prefixes(chunk)))
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
            if kind in _TAG_KINDS:
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
            .where(_tag.c.entity == column, _tag.c.kind == _TAG_KINDS[kind])
        )
        found: set[int] = set()
        for chunk in in_groups(rows):
            found |= {row for (row,) in self._among(asked, TABLES[kind].c.id, chunk)}
        return found

    def _tagged(self, tags: Collection[int]) -> Iterator[tuple[RecordKind, set[int]]]:
        for name, kind in TAGGED.items():
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
        left_behind = self._left_behind() if kind is _K.TAG else ()
        remembered = KINDS.get(kind)
        for page in pages:
            page = [row for row in page if row[0] not in left_behind]
            if not page:
                continue
            if remembered is not None:
                self._memory.add(remembered, {id: row for row, id, _ in page})
            rows = [row for row, *_ in page]
            known = {row: RecordId(kind, id, stage) for row, id, stage in page}
            named = _Named(self, kind, known)
            if named.in_order and not ahead:
                yield from known.values()
                continue
            for row in named_first(rows, named, ahead):
                yield known[row]
            ahead = {row for row in ahead if row > rows[-1]}

    def _left_behind(self) -> set[int]:
        """The tags that were set aside, with all that supersedes them: under another hash they would be other tags."""
        aside = schema.prefix_of(_tag.c.hash) == ASIDE[: schema.PREFIX]
        found: set[int] = set()
        fresh = {row for row, hash in self._all(select(_tag.c.id, _tag.c.hash).where(aside)) if is_aside(hash)}
        while fresh:
            found |= fresh
            fresh = self._reached(schema.tag_edit.c.parent_id, schema.tag_edit.c.child_id, fresh) - found
        return found

    def any_later(self, kind: RecordKind, rows: Collection[int]) -> bool:
        """Whether one of the records of `rows`, or between them where these are few, names one of a later row."""
        span = span_of(rows)
        for owner, target in _OF_THE_SAME_KIND.get(kind, ()):
            asked = select(owner).where(target > owner).limit(1)
            if self._among(asked, owner, rows) if span is None else self._all(asked.where(owner.between(*span))):
                return True
        return False

    def named(self, kind: RecordKind, rows: Collection[int], start: int) -> dict[int, list[int]]:
        """The records from the row `start` on that those of `rows` name."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for owner, target in _OF_THE_SAME_KIND.get(kind, ()):
            for row, named in self._among(select(owner, target).where(target >= start), owner, rows):
                found[row].append(named)
        return found

    def _by_rows(self, kind: RecordKind, rows: Collection[int]) -> Sequence[_Row]:
        return self._rows(kind, lambda session: session.read(_NUMBERED[kind], rows))

    def _rows(self, kind: RecordKind, read: Callable[[Session], Iterable[tuple]]) -> Sequence[_Row]:
        """Rows that are read of a table, in order, with ids and stages."""
        # Asked before: what ends in between is told again.
        running = self._database.view(executions.alive) if kind is _K.EXECUTION else ()
        rows = sorted(self._database.ask(read))
        stages = {told: stage_of(kind, told) for told in {row[2] for row in rows}}
        return [(row, id, UNDER_WAY if row in running else stages[told]) for row, id, told in rows]

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


class _Named:
    """The records that one names and that did not come with earlier pages; those of a page are asked for at once."""

    def __init__(self, ids: RecordIds, kind: RecordKind, known: dict[int, RecordId]) -> None:
        self._ids = ids
        self._kind = kind
        self._known = known
        self._start = min(known, default=0)
        self.in_order = not known or not ids.any_later(kind, known)
        """whether each record of the page comes after those that it names"""
        self._named = {} if self.in_order else ids.named(kind, list(known), self._start)
        self._asked = set(known)

    def __call__(self, row: int) -> Iterable[int]:
        if row not in self._asked:
            self._asked.add(row)
            self._named |= self._ids.named(self._kind, [row], self._start)
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


def id_column(table: Table) -> ColumnElement[bytes]:
    """The column that has a record's hash or id."""
    return table.c.uuid if "uuid" in table.c else table.c.hash


def stage_of(kind: RecordKind, told: float | None) -> float:
    """How far a record has come, by what its row says."""
    if kind is _K.VALUE:
        return float(told != Place.MISSING)
    return told or 0.0


_TOLD = {_K.VALUE: _value.c.place, _K.EXECUTION: schema.execution.c.ended, _K.JOB: _job.c.ended}
_NUMBERED = {
    kind: Among([table.c.id, id_column(table), _TOLD.get(kind, _NO_STAGE)], table, table.c.id)
    for kind, table in TABLES.items()
}
"""Row, id and what its stage is told by."""
_LAST = {table: schema.last_row(table) for table in TABLES.values()}
RESULT_ROWS = _result.join(_evaluation, _evaluation.c.id == _result.c.evaluation_id).join(
    _value, _value.c.id == _result.c.value_id
)
"""Results with what their ids are made of."""
_RESULTS = Among(
    [_result.c.evaluation_id, _result.c.value_id, _evaluation.c.hash, _value.c.hash, _result.c.recorded],
    RESULT_ROWS,
    _result.c.evaluation_id,
)


def _result_id(row: Any) -> RecordId:
    return RecordId(_K.RESULT, row[2] + row[3], row[4])


def _same(kind: RecordKind) -> Iterator[_Link]:
    for owner, target in _OF_THE_SAME_KIND.get(kind, ()):
        yield owner, kind, target
