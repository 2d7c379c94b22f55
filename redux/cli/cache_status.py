"""`redux cache status`: how it stands with the shared cache, and with what is yet to be sent there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from redux.cli.cache_place import Place, executions_made_here, has_records, own_repo, shared_place
from redux.cli.output import show
from redux.cli.render import strong, to_json
from redux.cli.surroundings import Where, json_option, where_options
from redux.words.measures import show_count, show_moment, show_size

if TYPE_CHECKING:
    from redux.shared.outbox import Waiting
    from redux_backends.records import Seconds

LATEST = 5
_AT_FAULT = 4


@dataclass(frozen=True, slots=True)
class Much:
    """How many calls there are, in how many packs."""

    packs: int = 0
    calls: int = 0

    def __add__(self, other: Much) -> Much:
        return Much(self.packs + other.packs, self.calls + other.calls)


@dataclass(frozen=True, slots=True)
class SignerThere:
    """What a signer has in the shared cache: whose `key` (None: nobody's), how much is believed, and what not, why."""

    key: str | None
    name: str
    believed: Much
    not_believed: Mapping[str, Much]

    @property
    def all(self) -> Much:
        """How much of theirs is there."""
        return sum(self.not_believed.values(), self.believed)


@dataclass(frozen=True, slots=True)
class ExecutionThere:
    """How many of the finished calls of an execution of this project are in the shared cache."""

    id: bytes
    started: Seconds
    calls: int
    there: int


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """How it stands with a shared cache. `trouble` says why it could not be asked, if so.

    `only_for_oneself` says that nobody else can read what is sent there, if so.
    """

    url: str
    mode: str
    offline: bool
    trouble: str | None
    format: int | None
    epoch: int
    key: str | None
    key_trouble: str | None
    signers: Sequence[SignerThere]
    executions: Sequence[ExecutionThere]
    outbox: Sequence[Waiting]
    index_objects: int
    index_bytes: int
    only_for_oneself: str | None


@click.command(short_help="Say how it stands with the shared cache.")
@json_option
@where_options
def status(as_json: bool, **places: str | None) -> int:
    """Say whether the shared cache can be reached, whose calls are there, and what waits to be sent.

    Exits with 4 where it cannot be asked.
    """
    with shared_place(Where(**places)) as place:  # pyright: ignore[reportArgumentType] - as declared
        found = _look(place)
    show(to_json("cache-status", _as_data(found)) if as_json else _as_text(found))
    return _AT_FAULT if found.trouble is not None else 0


def _look(place: Place) -> CacheStatus:
    from redux.shared.layout import FORMAT
    from redux.trust.keys import key_id

    said, parts = place.settings.shared, place.parts
    trouble = None if said.offline else _trouble(place)
    asked = trouble is None and not said.offline
    objects, size = parts.bucket.indexes.kept()
    return CacheStatus(
        url=place.shown,
        mode=said.mode,
        offline=said.offline,
        trouble=trouble,
        format=FORMAT if asked and parts.bucket.is_labelled else None,
        epoch=said.epoch,
        key=None if parts.key is None else key_id(parts.key.public),
        key_trouble=None if parts.key_trouble is None else str(parts.key_trouble),
        signers=_signers(place) if asked else (),
        executions=_executions(place) if asked else (),
        outbox=parts.outbox.waiting(),
        index_objects=objects,
        index_bytes=size,
        only_for_oneself=place.only_for_oneself,
    )


def _trouble(place: Place) -> str | None:
    """Why the shared cache cannot be asked; None where it was."""
    from redux.shared.trouble import SharedError
    from redux_valuestore.store import StoreError

    try:
        place.parts.bucket.look_now()
    except (StoreError, SharedError) as error:
        return str(error)
    return None


def _signers(place: Place) -> list[SignerThere]:
    from redux.shared.index import PREFIX
    from redux.shared.layout import UNSIGNED
    from redux.trust.keys import PublicKey, key_id

    bucket = place.parts.bucket
    found: dict[bytes | None, dict[str | None, Much]] = {}
    for entry in bucket.indexes.packs:
        why = bucket.why_not(entry)
        of_signer = found.setdefault(entry.signer, {})
        of_signer[why] = of_signer.get(why, Much()) + Much(1, len(entry.calls) // PREFIX)
    signers: list[SignerThere] = []
    for signer, much in found.items():
        id = None if signer is None else key_id(PublicKey(signer))
        believed = much.pop(None, Much())
        not_believed = {why: one for why, one in sorted(much.items(), key=lambda one: str(one[0])) if why is not None}
        signers.append(SignerThere(id, bucket.believing.name_of(id or UNSIGNED), believed, not_believed))
    return sorted(signers, key=lambda one: (-one.all.calls, one.key or ""))


def _executions(place: Place) -> list[ExecutionThere]:
    from redux.shared.harvest import Gate, Reaper
    from redux.shared.whose import whose_in

    if not has_records(place.settings.database):
        return []
    presence = place.parts.bucket.look_again()
    with own_repo(place) as repo:
        reaper = Reaper(repo.backend, Gate(), repo.inline_limit, whose_in(repo))
        found: list[ExecutionThere] = []
        for execution in executions_made_here(repo, LATEST):
            calls = reaper.calls_of(execution.id)
            there = len(presence.with_calls(calls))
            found.append(ExecutionThere(execution.id, execution.started, len(calls), there))
    return found


# -- text --------------------------------------------------------------------------------------------


def _as_text(found: CacheStatus) -> list[str]:
    state = "offline: nothing is asked of it" if found.offline else found.trouble or "it can be reached"
    epoch = f", epoch {found.epoch}" if found.epoch else ""
    format = f", format {found.format}" if found.format is not None else ""
    lines = [strong(found.url), f"  {state}", f"  {found.mode}{format}{epoch}"]
    lines.append(f"  {_key_words(found)}")
    if found.only_for_oneself is not None:
        lines.append(f"  {found.only_for_oneself}")
    if found.trouble is None and not found.offline:
        lines += ["", strong("there"), *(line for one in found.signers for line in _signer_lines(one, found.key))]
        if not found.signers:
            lines.append("  nothing yet")
    if found.executions:
        lines += ["", strong("of your latest executions"), *map(_execution_line, found.executions)]
    lines += ["", strong("outbox"), *_outbox_lines(found.outbox)]
    objects = show_count(found.index_objects, "index object")
    lines += ["", f"kept here: {objects}, {show_size(found.index_bytes)}"]
    return lines


def _key_words(found: CacheStatus) -> str:
    if found.key_trouble is not None:
        return f"nothing is sent, for your key cannot be used: {found.key_trouble}"
    return f"your key is {found.key}" if found.key else "you have no key; `redux trust keygen` makes one"


def _signer_lines(one: SignerThere, own: str | None) -> list[str]:
    if one.key is None:
        who = "that nobody signed"
    elif one.key == own:
        who = f"by you ({own})"
    else:
        who = f"by {one.name}, key {one.key}" if one.key not in one.name else f"by {one.name}"
    lines = [f"  {_much_words(one.believed)} {who}"] if one.believed.packs else []
    return lines + [f"  {_much_words(much)} {who}, not believed: {why}" for why, much in one.not_believed.items()]


def _much_words(much: Much) -> str:
    return f"{show_count(much.calls, 'call')} in {show_count(much.packs, 'pack')}"


def _execution_line(one: ExecutionThere) -> str:
    much = "all" if one.calls and one.there == one.calls else f"{one.there:,} of"
    return f"  {one.id.hex()[:8]}  {show_moment(one.started)}  {much} {show_count(one.calls, 'call')}"


def _outbox_lines(waiting: Sequence[Waiting]) -> list[str]:
    if not waiting:
        return ["  empty"]
    return [
        *(f"  {one.execution.hex()[:8]}  since {show_moment(one.since)}" for one in waiting),
        "  the next run sends these, or `redux cache push`",
    ]


def _as_data(found: CacheStatus) -> object:
    return {
        "url": found.url,
        "mode": found.mode,
        "offline": found.offline,
        "reachable": found.trouble is None and not found.offline,
        "trouble": found.trouble,
        "format": found.format,
        "epoch": found.epoch,
        "only_you_read": found.only_for_oneself is not None,
        "key": found.key,
        "key_trouble": found.key_trouble,
        "signers": [
            {
                "key": one.key,
                "name": one.name,
                "packs": one.all.packs,
                "calls": one.all.calls,
                "not_believed": [
                    {"why": why, "packs": much.packs, "calls": much.calls} for why, much in one.not_believed.items()
                ],
            }
            for one in found.signers
        ],
        "executions": [
            {"id": one.id, "started": one.started, "calls": one.calls, "there": one.there} for one in found.executions
        ],
        "outbox": [{"execution": one.execution, "since": one.since} for one in found.outbox],
        "index": {"objects": found.index_objects, "bytes": found.index_bytes},
    }
