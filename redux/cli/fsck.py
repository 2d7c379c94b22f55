"""`redux fsck`: whether records and bytes are sound, and mending what is not."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click

from redux.cli.output import show, whole_width
from redux.cli.passing_line import passing_count
from redux.cli.render import dim, strong, to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import UsageError
from redux.fsck.check import Check, Looked
from redux.fsck.findings import NOTES, WORDS, Finding, Kind
from redux.fsck.repair import Repair
from redux.words.jobs import cut
from redux.words.measures import show_count, show_seconds, show_size

DAMAGED = 4
_LEFT, _MENDED, _ASIDE = "left", "mended", "set aside"
_KEPT = 1_000
"""So many findings of a kind are kept to be shown; all are counted."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Trouble:
    """One finding and what became of it."""

    kind: str
    what: str
    id: str
    detail: str
    damage: bool
    fate: str


@dataclass(slots=True)
class Outcome:
    """What a check came to."""

    found: list[Trouble]
    counts: Counter[Kind]
    healed: Counter[Kind]
    left: Counter[Kind]
    """damage that is there now"""
    looked: Looked
    reads: bool
    """whether bytes were to be read"""
    seconds: float


@click.command(short_help="Check records and bytes, and mend them.")
@click.option("--read-data", is_flag=True, help="Read all bytes, and hash them.")
@click.option("--read-data-subset", "subset", metavar="N%", help="Read so many of all values, drawn at random.")
@click.option("--repair", is_flag=True, help="Mend what can be mended; the next run makes it again.")
@json_option
@where_options
def fsck(read_data: bool, subset: str | None, repair: bool, as_json: bool, **places: str | None) -> int:
    """Check that records and bytes are sound; a run may go on beside.

    Records are compared with each other and with the bytes in the store, and what lies there with the records. With
    --repair, damaged bytes and bent records are set aside, so that the next run makes them again; nothing sound is
    touched. A value that no recorded call makes is then told as lost. Exits with 0 where all is sound or mended, with 4
    where damage is left.
    """
    fraction = _fraction(read_data, subset)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        with passing_count("looking at") as tell:
            outcome = _look(Check(repo, fraction, tell), Repair(repo) if repair else None)
    finally:
        repo.close()
    show(to_json("fsck", _as_data(outcome)) if as_json else fsck_text(outcome, repair, whole_width(sys.stdout)))
    return DAMAGED if outcome.left.total() else 0


