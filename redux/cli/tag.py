"""`redux tag`: tags put on what was recorded, replaced and taken off, and the history of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from redux.cli.given import read_tags, read_wanted
from redux.cli.naming import record_of
from redux.cli.output import line_width, show
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.cli.tag_text import history_data, history_text, pair, tagged_data, tagged_text, words
from redux.tags import OWN_KEYS, as_tags
from redux.words.jobs import short
from redux_backends.backend import Backend, Found, TagFilter
from redux_backends.records import Tag, TagEntity

TAGGED_SHOWN = 100

_ID = """\b
ID is what `redux log` takes: an id or its first digits, a file, the name of
a task, or - for the newest execution."""


@click.group(no_args_is_help=False)
def tag() -> None:
    """Tags of executions, jobs, calls, tasks and values: a key and a value, several of a key if need be.

    A value is JSON where its text is JSON, else the text: n=3, stage=raw. What is replaced or removed stays in the
    history.
    """


@tag.command(short_help="Put tags on a record.", epilog=_ID)
@click.argument("what", metavar="ID")
@click.argument("tags", metavar="KEY=VALUE…", nargs=-1, required=True)
@json_option
@where_options
def add(what: str, tags: tuple[str, ...], as_json: bool, **places: str | None) -> int:
    """Put tags on the record ID, beside those that it has; those that it has already stay as they are."""
    given = as_tags(read_tags(tags))
    with _record(what, places) as (backend, found):
        made = backend.record_tags([Tag(found.kind, found.id, *each) for each in given])
        _tell(found, "added", made, "it has them already", as_json)
    return 0


@tag.command(short_help="Replace tags of a record.", epilog=_ID)
@click.argument("what", metavar="ID")
@click.argument("tags", metavar="KEY=VALUE…", nargs=-1, required=True)
@json_option
@where_options
def update(what: str, tags: tuple[str, ...], as_json: bool, **places: str | None) -> int:
    """Put tags in place of all tags of the same keys that the record ID has."""
    given = as_tags(read_tags(tags))
    keys = list(dict.fromkeys(key for key, _ in given))
    with _record(what, places) as (backend, found):
        made = backend.update_tags(found.kind, found.id, keys, given)
        _tell(found, "now", made, "it has just these already", as_json)
    return 0


@tag.command(short_help="Take tags off a record.", epilog=_ID)
@click.argument("what", metavar="ID")
@click.argument("tags", metavar="KEY[=VALUE]…", nargs=-1, required=True)
@json_option
@where_options
def rm(what: str, tags: tuple[str, ...], as_json: bool, **places: str | None) -> int:
    """Take tags off the record ID: with KEY all of that key, with KEY=VALUE that one."""
    wanted = read_wanted(tags)
    pairs = [(one.key, one.value) for one in wanted if one.value is not None]
    keys = [one.key for one in wanted if one.value is None]
    with _record(what, places) as (backend, found):
        made = backend.delete_tags(found.kind, found.id, pairs, keys)
        known = {one.tag.hash: one.tag for one in backend.tag_history(found.id)}
        _tell(found, "removed", [known[parent] for removal in made for parent in removal.parents], "", as_json)
    return 0


@tag.command(short_help="Show what became of a record's tags.", epilog=_ID)
@click.argument("what", metavar="ID")
@json_option
@where_options
def log(what: str, as_json: bool, **places: str | None) -> int:
    """Show the tags that the record ID has, and when which were added, replaced and removed."""
    with _record(what, places) as (backend, found):
        history = backend.tag_history(found.id)
        show(
            to_json("tag-log", history_data(found, history))
            if as_json
            else history_text(found, history, line_width(sys.stdout))
        )
    return 0


@tag.command(name="list", short_help="List the records that have tags.")
@click.argument("tags", metavar="[KEY[=VALUE]…]", nargs=-1)
@click.option("--kind", type=click.Choice([*map(str, TagEntity)]), metavar="KIND", help="Only records of this kind.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", default=TAGGED_SHOWN, help="How many to show.")
@json_option
@where_options
def listing(tags: tuple[str, ...], kind: str | None, limit: int, as_json: bool, **places: str | None) -> int:
    """List the records that have all of these tags, those tagged last first.

    Tags that redux itself puts on records, whose keys begin with redux. or redun., are left out unless a key asks for
    them.
    With --kind KIND only executions, jobs, calls, tasks or values: KIND is execution, job, call, task or value.
    """
    wanted = read_wanted(tags)
    with _opened(places) as backend:
        records = _records(backend, wanted, kind, limit)
        if as_json:
            show(to_json("tagged", tagged_data(records)))
        elif records:
            show(tagged_text(records, line_width(sys.stdout)))
        else:
            show("nothing has such tags")
    return 0


def _records(
    backend: Backend, wanted: Sequence[TagFilter], kind: str | None, limit: int
) -> list[tuple[Found, list[Tag]]]:
    """Records with those of their tags that people put there or that were asked for; others have none to show."""
    asked, most = {one.key for one in wanted}, limit
    while True:
        found = backend.find_tagged(wanted, kind, most)
        has = backend.get_tags([one.id for one in found])
        kept = [
            (one, [tag for tag in has.get(one.id, ()) if tag.key in asked or not tag.key.startswith(OWN_KEYS)])
            for one in found
        ]
        records = [each for each in kept if each[1]]
        if len(records) >= limit or len(found) < most:
            return records[:limit]
        most *= 10


@contextmanager
def _opened(places: dict[str, str | None]) -> Iterator[Backend]:
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        yield repo.backend
    finally:
        repo.close()


@contextmanager
def _record(what: str, places: dict[str, str | None]) -> Iterator[tuple[Backend, Found]]:
    with _opened(places) as backend:
        yield backend, record_of(backend, what)


def _tell(found: Found, done: str, tags: Sequence[Tag], nothing: str, as_json: bool) -> None:
    if as_json:
        changed = [pair(tag) for tag in tags]
        show(to_json("tag", {"kind": found.kind, "id": found.id, "done": done, "tags": changed}))
        return
    show(f"{found.kind} {short(found.id)}: " + (f"{done} {words(tags)}" if tags else nothing))
