"""Tags as rows: equal ones are one."""

from __future__ import annotations

from collections.abc import Iterable

from redux_backends import schema
from redux_backends.backend import unknown_reference
from redux_backends.records import Tag
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert

_TAGS = Insert(schema.tag)
_LAST_TAG = schema.last_row(schema.tag)
_KNOWN_TAGS = Among(
    [schema.tag.c.kind, schema.tag.c.entity, schema.tag.c.key, schema.tag.c.value],
    schema.tag,
    schema.prefix_of(schema.tag.c.entity),
)


def record(session: Session, ledger: Ledger, tags: Iterable[Tag]) -> None:
    """Write tags of records. Raises `unknown_reference`'s error for a record that is nowhere."""
    wanted = dict.fromkeys(tags)
    if not wanted:
        return
    for kind in {tag.kind for tag in wanted}:
        rows = ledger.of_kind(kind)
        named = [tag.entity for tag in wanted if tag.kind == kind]
        if rows is None:
            raise unknown_reference(kind, named[0])
        rows.learn(named)
        for entity in named:
            rows[entity]
    prefixes = {tag.entity[: schema.PREFIX] for tag in wanted}
    known = {Tag(*row) for row in session.read(_KNOWN_TAGS, prefixes)}
    (last,) = session.first(_LAST_TAG)
    new = [tag for tag in wanted if tag not in known]
    session.write(
        _TAGS,
        [(last + at, tag.kind, tag.entity, tag.key, tag.value) for at, tag in enumerate(new, 1)],
    )
