"""Tags as rows, each once: those that others supersede stay, and are no longer current."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Text, bindparam, literal_column, select, update

from redux_backends import schema
from redux_backends.backend import Found, unknown_reference
from redux_backends.dialects import IsOneOf, Now
from redux_backends.records import Seconds, Tag, TagEntity
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row
from redux_valuestore.digest import Digest

_KINDS = frozenset(map(str, TagEntity))
_INDEXED = 64
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


def find_tagged(connection: Connection, key: str, beginning: str, limit: int) -> Sequence[Found]:
    """Records with a current tag of this key whose JSON begins so."""
    indexed, after = schema.beginning_of(_tag.c.value), beginning + chr(sys.maxunicode)
    found = (
        select(_tag.c.kind, _tag.c.entity)
        .where(schema.CURRENT, schema.beginning_of(_tag.c.key) == key[:_INDEXED])
        .where(indexed >= beginning[:_INDEXED], indexed <= after[:_INDEXED])
        .order_by(_tag.c.value, _tag.c.entity)
        .limit(limit)
    )
    # Said of short ones too, SQLite would put the key in place of the column, and not know its index any more.
    if len(key) >= _INDEXED:
        found = found.where(_tag.c.key == key)
    if len(beginning) >= _INDEXED:
        found = found.where(_tag.c.value >= beginning, _tag.c.value < after)
    return [Found(kind, entity) for kind, entity in connection.execute(found)]
