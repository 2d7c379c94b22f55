"""`redux forget`: what is remembered of calls is used no more; the history stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from redux.amending.forgetting import CallsOfTask, by_task, forget, forgotten_of, remember, still_remembered
from redux.cli import lookup
from redux.cli.confirming import confirmed
from redux.cli.main import DIFFERS
from redux.cli.naming import record_of
from redux.cli.output import show, tell
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.default_tags import user_name
from redux.errors import UsageError
from redux.words.measures import show_count, show_seconds
from redux_backends.backend import Backend, Remembered
from redux_valuestore.digest import Digest

_TAKEN = ("call", "job", "execution", "task")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is wanted: the flags as they were given."""

    undo: bool
    dry_run: bool
    yes: bool
    as_json: bool


@click.command(name="forget", short_help="Use what is remembered no more.")
@click.argument("what", nargs=-1, required=True, metavar="CALL|TASK|EXECUTION|JOB…")
@click.option("--undo", is_flag=True, help="Have what was forgotten count again.")
@click.option("--dry-run", is_flag=True, help="Say how much it is, change nothing; exit 3 if it is anything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def forget_command(
    what: tuple[str, ...], undo: bool, dry_run: bool, yes: bool, as_json: bool, **places: str | None
) -> int:
    """Have calls run again when they are next asked for; the history stays as it is.

    A CALL is forgotten with all that was ever given for the same task and arguments; so is that of a JOB. A TASK, by
    its name, are the calls of all its versions, or of the one whose hash is given; an EXECUTION are those that ran in
    it; - is the newest one. Calls above a forgotten one are looked at again, not run again, where they can be.
    """
    wish = _Wish(undo, dry_run, yes, as_json)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        return _change(repo.backend, what, wish)
    finally:
        repo.close()


def _change(backend: Backend, what: Sequence[str], wish: _Wish) -> int:
    meant = _meant(backend, what)
    if wish.undo:
        said = forgotten_of(backend, [one.entity for one in meant])
        found = [one for one in meant if one.entity in said]
    else:
        found = still_remembered(backend, meant)
    counted = by_task(found)
    calls = sum(one.calls for one in counted)
    if wish.dry_run or not calls:
        _tell(counted, wish, "forgotten" if wish.undo else "remembered")
        return DIFFERS if calls else 0
    if not wish.as_json:
        show(table(counted))
    will = "will count again" if wish.undo else "will run again when it is next asked for"
    will = will if calls == 1 else will.replace("it is", "they are")
    if not confirmed(f"{show_count(calls, 'call')} {will}", wish.yes, "nothing was changed"):
        return 2
    if wish.undo:
        remember(backend, found)
    else:
        forget(backend, found, user_name())
    done = "remembered" if wish.undo else "forgotten"
    if wish.as_json:
        _tell(counted, wish, done)
    else:
        back = "" if wish.undo else f"; `redux forget --undo {' '.join(what)}` has them back"
        tell(f"redux: {show_count(calls, 'call')} {done}{back}")
    return 0


def _meant(backend: Backend, what: Sequence[str]) -> list[Remembered]:
    """What is remembered of all that is named, each once. Raises UsageError, UnknownId, AmbiguousId."""
    found: dict[bytes, Remembered] = {}
    for word in what:
        for kind, ids in _named(backend, word):
            found.update((one.entity, one) for one in backend.remembered(kind, ids))
    return list(found.values())


def _named(backend: Backend, word: str) -> list[tuple[str, Sequence[bytes]]]:
    record = record_of(backend, word)
    if record.kind not in _TAKEN:
        raise UsageError(
            f"{word} is a {record.kind}; calls, tasks, executions and jobs are forgotten: `redux log {word}` names "
            "the call that made it"
        )
    if record.kind != "task" or word.lower() == record.id.hex()[: len(word)]:
        return [(record.kind, [record.id])]
    task = backend.get_task(Digest(record.id))
    fullname = lookup.task_named(backend, word) if task is None else task.fullname
    return [("task", backend.known_tasks([fullname])[fullname])]


def table(counted: Sequence[CallsOfTask]) -> list[str]:
    """Calls by task, a line each."""
    width = max((len(one.fullname) for one in counted), default=0)
    return [f"{one.fullname:<{width}}  {show_count(one.calls, 'call')}, {show_seconds(one.seconds)}" for one in counted]


def _tell(counted: Sequence[CallsOfTask], wish: _Wish, done: str) -> None:
    if wish.as_json:
        show(to_json("forget", {"undo": wish.undo, "dry_run": wish.dry_run, "tasks": list(counted)}))
    else:
        show(table(counted) if counted else f"no such call is {done}")
