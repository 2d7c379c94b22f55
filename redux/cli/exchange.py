"""`redux push` and `redux pull`: records and bytes that the other side has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import click

from redux.cli.interrupted import says_if_interrupted
from redux.cli.main import DIFFERS
from redux.cli.naming import roots_of
from redux.cli.output import show, tell
from redux.cli.passing_line import passing_line
from redux.cli.render import to_json
from redux.cli.storage import make_project_if_needed, notices_in_a_line
from redux.cli.surroundings import Where, find_sources, json_option, where_options
from redux.exchange.others import (
    Location,
    locate,
    location_of,
    named_repo,
    open_theirs_to_write,
    open_to_read,
    open_to_rehearse,
    open_to_write,
    refuse_itself,
    share_store,
)
from redux.exchange.transfer import Moved, Transfer
from redux.settings.precedence import needs_project, read_settings
from redux.words.measures import show_count, show_size
from redux_backends.exchange import RecordKind

Command = TypeVar("Command", bound=Callable[..., int])

_FIRST = (RecordKind.EXECUTION, RecordKind.JOB, RecordKind.CALL, RecordKind.VALUE, RecordKind.TASK)
_ORDER = (*_FIRST, *(kind for kind in RecordKind if kind not in _FIRST))
_NAMED_LOST = 3


def _exchange_options(command: Command) -> Command:
    for option in (
        click.argument("what", nargs=-1, metavar="[ID]…"),
        click.argument("repo"),
        json_option,
        click.option("--dry-run", "--dryrun", "dry_run", is_flag=True, help="Say what would move; exit 3 if anything."),
        where_options,
    ):
        command = option(command)
    return command


@click.command(short_help="Bring records to another repository.")
@_exchange_options
def push(repo: str, what: Sequence[str], as_json: bool, dry_run: bool, **places: str | None) -> int:
    """Bring to REPO what it has not: all, or what is at and below the IDs that `redux log` shows.

    As ID, - is the newest execution, the name of a task all its finished calls, so that they are reused there, and a
    file the job that made it. Records go in groups, each after what it names. What was stopped is finished by
    the next push.
    """
    return _exchange("push", Where(**places), repo, what, as_json, dry_run)  # pyright: ignore[reportArgumentType] - as declared


@click.command(short_help="Bring records from another repository.")
@_exchange_options
def pull(repo: str, what: Sequence[str], as_json: bool, dry_run: bool, **places: str | None) -> int:
    """Bring from REPO what is not here: all, or what is at and below the IDs that its log shows.

    As ID, - is the newest execution there, the name of a task all its finished calls, so that they are reused here, and
    a file the job that made it. Records come in groups, each after what it names. What was stopped is finished by the
    next pull.
    """
    return _exchange("pull", Where(**places), repo, what, as_json, dry_run)  # pyright: ignore[reportArgumentType] - as declared


def _exchange(verb: str, where: Where, name: str, what: Sequence[str], as_json: bool, dry_run: bool) -> int:
    if verb == "pull" and not dry_run:
        _see_that_it_is_known(name, where)
        make_project_if_needed(where)
    settings = read_settings(find_sources(where))
    there = locate(named_repo(name, settings.repos), trusts_writers=settings.trust == "writers")
    here = location_of(settings)
    refuse_itself(name, here, there)
    moved = _move(verb, name, here, there, what, dry_run)
    if as_json:
        show(to_json(verb, _as_data(name, moved, dry_run)))
    else:
        show(_summary(verb, name, moved, dry_run))
    if moved.lost:
        tell(_lost_text(moved))
    return DIFFERS if dry_run and moved.anything else 0


def _see_that_it_is_known(name: str, where: Where) -> None:
    """Raises UsageError for a name that nobody gave, before a .redux is made."""
    sources = find_sources(where)
    if needs_project(sources):
        unwritten = replace(sources, flags=replace(sources.flags, database="sqlite:///:memory:"))
        named_repo(name, read_settings(unwritten).repos)


def _move(verb: str, name: str, here: Location, there: Location, what: Sequence[str], dry_run: bool) -> Moved:
    pushes = verb == "push"
    source, target = (here, there) if pushes else (there, here)
    open_target = open_to_rehearse if dry_run else open_theirs_to_write if pushes else open_to_write
    with (
        notices_in_a_line(),
        closing(open_to_read(source)) as giving,
        closing(open_target(target)) as taking,
        passing_line() as tell_line,
    ):
        place = "here" if pushes else f"in {name}"
        roots = [root for word in what for root in roots_of(giving.backend, word, place)] if what else None
        transfer = Transfer(
            giving,
            taking,
            one_store=share_store(source, target),
            tell=lambda kind, looked_at: tell_line(f"{verb}ing {kind.plural}, {looked_at:,} records looked at"),
        )
        if dry_run:
            return transfer.rehearse(roots)
        with says_if_interrupted(lambda: _so_far(verb, name, transfer.moved)):
            return transfer.run(roots)


# -- text --------------------------------------------------------------------------------------------


def _summary(verb: str, name: str, moved: Moved, dry_run: bool) -> str:
    towards = "to" if verb == "push" else "from"
    if not moved.looked_at:
        return "nothing is recorded here yet" if verb == "push" else f"{name} has no records yet"
    if not moved.anything:
        return f"{name} has all of it already" if verb == "push" else f"{name} has nothing that is not here"
    counts = [show_count(moved.records[kind], kind.singular) for kind in _ORDER if moved.records[kind]]
    done = f"would {verb}" if dry_run else f"{verb}ed"
    large = f", {show_count(moved.stored, 'large value')}" if moved.stored else ""
    return f"{done} {towards} {name}: {', '.join(counts)} ({show_size(moved.bytes)}{large})"


def _so_far(verb: str, name: str, moved: Moved) -> str:
    came = show_count(moved.records.total(), "record")
    towards = f"went to {name}" if verb == "push" else f"came from {name}"
    return f"{came} {towards} by now, and the same command goes on from there"


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
