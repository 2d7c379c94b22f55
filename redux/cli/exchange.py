"""`redux push` and `redux pull`: records and bytes that the other side has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

import click

from redux.cli import lookup
from redux.cli.main import DIFFERS
from redux.cli.naming import NEWEST, newest
from redux.cli.output import show, tell
from redux.cli.passing_line import passing_line
from redux.cli.render import show_count, show_size, to_json
from redux.cli.storage import notices_in_a_line
from redux.cli.surroundings import Where, find_sources, where_options
from redux.errors import UnknownId
from redux.exchange.others import (
    Location,
    locate,
    location_of,
    named_repo,
    open_to_read,
    open_to_rehearse,
    open_to_write,
    refuse_itself,
    share_store,
)
from redux.exchange.transfer import Moved, Transfer
from redux.settings.precedence import read_settings
from redux_backends.backend import Backend
from redux_backends.exchange import RecordId, RecordKind

Command = TypeVar("Command", bound=Callable[..., int])

_FIRST = (RecordKind.EXECUTION, RecordKind.JOB, RecordKind.CALL, RecordKind.VALUE, RecordKind.TASK)
_ORDER = (*_FIRST, *(kind for kind in RecordKind if kind not in _FIRST))
_NAMED_LOST = 3


def _exchange_options(command: Command) -> Command:
    for option in (
        click.argument("what", nargs=-1, metavar="[ID]…"),
        click.argument("repo"),
        click.option("--json", "as_json", is_flag=True, help="One line of JSON."),
        click.option("--dry-run", "--dryrun", "dry_run", is_flag=True, help="Say what would move; exit 3 if anything."),
        where_options,
    ):
        command = option(command)
    return command


@click.command(short_help="Bring records to another repository.")
@_exchange_options
def push(repo: str, what: Sequence[str], as_json: bool, dry_run: bool, **places: str | None) -> int:
    """Bring to REPO what it has not: all, or what is at and below the IDs that `redux log` shows, or tasks by name.

    As ID, - is the newest execution. Records go in groups, each after what it names. What was stopped is finished by
    the next push.
    """
    return _exchange("push", Where(**places), repo, what, as_json, dry_run)  # pyright: ignore[reportArgumentType] - as declared


@click.command(short_help="Bring records from another repository.")
@_exchange_options
def pull(repo: str, what: Sequence[str], as_json: bool, dry_run: bool, **places: str | None) -> int:
    """Bring from REPO what is not here: all, or what is at and below the IDs that its log shows, or tasks by name.

    As ID, - is the newest execution there. Records come in groups, each after what it names. What was stopped is
    finished by the next pull.
    """
    return _exchange("pull", Where(**places), repo, what, as_json, dry_run)  # pyright: ignore[reportArgumentType] - as declared


def _exchange(verb: str, where: Where, name: str, what: Sequence[str], as_json: bool, dry_run: bool) -> int:
    settings = read_settings(find_sources(where))
    here, there = location_of(settings), locate(named_repo(name, settings.repos))
    refuse_itself(name, here, there)
    source, target = (here, there) if verb == "push" else (there, here)
    moved = _move(verb, source, target, what, dry_run)
    if as_json:
        show(to_json(verb, _as_data(name, moved, dry_run)))
    else:
        show(_summary(verb, name, moved, dry_run))
    if moved.lost:
        tell(_lost_text(moved))
    return DIFFERS if dry_run and moved.anything else 0


def _move(verb: str, source: Location, target: Location, what: Sequence[str], dry_run: bool) -> Moved:
    with (
        notices_in_a_line(),
        closing(open_to_read(source)) as giving,
        closing(open_to_rehearse(target) if dry_run else open_to_write(target)) as taking,
        passing_line() as tell_line,
    ):
        roots = [root for word in what for root in roots_of(giving.backend, word)] if what else None
        transfer = Transfer(
            giving,
            taking,
            one_store=share_store(source, target),
            tell=lambda kind, looked_at: tell_line(f"{verb}ing {kind.plural}, {looked_at:,} records looked at"),
        )
        return transfer.rehearse(roots) if dry_run else transfer.run(roots)


def roots_of(backend: Backend, word: str) -> list[RecordId]:
    """The records that a word stands for: the newest execution, that of an id, or all versions of a task by its name.

    Raises UnknownId, AmbiguousId.
    """
    found = newest(backend) if word == NEWEST else lookup.resolve(backend, word)
    if found is not None:
        return [RecordId(RecordKind[found.kind.upper()], found.id)]
    try:
        name = lookup.task_named(backend, word)
    except UnknownId as error:
        raise UnknownId(f"{word!r} starts no id there; {error}", word) from None
    return [RecordId(RecordKind.TASK, hash) for hash in backend.known_tasks([name])[name]]


# -- text --------------------------------------------------------------------------------------------


def _summary(verb: str, name: str, moved: Moved, dry_run: bool) -> str:
    towards = "to" if verb == "push" else "from"
    if not moved.anything:
        return f"{name} has all of it already" if verb == "push" else f"{name} has nothing that is not here"
    counts = [show_count(moved.records[kind], kind.singular) for kind in _ORDER if moved.records[kind]]
    done = f"would {verb}" if dry_run else f"{verb}ed"
    large = f", {show_count(moved.stored, 'large value')}" if moved.stored else ""
    return f"{done} {towards} {name}: {', '.join(counts)} ({show_size(moved.bytes)}{large})"


def _lost_text(moved: Moved) -> str:
    lost = [value.hex()[:16] for value in moved.lost]
    named = ", ".join(lost[:_NAMED_LOST]) + (" …" if len(lost) > _NAMED_LOST else "")
    verb = "is" if len(lost) == 1 else "are"
    aside = f" ({moved_text(len(moved.set_aside))})" if moved.set_aside else ""
    return (
        f"note: {show_count(len(lost), 'value')} {verb} gone or damaged where the records come from, and so there too: "
        f"{named}{aside}; the calls that gave them run again when they are needed"
    )


def moved_text(count: int) -> str:
    """What became of so many damaged files of a store that were met."""
    return f"{show_count(count, 'damaged file')} set aside in lost+found there; `redux fsck --repair` notes it"


def _as_data(name: str, moved: Moved, dry_run: bool) -> object:
    return {
        "repo": name,
        "dry_run": dry_run,
        "records": {kind.plural.replace(" ", "_"): moved.records[kind] for kind in _ORDER},
        "bytes": moved.bytes,
        "large_values": moved.stored,
        "lost": moved.lost,
        "set_aside": moved.set_aside,
        "looked_at": moved.looked_at,
    }
