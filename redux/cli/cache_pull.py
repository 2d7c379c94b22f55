"""`redux cache pull` and `redux cache warm`: what the shared cache has, brought here without running anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import click

from redux.cli.cache_place import NO_NAME, OFFLINE, Place, own_repo, recorded_repo, refuse_offline, shared_place
from redux.cli.interrupted import says_if_interrupted
from redux.cli.output import show, tell
from redux.cli.passing_line import passing_line
from redux.cli.render import to_json
from redux.cli.storage import make_project_if_needed
from redux.cli.surroundings import Where, find_sources, json_option, where_options
from redux.errors import UnknownId, UsageError
from redux.settings.precedence import explain_settings
from redux.words.measures import show_count, show_size

if TYPE_CHECKING:
    from redux.repo import Repo
    from redux.shared.taking import Taker
    from redux_backends.records import ValueRecord
    from redux_valuestore.digest import Digest

_AT_ONCE = 4
"""So many large values are brought side by side: each is in memory once it has come."""
_PREFIX = re.compile(r"[0-9a-fA-F]{4,32}")


@click.command(short_help="Take records from there without running anything.")
@click.argument("executions", nargs=-1, metavar="[EXECUTION]…")
@click.option("--all", "everything", is_flag=True, help="All that is there of those you believe.")
@json_option
@where_options
def pull(executions: Sequence[str], everything: bool, as_json: bool, **places: str | None) -> int:
    """Take from the shared cache what each EXECUTION made, by its id, or all; `redux log` shows it then.

    Only what somebody signed whom you believe. Large values stay there until they are needed; `redux cache warm`
    brings them too.
    \f
    Raises UsageError, UnknownId.
    """
    if bool(executions) == everything:
        raise UsageError("say which executions, by the ids that their `redux log` shows, or --all")
    for word in executions:
        if not _PREFIX.fullmatch(word):
            raise UsageError(f"{word!r} is no beginning of an id: 4 to 32 hexadecimal digits")
    where = Where(**places)  # pyright: ignore[reportArgumentType] - as declared
    _see_to_name(where)
    make_project_if_needed(where)
    with shared_place(where) as place:
        refuse_offline(place)
        with own_repo(place) as repo:
            taker, missing = _pull(place, repo, [word.lower() for word in executions])
    taken = taker.taken
    calls = taken.calls.total()
    if as_json:
        show(
            to_json(
                "cache-pull",
                {"url": place.shown, "calls": calls, "packs": taken.packs, "bytes": taken.bytes, "missing": missing},
            )
        )
    elif not missing:
        size = f" ({show_size(taken.bytes)} in {show_count(taken.packs, 'pack')})"
        took = f"took {show_count(calls, 'call')} from {place.shown}{size}"
        show(took if calls else _nothing(place, bool(executions)))
    if missing:
        named = ", ".join(missing)
        raise UnknownId(
            f"no execution there begins with {named}, of those whom you believe; one that ran nothing is not sent, and "
            "`redux cache pull --all` takes every call that is there",
            named,
        )
    return 0


def _see_to_name(where: Where) -> None:
    """Refuse to pull where nothing can be asked, before a project is made. Raises UsageError."""
    said = {line.key: line.value for line in explain_settings(find_sources(where))}
    if said["shared.url"] is None or said["shared.offline"]:
        raise UsageError(NO_NAME if said["shared.url"] is None else OFFLINE)


def _nothing(place: Place, named: bool) -> str:
    if named:
        return f"all calls of it in {place.shown} are here; `redux log` shows it"
    return f"{place.shown} has nothing that is not here, of those whom you believe"


def _pull(place: Place, repo: Repo, executions: Sequence[str]) -> tuple[Taker, list[str]]:
    from redux.shared.pulling import pull
    from redux.shared.taking import Taker

    taker = Taker(place.parts.bucket, repo)
    with (
        passing_line() as tell_line,
        says_if_interrupted(lambda: f"{taker.taken.calls.total():,} calls are here, and the next pull goes on"),
    ):
        found = pull(
            place.parts.bucket,
            repo.backend,
            taker,
            executions,
            lambda done, of: tell_line(f"looked into {done:,} of {show_count(of, 'pack')}"),
        )
    return taker, [word for word in executions if not any(id.startswith(word) for id in found)]


@click.command(short_help="Bring the large values of an execution here.")
@click.argument("execution")
@json_option
@where_options
def warm(execution: str, as_json: bool, **places: str | None) -> int:
    """Bring all large values of EXECUTION here, for going on without a network.

    - is the newest execution. One that was not run here comes by `redux cache pull` first.
    """
    with shared_place(Where(**places)) as place:  # pyright: ignore[reportArgumentType] - as declared
        refuse_offline(place)
        with recorded_repo(place) as repo:
            place.parts.bucket.look_now()
            warmed = _warm(place, repo, execution)
    if as_json:
        data = {"url": place.shown, "values": warmed.brought, "bytes": warmed.bytes, "here": warmed.here}
        show(to_json("cache-warm", {**data, "missing": warmed.missing, "refused": warmed.refused}))
    else:
        brought = f"brought {show_count(warmed.brought, 'large value')} here ({show_size(warmed.bytes)})"
        show(f"{brought}; {warmed.here:,} were here already")
    if warmed.missing:
        nowhere = "1 value is" if warmed.missing == 1 else f"{warmed.missing:,} values are"
        tell(f"{nowhere} nowhere; the calls that gave them run again when they are needed")
    if warmed.refused:
        tell(f"{show_count(warmed.refused, 'value')} left there: {warmed.why}")
    return 1 if warmed.missing or warmed.refused else 0


@dataclass(slots=True)
class _Warmed:
    """How many large values were `brought`, of how many `bytes`.

    So many were `here` already, are `missing` everywhere, are `refused` for what they would run: `why`, of the first.
    """

    brought: int = 0
    bytes: int = 0
    here: int = 0
    missing: int = 0
    refused: int = 0
    why: str = ""


def _warm(place: Place, repo: Repo, word: str) -> _Warmed:
    from redux.border import NotAdmitted
    from redux.shared.far_values import FarValues
    from redux_backends.exchange import RecordId, RecordKind, in_groups
    from redux_valuestore.side_by_side import side_by_side
    from redux_valuestore.store import ValueMissing

    record = _execution_of(repo, word)
    store = FarValues(repo, place.parts.values, place.parts.bucket).over(repo.store)
    done, lock = _Warmed(), Lock()

    def bring(digest: Digest) -> None:
        size, refused = 0, ""
        try:
            size = store.get(digest).nbytes
        except ValueMissing:
            with lock:
                done.missing += 1
            return
        except NotAdmitted as error:
            refused = str(error)
        with lock:
            done.refused += bool(refused)
            done.why = done.why or refused
            done.brought += not refused
            done.bytes += size
            tell_line(f"bringing large values: {done.brought:,}, {show_size(done.bytes)}")

    ids = (each for each in repo.backend.iter_record_ids([RecordId(RecordKind.EXECUTION, record)]))
    stopped = "what came is kept, and the same command goes on from there"
    with passing_line() as tell_line, says_if_interrupted(lambda: stopped), closing(ids):
        for group in in_groups(each for each in ids if each.kind is RecordKind.VALUE):
            stored = [value.hash for value in _stored(repo, group)]
            lacking = [digest for digest in stored if not store.near.has(digest)]
            done.here += len(stored) - len(lacking)
            tell_line(f"bringing large values: {show_count(len(lacking), 'value')}")
            for _ in side_by_side(bring, lacking, _AT_ONCE):
                pass
    return done


def _stored(repo: Repo, group: Sequence[object]) -> list[ValueRecord]:
    records = repo.backend.get_records(group)  # pyright: ignore[reportArgumentType] - ids of values
    stored = set(records.stored)
    return [value for value in records.values if value.hash in stored]


def _execution_of(repo: Repo, word: str) -> bytes:
    from redux.cli.naming import record_named

    found = record_named(repo.backend, word)
    if found is None or found.kind != "execution":
        raise UnknownId(f"{word!r} names no execution here; `redux cache pull {word}` may bring it", word)
    return found.id
