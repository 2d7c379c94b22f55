"""Which rows fit: by digests and ids, by names and patterns, by what was given and which files are held."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, func, literal, literal_column, or_, select

from redux_backends import patterns, schema
from redux_backends.answers import GivenFilter, JobFilter
from redux_backends.dialects import FitsPattern
from redux_backends.texts import KeptText
from redux_valuestore.digest import Digest

_job, _value, _word = schema.job, schema.value, schema.word
_ZERO = literal_column("0")


COMMON = 1000
"""A value that so many calls were given, or gave, says little of which job is meant."""


def given_of(wanted: JobFilter) -> Sequence[GivenFilter]:
    """What jobs are to be given."""
    return [*wanted.given, *([] if wanted.argument is None else [GivenFilter((wanted.argument,))])]


def results_of(wanted: JobFilter) -> Sequence[Sequence[Digest]]:
    """What jobs are to give: one of each of these."""
    asked = [] if wanted.value is None else [(wanted.value,)]
    return asked if wanted.results is None else [*asked, wanted.results]


def values_of(wanted: JobFilter) -> Sequence[Sequence[Digest]]:
    """The values that jobs are asked for by."""
    return [*results_of(wanted), *(given.values for given in given_of(wanted))]


def common_values(connection: Connection, wanted: JobFilter) -> frozenset[Digest]:
    """Those values that jobs are asked for by which very many calls were given or gave."""
    asked = sorted({value for values in values_of(wanted) for value in values})
    if not asked or wanted.execution is not None or wanted.parent is not None:
        return frozenset()
    named = _value.alias("asked_for")
    by = schema.argument.c.value_id, schema.call_node.c.value_id
    beginnings = schema.prefix_of(named.c.hash).in_([value[: schema.PREFIX] for value in asked])
    found = select(named.c.hash).where(
        beginnings, named.c.hash.in_(asked), or_(*(_are_many(each, named) for each in by))
    )
    return frozenset(connection.execute(found).scalars())


def _are_many(column: ColumnElement[int], named: FromClause) -> ColumnElement[bool]:
    """Whether very many rows have this value in a column; the others are not looked at."""
    few = select(literal_column("1")).where(column == named.c.id).correlate(named).limit(COMMON).subquery()
    return select(func.count()).select_from(few).scalar_subquery() >= literal_column(str(COMMON))


def was_given(evaluation: ColumnElement[int], wanted: GivenFilter) -> ColumnElement[bool]:
    """Whether an evaluation was given one of some values, looked for among its arguments."""
    bound, named = schema.argument.alias("was_given"), _word.alias("named_word")
    # With something added: it is the evaluation by which they are found.
    asked = [bound.c.evaluation_id == evaluation, (bound.c.value_id + _ZERO).in_(rows_of(_value.c.hash, wanted.values))]
    if wanted.name is not None:
        asked.append((bound.c.name_id + _ZERO).in_(select(named.c.id).where(named.c.text == wanted.name)))
    return _are_any(bound, asked)


def came_to(call: ColumnElement[int], values: Sequence[Digest]) -> ColumnElement[bool]:
    """Whether a call, given by its row, gave one of some values."""
    made = schema.call_node.alias("came_to")
    gave = (made.c.value_id + _ZERO).in_(rows_of(_value.c.hash, values))
    return _are_any(made, [made.c.id == call, gave])


def _are_any(table: FromClause, conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether a table has such rows, of which there are few; of EXISTS PostgreSQL may make a join with the whole."""
    found = select(func.count()).select_from(table).where(*conditions).correlate_except(table)
    return found.scalar_subquery() > literal_column("0")


def given_to(wanted: GivenFilter) -> Select:
    """The rows of the evaluations that were given one of some values."""
    bound = schema.argument
    found = select(bound.c.evaluation_id).where(bound.c.value_id.in_(rows_of(_value.c.hash, wanted.values)))
    if wanted.name is not None:
        named = _word.alias("named_word")
        # With something added: an argument's name is no way to find it.
        found = found.where((bound.c.name_id + _ZERO).in_(select(named.c.id).where(named.c.text == wanted.name)))
    return found.correlate(None)


def with_files(texts: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """Jobs of which an argument or the result holds a File whose path fits one of these."""
    bound, made = schema.argument, schema.call_node.alias("made_with")
    holders = holding(texts)
    given = select(bound.c.evaluation_id).where(bound.c.value_id.in_(holders)).correlate(None)
    gave = select(made.c.evaluation_id).where(made.c.value_id.in_(holders)).correlate(None)
    calls = select(made.c.id).where(made.c.value_id.in_(holders)).correlate(None)
    yield _job.c.evaluation_id.in_(given.union(gave))
    yield or_(_job.c.evaluation_id.in_(given), _job.c.call_id.in_(calls))


def holding(texts: Sequence[str]) -> Select:
    """The rows of the values that hold a File whose path fits one of some patterns."""
    held = schema.held_file
    return select(held.c.value_id).where(fitting_text(held.c.path, texts)).correlate(None)


def fitting_text(column: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column's text fits one of some patterns, by its index as far as they have the same beginning."""
    return or_(*(and_(*_fits(column, each)) for each in texts))


def _fits(column: ColumnElement[str], pattern: str) -> Iterator[ColumnElement[bool]]:
    if patterns.is_plain(pattern):
        yield column == pattern
        return
    first = patterns.beginning(pattern)
    if first:
        yield column >= first
        yield column <= first + chr(sys.maxunicode)
    yield FitsPattern(
        column, literal(patterns.as_glob(pattern), KeptText), literal(patterns.as_like(pattern), KeptText)
    )


def rows_of(column: ColumnElement[bytes], ids: Sequence[bytes]) -> Select:
    """The rows of the records that have one of these digests or ids in a column."""
    table = column.table  # pyright: ignore[reportAttributeAccessIssue]
    same = table.alias(f"among_{table.name}")
    named = same.c[column.name]  # pyright: ignore
    beginnings = schema.prefix_of(named).in_([id[: schema.PREFIX] for id in ids])
    return select(same.c.id).where(beginnings, named.in_(list(ids))).correlate(None)


def row_of(column: ColumnElement[bytes], id: bytes) -> Select:
    """The row of the record that has this digest or id in a column."""
    table = column.table  # pyright: ignore[reportAttributeAccessIssue]
    same = table.alias(f"named_{table.name}")
    return select(same.c.id).where(schema.same_id(same.c[column.name], id))  # pyright: ignore


def tasks_named(fullname: str) -> Select:
    """The rows of a task's versions."""
    named = select(_word.c.id).where(_word.c.text == fullname).correlate(None)
    return select(schema.task.c.id).where(schema.task.c.name_id.in_(named)).correlate(None)
