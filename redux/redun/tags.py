"""Redun's tags with what people edited: which superseded which, and what was taken off."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from redux.redun.ids import kept_id
from redux.redun.known import Known
from redux.redun.order import Kind, take_all
from redux.redun.source import AMONG, Row
from redux.redun.taking import UNKNOWN_MOMENT, Taking
from redux_backends.exchange import Records
from redux_backends.records import Tag, TagEntity
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.frozen import frozen

_COLUMNS = 'SELECT tag_hash, entity_type, entity_id, "key", value FROM tag'
_PARENTS = f"SELECT child_id, parent_id FROM tag_edit WHERE child_id {AMONG}"
_REMOVED = f"""
SELECT e.parent_id FROM tag_edit e JOIN tag t ON t.tag_hash = e.child_id
WHERE t.entity_type = 'Null' AND e.parent_id {AMONG}
"""
_KINDS = {each.name: each.value for each in TagEntity}
_NOBODY = "Null"
"""The kind of redun's one tag that stands for all that was taken off."""


@frozen
class _Tag:
    key: str
    names: frozenset[str]
    """those that it supersedes"""
    kind: str
    entity: str
    name: str
    value: str
    is_removed: bool


def take_tags(taking: Taking) -> None:
    """Record all tags, each after those that it supersedes."""
    if "tag" not in taking.source.tables:
        return
    every, some = f'{_COLUMNS} ORDER BY "key", tag_hash', f"{_COLUMNS} WHERE tag_hash {AMONG}"
    take_all(taking, Kind("tags", "tag", [every], some, _enriched, _record), taking.book.tags)


def _enriched(taking: Taking, rows: Sequence[Row]) -> list[_Tag]:
    hashes = [row[0] for row in rows]
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for child, parent in taking.source.read(_PARENTS, hashes):
        parents[child].add(parent)
    removed = {parent for (parent,) in taking.source.read(_REMOVED, hashes)}
    return [
        _Tag(hash, frozenset(parents[hash]), kind, entity, name, _canonical(value), hash in removed)
        for hash, kind, entity, name, value in rows
        if kind != _NOBODY
    ]


def _canonical(value: object) -> str:
    """A tag's value as JSON, which the column has as a text, or as a number; what is none becomes a text."""
    said = value
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            said = json.loads(value, parse_constant=_no_constant)
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


def _no_constant(name: str) -> NoReturn:
    """Python writes NaN and the like, which JSON does not have."""
    raise ValueError(name)


def _record(taking: Taking, tags: Sequence[_Tag]) -> None:
    entities = _entities(taking, tags)
    ours: dict[str, bytes] = dict(taking.book.tags.find({name for tag in tags for name in tag.names}))
    kept: list[Tag] = []
    for tag in tags:
        entity = entities.get((tag.kind, tag.entity))
        if entity is None:
            taking.counts.lost += 1
            continue
        parents = tuple(Digest(ours[name]) for name in sorted(tag.names) if name in ours)
        one = Tag(_KINDS[tag.kind], entity, tag.name, tag.value, parents, UNKNOWN_MOMENT)
        kept.append(one)
        ours[tag.key] = one.hash
        if tag.is_removed:
            kept.append(Tag(one.kind, entity, tag.name, None, (one.hash,), UNKNOWN_MOMENT))
    taking.put(Records(tags=kept))
    taking.book.tags.add((tag.key, ours[tag.key]) for tag in tags if tag.key in ours)


def _entities(taking: Taking, tags: Iterable[_Tag]) -> Mapping[tuple[str, str], bytes]:
    """What the tags are on, by redun's kind and id; what is nowhere is left out."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for tag in tags:
        wanted[tag.kind].add(tag.entity)
    book = taking.book
    tables: dict[str, Known] = {
        "Job": book.jobs, "CallNode": book.calls, "Task": book.tasks, "Value": book.values,
    }  # fmt: skip
    found: dict[tuple[str, str], bytes] = {}
    for kind, known in tables.items():
        found.update(((kind, id), ours[:DIGEST_SIZE]) for id, ours in known.find(wanted[kind]).items())
    there = f"SELECT id FROM execution WHERE id {AMONG}"
    for (id,) in taking.source.read(there, sorted(wanted["Execution"])):
        found["Execution", id] = kept_id(id)
    return found
