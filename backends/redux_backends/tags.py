"""Tags as rows, each once: those that others supersede stay, and are no longer current; what has which."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from redux_backends import schema
from redux_backends.answers import Found, TagFilter, TagRecord
from redux_backends.backend import unknown_reference
from redux_backends.dialects import IsAmongFound, IsOneOf, Now
from redux_backends.integrity import is_aside
from redux_backends.records import Seconds, Tag, TagEntity
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row
from redux_backends.texts import KeptText
from redux_valuestore.digest import Digest

_KINDS = frozenset(map(str, TagEntity))
INDEXED = 64
"""Characters of a key or value that the index has."""

_tag, _edit = schema.tag, schema.tag_edit
_TAGS = Insert(_tag)
_EDITS = Insert(_edit)
_LAST_TAG = select(schema.last_row(_tag).scalar_subquery(), Now())
_KNOWN = Among([_tag.c.id, _tag.c.hash], _tag, schema.prefix_of(_tag.c.hash))
_CURRENT = Among(
    [_tag.c.id, _tag.c.kind, _tag.c.entity, _tag.c.key, _tag.c.value, _tag.c.recorded],
    _tag,
    schema.prefix_of(_tag.c.entity),
    schema.CURRENT,
)
_BY_HASH = Among(
    [_tag.c.id, _tag.c.hash, _tag.c.kind, _tag.c.entity, _tag.c.key, _tag.c.value, _tag.c.recorded],
    _tag,
    schema.prefix_of(_tag.c.hash),
)
_HISTORY = Among(
    [_tag.c.id, _tag.c.kind, _tag.c.entity, _tag.c.key, _tag.c.value, _tag.c.recorded, _tag.c.current, _tag.c.hash],
    _tag,
    schema.prefix_of(_tag.c.entity),
)
_CHILDREN = Among(
    [_edit.c.parent_id, _edit.c.child_id, _tag.c.hash],
    _edit.join(_tag, _tag.c.id == _edit.c.child_id),
    _edit.c.parent_id,
)
_PARENTS = Among(
    [_edit.c.child_id, _edit.c.position, _tag.c.hash],
    _edit.join(_tag, _tag.c.id == _edit.c.parent_id),
    _edit.c.child_id,
)
_SUPERSEDE = update(_tag).where(IsOneOf(_tag.c.id, bindparam("rows", type_=Text))).values(current=literal_column("0"))


def record(session: Session, ledger: Ledger, tags: Iterable[Tag]) -> None:
    """Write tags of records. Raises `unknown_reference`'s error for a record, or a parent, that is nowhere."""
    wanted: dict[Digest, Tag] = {}
    for tag in tags:
        wanted.setdefault(tag.hash, tag)
    if not wanted:
        return
    _check_entities(ledger, wanted.values())
    named = {*wanted, *(parent for tag in wanted.values() for parent in tag.parents)}
    known = session.read(_KNOWN, {hash[: schema.PREFIX] for hash in named})
    rows: dict[Digest, int] = {Digest(hash): row for row, hash in known}
    last, now = session.first(_LAST_TAG)
    new = {hash: tag for hash, tag in wanted.items() if hash not in rows}
    rows.update((hash, last + at) for at, hash in enumerate(new, 1))
    edits: list[tuple[int, int, int]] = []
    for hash, tag in new.items():
        for at, parent in enumerate(sorted(set(tag.parents))):
            if parent not in rows:
                raise unknown_reference("tag", parent)
            edits.append((rows[hash], at, rows[parent]))
    superseded = {row for _, _, row in edits}
    session.write(_TAGS, [_row(rows[hash], hash, tag, now, superseded) for hash, tag in new.items()])
    session.write(_EDITS, edits)
    older = sorted(row for row in superseded if row <= last)
    if older:
        session.run(_SUPERSEDE, rows=json.dumps(older))


