"""`redux accept`: an edit of a task that changes nothing, so that what is remembered goes on to count."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from redux.amending.accepting import Proposal, accept, acceptances, find_accepted, find_said, propose, revoke
from redux.cli import lookup
from redux.cli.confirming import confirmed
from redux.cli.current_code import current_records
from redux.cli.output import show, tell
from redux.cli.render import colour_diff, dim, indent, strong, to_json
from redux.cli.said import acceptance_line
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.default_tags import user_name
from redux.errors import UsageError
from redux.explain import PieceChange
from redux.words.jobs import short
from redux_backends.backend import Backend
from redux_backends.records import TaskRecord
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is wanted: the flags as they were given."""

    tasks: tuple[str, ...]
    file: str | None
    since: str | None
    why: str
    revokes: bool
    lists: bool
    yes: bool
    as_json: bool


@click.command(name="accept", short_help="Say that an edit changes nothing.")
@click.argument("tasks", nargs=-1, metavar="[TASK]…")
@click.option("--file", metavar="FILE_OR_MODULE", help="Where the task is; without it, its code as recorded last.")
@click.option("--from", "since", metavar="HASH", help="The version whose results count; default: the one before.")
@click.option("--why", default="", metavar="TEXT", help="What is said of it, for every later log.")
@click.option("--revoke", "revokes", is_flag=True, help="Take it back: what counted through it runs again.")
@click.option("--list", "lists", is_flag=True, help="List what was accepted, of TASK or of all.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def accept_command(
    tasks: tuple[str, ...],
    file: str | None,
    since: str | None,
    why: str,
    revokes: bool,
    lists: bool,
    yes: bool,
    as_json: bool,
    **places: str | None,
) -> int:
    """Say that an edit of TASK changes nothing: results of the version before count for the new one.

    The difference is shown, and asked about. Who said so, when and why stays in the history: a job that used such a
    result says so, and the result stays the one of the older code. With --file FILE the new version is the code as it
    is in that file now; without it, the version that was recorded last.
    """
    wish = _Wish(tasks, file, since, why, revokes, lists, yes, as_json)
    _check(wish)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        if lists:
            return _list(repo.backend, wish)
        if revokes:
            return _revoke(repo.backend, wish)
        now = current_records(repo, file, tasks) if file is not None else _recorded_last(repo.backend, tasks)
        return _accept(repo.backend, wish, now)
    finally:
        repo.close()


def _check(wish: _Wish) -> None:
    """Raises UsageError for what does not go together."""
    if wish.lists and wish.revokes:
        raise UsageError("--list shows what was accepted and --revoke takes it back; ask for one of them")
    if (wish.lists or wish.revokes) and wish.file is not None:
        raise UsageError("--file is for what is to be accepted; it does not go with --list or --revoke")
    if wish.lists and (wish.since is not None or wish.why):
        raise UsageError("--from and --why are for what is said; they do not go with --list")
    if not wish.lists and not wish.tasks:
        raise UsageError("name the task: redux accept TASK; `redux accept --list` shows what was accepted")
    if wish.since is not None and len(wish.tasks) > 1:
        raise UsageError("--from is a version of one task; name one")


# -- accepting -----------------------------------------------------------------------------------------


def _accept(backend: Backend, wish: _Wish, now: Sequence[TaskRecord]) -> int:
    proposals = [propose(backend, new, wish.since) for new in now]
    said = [find_said(backend, each) for each in proposals]
    asked = [each for each, known in zip(proposals, said, strict=True) if known is None]
    if not wish.as_json:
        tell([f"redux: accepted already: {acceptance_line(one, time.time())}" for one in said if one is not None])
        show([line for each in asked for line in proposal_text(each)])
    if asked and not confirmed(_what_it_does(asked), wish.yes, "nothing was accepted"):
        return 2
    made = [accept(backend, each, user_name(), wish.why) for each in asked]
    if wish.as_json:
        found = [*(one for one in said if one is not None), *made]
        code = {each.new.fullname: each.changes for each in proposals}
        show(to_json("acceptances", {"acceptances": found, "code": code}))
    elif made:
        names = " ".join(one.task for one in made)
        tell(f"redux: accepted; `redux accept --revoke {names}` takes it back")
    return 0


def _what_it_does(asked: Sequence[Proposal]) -> str:
    return "; ".join(
        f"results of {each.new.fullname} {short(each.old.hash)} will count for {short(each.new.hash)}" for each in asked
    )


def _recorded_last(backend: Backend, names: Sequence[str]) -> list[TaskRecord]:
    found: list[TaskRecord] = []
    for name in names:
        named = lookup.resolve(backend, name)
        task = backend.get_task(Digest(named.id)) if named is not None and named.kind == "task" else None
        found.append(task or backend.task_versions(lookup.task_named(backend, name))[0])
    return found


def proposal_text(proposal: Proposal) -> list[str]:
    """Two versions of a task, and what differs."""
    new, old = proposal.new, proposal.old
    lines = [f"{strong(new.fullname)}  {short(old.hash)} → {short(new.hash)}"]
    for change in proposal.changes:
        lines += ["", f"{change.words}", *indent(_diff(change))]
    if not proposal.changes:
        lines += ["", "its code changed in a way its pieces do not show"]
    return [*lines, ""]


def _diff(change: PieceChange) -> list[str]:
    return colour_diff(change.diff) or [dim("of the same text; what it refers to is another")]


# -- what was accepted -----------------------------------------------------------------------------------


def _list(backend: Backend, wish: _Wish) -> int:
    names = {lookup.task_named(backend, name) for name in wish.tasks}
    found = [one for one in acceptances(backend) if not names or one.task in names]
    if wish.as_json:
        show(to_json("acceptances", {"acceptances": found}))
    elif found:
        show([acceptance_line(one, time.time()) for one in found])
    else:
        show("nothing was accepted")
    return 0


def _revoke(backend: Backend, wish: _Wish) -> int:
    names = dict.fromkeys(lookup.task_named(backend, name) for name in wish.tasks)
    found = [one for name in names for one in find_accepted(backend, name, wish.since)]
    said = [f"results of {one.task} {short(one.old)} will not count for {short(one.new)} any more" for one in found]
    if not confirmed("; ".join(said), wish.yes, "nothing was revoked"):
        return 2
    gone = revoke(backend, found, user_name(), wish.why)
    if wish.as_json:
        show(to_json("acceptances", {"acceptances": gone}))
    else:
        tell([f"redux: {acceptance_line(one, time.time())}" for one in gone])
    return 0
