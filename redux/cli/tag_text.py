"""The history of a record's tags, and what was done to them, as lines of text and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from redux.cli.page_text import tag_words
from redux.cli.render import dim, strong
from redux.tags import format_tag_key_value, parse_tag_value
from redux.words.jobs import short
from redux.words.measures import show_moment
from redux_backends.backend import Found, TagRecord
from redux_backends.records import Tag
from redux_valuestore.digest import Digest


def pair(tag: Tag) -> tuple[str, object]:
    """A tag as key and value; a bent one has the text that should be JSON."""
    return tag.key, None if tag.value is None else parse_tag_value(tag.value)


def words(tags: Iterable[Tag]) -> str:
    """Tags on one line, each key and value once."""
    once = {(tag.key, tag.value): tag for tag in tags}
    return tag_words([pair(tag) for tag in once.values()])


def what_was_done(tag: Tag, known: Mapping[Digest, Tag]) -> str:
    """What a tag did when it was recorded: added, replaced or removed what."""
    before = [one for hash, one in known.items() if hash in tag.parents]
    if tag.value is None:
        return f"removed   {words(before) or tag.key}"
    said = format_tag_key_value(*pair(tag))
    if not before:
        return f"added     {said}"
    if all((one.key, one.value) == (tag.key, tag.value) for one in before):
        return f"restored  {said}"
    return f"replaced  {words(before)} by {said}"


def history_text(found: Found, history: Sequence[TagRecord], width: int) -> list[str]:
    """The tags that a record has, and below what became of all that it had, oldest first, after what has no moment."""
    known = {one.tag.hash: one.tag for one in history}
    current = [one.tag for one in history if one.current]
    lines = [
        f"{found.kind} {strong(found.id.hex())}",
        f"  tags: {words(current)}" if current else "  no tags now",
    ]
    lines += [
        f"  {key} has several values since it was updated by several people at once; `redux tag update` leaves one"
        for key in several_now(history)
    ]
    if history:
        lines.append("")
    for one in in_time(history):
        moment = dim(f"{_moment(one.tag):<19}")
        lines.append(f"  {moment}  {cut_end(what_was_done(one.tag, known), width - 23)}")
    return lines


def in_time(history: Sequence[TagRecord]) -> list[TagRecord]:
    """Tags by their moments, those whose moment is not recorded first; those of one moment as they came."""
    return sorted(history, key=lambda one: one.tag.recorded or 0.0)


def several_now(history: Sequence[TagRecord]) -> list[str]:
    """The keys of which a record has several values now, though one of these came in place of another."""
    current = [one.tag for one in history if one.current and one.tag.value is not None]
    counted = Counter(tag.key for tag in current)
    return [
        key for key, count in counted.items() if count > 1 and any(tag.parents for tag in current if tag.key == key)
    ]


def cut_end(line: str, width: int) -> str:
    """A line cut to a width, with its spaces."""
    return line if len(line) <= width else line[: width - 1] + "…"


def _moment(tag: Tag) -> str:
    return show_moment(tag.recorded) if tag.recorded else "moment not recorded"


def history_data(found: Found, history: Sequence[TagRecord]) -> dict[str, object]:
    """The same for programs."""
    return {
        "kind": found.kind,
        "id": found.id,
        "tags": [pair(one.tag) for one in history if one.current],
        "history": [
            {
                "hash": one.tag.hash,
                "key": one.tag.key,
                "value": pair(one.tag)[1],
                "removed": one.tag.value is None,
                "recorded": one.tag.recorded or None,
                "current": one.current,
                "supersedes": one.tag.parents,
                "superseded_by": one.superseded_by,
            }
            for one in in_time(history)
        ],
    }


def tagged_text(records: Sequence[tuple[Found, Sequence[Tag]]], width: int) -> list[str]:
    """Records with their tags, one a line."""
    return [
        f"{found.kind:<9}  {strong(short(found.id))}  {cut_end(words(tags), max(width - 21, 30))}"
        for found, tags in records
    ]


def tagged_data(records: Sequence[tuple[Found, Sequence[Tag]]]) -> dict[str, object]:
    """The same for programs."""
    return {"records": [{"kind": found.kind, "id": found.id, "tags": list(map(pair, tags))} for found, tags in records]}
