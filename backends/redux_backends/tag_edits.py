"""What people do to tags, as the tags that say so: pure decisions over all that a record has and had.

Nothing is changed and nothing goes: a tag that is put in the place of others names them, and so does a removal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from redux_backends.answers import TagRecord
from redux_backends.errors import UnknownTag
from redux_backends.records import Tag
from redux_valuestore.digest import Digest

Pair = tuple[str, str]
"""A key and a value, as canonical JSON."""


def adding(history: Iterable[TagRecord], tags: Iterable[Tag]) -> list[Tag]:
    """The tags to record so that all of these are current: those of a key and value that are current stay alone.

    One that was superseded comes back as a tag with the old one as its parent.
    """
    current, known = set[tuple[bytes, str, str | None]](), set[Digest]()
    for one in history:
        known.add(one.tag.hash)
        if one.current:
            current.add(_said(one.tag))
    made: list[Tag] = []
    for tag in tags:
        if _said(tag) in current:
            continue
        current.add(_said(tag))
        made.append(_unused(tag, known))
    return made


def _said(tag: Tag) -> tuple[bytes, str, str | None]:
    return tag.entity, tag.key, tag.value


def _unused(tag: Tag, known: set[Digest]) -> Tag:
    """The tag under a hash that nothing has: each time that it was superseded it descends from what it was before."""
    while (hash := tag.hash) in known:
        tag = replace(tag, parents=(hash,))
    return tag


def updating(
    history: Sequence[TagRecord], kind: str, entity: bytes, keys: Sequence[str], pairs: Sequence[Pair]
) -> list[Tag]:
    """The tags to record so that `pairs` are there in place of the current tags of `keys`.

    A new tag supersedes the old ones of its own key, and those of the keys that no new one has. Raises UnknownTag for
    keys of which nothing is current.
    """
    old = [one.tag for one in history if one.current and one.tag.key in keys]
    _check(history, kind, entity, [key for key in keys if key not in {tag.key for tag in old}])
    if {(tag.key, tag.value) for tag in old} == set(pairs):
        return []
    if not pairs:
        return deleting(history, kind, entity, (), keys)
    kept = {key for key, _ in pairs}
    renamed = [tag.hash for tag in old if tag.key not in kept]
    known = {one.tag.hash for one in history}
    made: list[Tag] = []
    for key, value in dict.fromkeys(pairs):
        parents = sorted({tag.hash for tag in old if tag.key == key} | set(renamed))
        made.append(_unused(Tag(kind, entity, key, value, tuple(parents)), known))
    return made


def deleting(
    history: Sequence[TagRecord], kind: str, entity: bytes, pairs: Sequence[Pair], keys: Sequence[str]
) -> list[Tag]:
    """The removals, one for each key, of the current tags that are among `pairs` or have one of the `keys`.

    Raises UnknownTag for pairs and keys of which nothing is current.
    """
    current = [one.tag for one in history if one.current]
    said = {(tag.key, tag.value) for tag in current}
    absent = [key for key in keys if key not in {tag.key for tag in current}]
    _check(history, kind, entity, absent + [_shown(key, value) for key, value in pairs if (key, value) not in said])
    going = [tag for tag in current if tag.key in keys or (tag.key, tag.value) in pairs]
    return [
        Tag(kind, entity, key, None, tuple(sorted(tag.hash for tag in going if tag.key == key)))
        for key in dict.fromkeys(tag.key for tag in going)
    ]


def _shown(key: str, value: str | None) -> str:
    """A tag as people read it: in the JSON that is kept, letters beyond ASCII are escapes. What is no JSON stays."""
    try:
        return f"{key}={json.dumps(json.loads(value or 'null'), ensure_ascii=False)}"
    except ValueError:
        return f"{key}={value}"


def _check(history: Iterable[TagRecord], kind: str, entity: bytes, absent: Sequence[str]) -> None:
    if absent:
        has = dict.fromkeys(_shown(one.tag.key, one.tag.value) for one in history if one.current)
        raise UnknownTag.of(kind, entity, absent, list(has))