def _fraction(read_data: bool, subset: str | None) -> float:
    """How much of all is read; a subset is said as `5%`. Raises a usage error for anything else."""
    if subset is None:
        return float(read_data)
    if read_data:
        raise UsageError("--read-data reads all values; leave it away, or --read-data-subset")
    try:
        share = float(subset.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not subset.endswith("%") or not 0 < share <= 1:
        raise click.BadParameter(f"{subset!r} is no share of all; say 5%", param_hint="--read-data-subset")
    return share


def _look(check: Check, repair: Repair | None) -> Outcome:
    began = time.monotonic()
    outcome = Outcome([], Counter(), Counter(), Counter(), check.looked, check.fraction > 0, 0.0)
    for finding in check.findings():
        kind = finding.kind
        healed = repair is not None and repair.mend(finding)
        outcome.counts[kind] += 1
        outcome.healed[kind] += healed
        outcome.left[kind] += finding.is_damage and not healed
        if outcome.counts[kind] <= _KEPT:
            outcome.found.append(_told(finding, _MENDED if healed else _LEFT))
    if repair is not None and outcome.left.total():
        _look_again(check, outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


def _told(finding: Finding, fate: str) -> Trouble:
    return Trouble(finding.kind, finding.what, finding.id, finding.detail, finding.is_damage, fate)


def _look_again(check: Check, outcome: Outcome) -> None:
    """See what is really left: some of it went with what was mended, and a value that nothing makes is lost by now."""
    now = list(Check(check.repo, check.fraction, check.tell).findings())
    there = {(one.kind, one.what, one.id) for one in now}
    lost = {one.id for one in now if one.kind is Kind.LOST}
    for at, one in enumerate(outcome.found):
        if one.damage and one.fate == _LEFT and (one.kind, one.what, one.id) not in there:
            outcome.found[at] = replace(one, fate=_ASIDE if one.id in lost else _MENDED)
            outcome.healed[Kind(one.kind)] += one.id not in lost
    known = {(one.kind, one.what, one.id) for one in outcome.found}
    new = [one for one in now if one.kind not in NOTES - {Kind.LOST} and (one.kind, one.what, one.id) not in known]
    outcome.counts.update(one.kind for one in new)
    outcome.found += [_told(one, _LEFT) for one in new[:_KEPT]]
    outcome.left = Counter(one.kind for one in now if one.is_damage)


def _as_data(outcome: Outcome) -> object:
    return {
        "sound": not any(one.damage for one in outcome.found),
        "left": outcome.left.total(),
        "counts": {kind.value: count for kind, count in outcome.counts.items()},
        "healed": {kind.value: count for kind, count in outcome.healed.items() if count},
        "findings": [
            {
                "kind": str(one.kind), "what": one.what, "id": one.id, "detail": one.detail,
                "damage": one.damage, "healed": one.fate == _MENDED, "fate": one.fate,
                "means": WORDS[Kind(one.kind)].means, "todo": WORDS[Kind(one.kind)].todo,
            }
            for one in outcome.found
        ],
        "looked_at": {
            "values": outcome.looked.values, "calls": outcome.looked.calls,
            "files": outcome.looked.files, "bytes_read": outcome.looked.bytes_read,
        },
    }  # fmt: skip


# -- text --------------------------------------------------------------------------------------------


def fsck_text(outcome: Outcome, repair: bool, width: int) -> list[str]:
    """What a check came to: kind by kind, with what it means and what to do, and a last line that sums it up."""
    lines: list[str] = []
    for kind, count in outcome.counts.items():
        lines += [*_kind_text(kind, count, outcome, repair, width), ""]
    return [*lines, _verdict(outcome, repair)]


_TAILS = {_LEFT: "  (not mended)", _MENDED: "", _ASIDE: "  (set aside; it is lost, see below)"}


def _kind_text(kind: Kind, count: int, outcome: Outcome, repair: bool, width: int) -> Iterator[str]:
    times = f" ×{count:,}" if count > 1 else ""
    healed = outcome.healed[kind]
    state = "" if not repair else f"  {healed:,} of {count:,} mended" if count > 1 else "  mended" if healed else ""
    yield f"{strong(kind.value)}{times}{state}"
    words = WORDS[kind]
    yield dim(f"  {words.means}")
    troubles = [one for one in outcome.found if one.kind == kind]
    for one in troubles[:_SHOWN]:
        id = one.id[:16] if len(one.id) in (32, 64) and "/" not in one.id else one.id
        left = _TAILS[one.fate] if repair and one.damage else ""
        yield "  " + cut(f"{one.what} {id}".strip() + f": {one.detail}", max(width - 2 - len(left), 60)) + left
    if count > _SHOWN:
        yield dim(f"  and {count - _SHOWN:,} more; --json has them")
    if outcome.left[kind] or (kind in NOTES and healed < count):
        yield f"  → {words.todo}"


def _verdict(outcome: Outcome, repair: bool) -> str:
    looked = outcome.looked
    read = f", {show_size(looked.bytes_read)} read" if looked.bytes_read else ""
    seen = (
        f"{show_count(looked.values, 'value')}, {show_count(looked.calls, 'call')}, "
        f"{show_count(looked.files, 'file')} in {show_seconds(outcome.seconds)}{read}"
    )
    mended = sum(count for kind, count in outcome.healed.items())
    if outcome.left.total():
        done = f"{mended:,} mended, " if repair else ""
        return f"{strong('damaged')}: {done}{show_count(outcome.left.total(), 'trouble')} left; {seen}"
    if mended or any(one.fate == _ASIDE for one in outcome.found):
        lost = outcome.counts[Kind.LOST]
        but = f", but not {show_count(lost, 'value')} that no recorded call makes" if lost else ""
        return f"{strong('mended')}: the next run makes again what it needs{but}; {seen}"
    return f"{strong('sound')}: {seen}{'' if outcome.reads else '; bytes were not read, as --read-data does'}"