def _row(row: int, hash: Digest, tag: Tag, now: Seconds, superseded: set[int]) -> Row:
    moment = now if tag.recorded is None else tag.recorded
    current = tag.value is not None and row not in superseded
    return (row, hash, tag.kind, tag.entity, tag.key, tag.value, moment, int(current))


def _check_entities(ledger: Ledger, tags: Iterable[Tag]) -> None:
    named: defaultdict[str, list[bytes]] = defaultdict(list)
    for tag in tags:
        named[tag.kind].append(tag.entity)
    for kind, entities in named.items():
        rows = ledger.of_kind(kind) if kind in _KINDS else None
        if rows is None:
            raise unknown_reference(kind, entities[0])
        rows.learn(entities)
        for entity in entities:
            rows[entity]


def get_tags(session: Session, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
    """The current tags of records, in the order in which they were made."""
    wanted = set(entities)
    read = session.read(_CURRENT, {entity[: schema.PREFIX] for entity in wanted})
    rows = sorted(row for row in read if row[2] in wanted)
    parents = _parents(session, [row[0] for row in rows])
    found: defaultdict[bytes, list[Tag]] = defaultdict(list)
    for row, kind, entity, key, value, recorded in rows:
        found[entity].append(Tag(kind, entity, key, value, parents.get(row, ()), recorded))
    return {entity: tuple(tags) for entity, tags in found.items()}


def history(session: Session, entities: Iterable[bytes]) -> list[TagRecord]:
    """All tags that records have and had, in the order in which they came."""
    wanted = set(entities)
    read = session.read(_HISTORY, {entity[: schema.PREFIX] for entity in wanted})
    rows = sorted(row[:-1] for row in read if row[2] in wanted and not is_aside(row[-1]))
    numbers = [row[0] for row in rows]
    parents, children = _parents(session, numbers), defaultdict[int, list[Digest]](list)
    for parent, _, child in sorted(session.read(_CHILDREN, numbers)):
        children[parent].append(Digest(child))
    return [
        TagRecord(
            Tag(kind, entity, key, value, parents.get(row, ()), recorded), bool(current), tuple(children.get(row, ()))
        )
        for row, kind, entity, key, value, recorded, current in rows
    ]


def _parents(session: Session, rows: Iterable[int]) -> Mapping[int, tuple[Digest, ...]]:
    """The hashes of the tags that these supersede, sorted."""
    found: defaultdict[int, list[Digest]] = defaultdict(list)
    for child, _, parent in sorted(session.read(_PARENTS, rows)):
        found[child].append(Digest(parent))
    return {child: tuple(parents) for child, parents in found.items()}


def read(session: Session, hashes: Iterable[bytes]) -> Mapping[Digest, Tag]:
    """Tags by their hashes, current or not."""
    wanted = set(hashes)
    rows = [row for row in session.read(_BY_HASH, {hash[: schema.PREFIX] for hash in wanted}) if row[1] in wanted]
    parents = _parents(session, [row[0] for row in rows])
    return {
        hash: Tag(kind, entity, key, value, parents.get(row, ()), recorded)
        for row, hash, kind, entity, key, value, recorded in rows
    }


# -- what has a tag ----------------------------------------------------------------------------------


def tagged(kind: str, wanted: TagFilter) -> Select[tuple[bytes]]:
    """The ids or hashes of the records of a kind that have such a tag now."""
    return select(_tag.c.entity).where(_tag.c.kind == kind, *_fits(_tag, wanted)).correlate(None)


def rows_tagged(kind: str, column: Column[bytes], wanted: TagFilter) -> Select[tuple[int]]:
    """The same by their rows; the `column` is the one of their ids or hashes."""
    entities, named = tagged(kind, wanted).subquery(), column.table.alias("tagged")
    same = schema.prefix_of(named.c[column.name]) == schema.prefix_of(entities.c.entity)
    found = entities.join(named, same & (named.c[column.name] == entities.c.entity))
    return select(named.c.id).select_from(found).correlate(None)


def _fits(tag: FromClause, wanted: TagFilter) -> Iterator[ColumnElement[bool]]:
    """That a row is a current tag of this key, and value, by the index of their beginnings."""
    yield tag.c.current == literal_column("1")
    for column, text in ((tag.c.key, wanted.key), (tag.c.value, wanted.value)):
        if text is not None:
            yield schema.beginning_of(column) == schema.beginning_of(literal(text, KeptText))
            # Equal; said so, SQLite would put the text for the column above as well, and not use its index.
            yield column >= text
            yield column <= text


def has_tag(kind: str | ColumnElement[str], id: ColumnElement[bytes], wanted: TagFilter) -> ColumnElement[bool]:
    """Whether the record of a kind with this id or hash has such a tag, looked for on that record."""
    tag = _tag.alias("had")
    of_it = schema.prefix_of(tag.c.entity) == schema.prefix_of(id), tag.c.entity == id, tag.c.kind == kind
    # Nothing of the other index: one record has few tags, and a key may have millions.
    fits = [tag.c.current == literal_column("1"), tag.c.key == wanted.key]
    fits += [] if wanted.value is None else [tag.c.value == wanted.value]
    return select(tag.c.id).where(*of_it, *fits).correlate_except(tag).exists()


def job_has(wanted: TagFilter, *, few: bool) -> ColumnElement[bool]:
    """Whether a job or its task has such a tag: looked for at each job where they are `few`, else from the tag on."""
    job, other, evaluation = schema.job, schema.job.alias("other"), schema.evaluation
    tasks = rows_tagged("task", schema.task.c.hash, wanted)
    if few:
        return or_(has_tag("job", job.c.uuid, wanted), job.c.task_id.in_(tasks))
    evaluations = select(evaluation.c.id).where(evaluation.c.task_id.in_(tasks))
    # A job that failed early has no evaluation. Each part is found by an index, which an OR would keep from being used.
    found = rows_tagged("job", job.c.uuid, wanted).union(
        select(other.c.id).where(other.c.evaluation_id.in_(evaluations), other.c.task_id.in_(tasks)),
        select(other.c.id).where(other.c.evaluation_id.is_(None), other.c.task_id.in_(tasks)),
    )
    return IsAmongFound(job.c.id, found.scalar_subquery())


def find_tagged(connection: Connection, wanted: Sequence[TagFilter], kind: str | None, limit: int) -> list[Found]:
    """Records that have all these tags, those first that got the first last."""
    first = _fits(_tag, wanted[0]) if wanted else (schema.CURRENT,)
    found = select(_tag.c.kind, _tag.c.entity).where(*first).group_by(_tag.c.kind, _tag.c.entity)
    if kind is not None:
        found = found.where(_tag.c.kind == kind)
    for one in wanted[1:]:
        found = found.where(has_tag(_tag.c.kind, _tag.c.entity, one))
    newest = found.order_by(func.max(_tag.c.id).desc()).limit(limit)
    return [Found(kind, entity) for kind, entity in connection.execute(newest)]


def find_by_tag(connection: Connection, key: str, beginning: str, limit: int) -> Sequence[Found]:
    """Records with a current tag of this key whose JSON begins so."""
    indexed, after = schema.beginning_of(_tag.c.value), beginning + chr(sys.maxunicode)
    found = (
        select(_tag.c.kind, _tag.c.entity)
        .where(schema.CURRENT, schema.beginning_of(_tag.c.key) == key[:INDEXED])
        .where(indexed >= beginning[:INDEXED], indexed <= after[:INDEXED])
        .order_by(_tag.c.value, _tag.c.entity)
        .limit(limit)
    )
    # Said of short ones too, SQLite would put the key in place of the column, and not know its index any more.
    if len(key) >= INDEXED:
        found = found.where(_tag.c.key == key)
    if len(beginning) >= INDEXED:
        found = found.where(_tag.c.value >= beginning, _tag.c.value < after)
    return [Found(kind, entity) for kind, entity in connection.execute(found)]
