"""Which rows fit: by digests and ids, by names and patterns, by what was given and which files are held."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, and_, literal, literal_column, or_, select

from redux_backends import patterns, schema
from redux_backends.answers import GivenFilter
from redux_backends.dialects import FitsPattern
from redux_backends.texts import KeptText

_job, _value, _word = schema.job, schema.value, schema.word
_ZERO = literal_column("0")


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
