"""`redux fsck`: whether records and bytes are sound, and mending what is not."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import click

from redux.cli.output import show, whole_width
from redux.cli.passing_line import passing_count
from redux.cli.render import cut, dim, show_count, show_seconds, show_size, strong, to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.errors import UsageError
from redux.fsck.check import Check, Looked
from redux.fsck.findings import WORDS, Kind
from redux.fsck.repair import Repair

DAMAGED = 4
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
    healed: bool


@dataclass(slots=True)
class Outcome:
    """What a check came to."""

    found: list[Trouble]
    counts: Counter[Kind]
    healed: Counter[Kind]
    left: int
    looked: Looked
    seconds: float


@click.command(short_help="Check records and bytes, and mend them.")
@click.option("--read-data", is_flag=True, help="Read all bytes, and hash them.")
@click.option("--read-data-subset", "subset", metavar="N%", help="Read so many of all values, drawn at random.")
@click.option("--repair", is_flag=True, help="Mend what can be mended; the next run makes it again.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def fsck(read_data: bool, subset: str | None, repair: bool, as_json: bool, **places: str | None) -> int:
    """Check that records and bytes are sound; a run may go on beside.

    Records are compared with each other and with the bytes in the store, and what lies there with the records. With
    --repair, damaged bytes and bent records are set aside, so that the next run makes them again; nothing sound is
    touched. Exits with 0 where all is sound or mended, with 4 where damage is left.
    """
    fraction = _fraction(read_data, subset)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        with passing_count("looking at") as tell:
            outcome = _look(Check(repo, fraction, tell), Repair(repo) if repair else None)
    finally:
        repo.close()
    show(to_json("fsck", _as_data(outcome)) if as_json else fsck_text(outcome, repair, whole_width(sys.stdout)))
    return DAMAGED if outcome.left else 0


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
    outcome = Outcome([], Counter(), Counter(), 0, check.looked, 0.0)
    for finding in check.findings():
        kind = finding.kind
        healed = repair is not None and repair.mend(finding)
        outcome.counts[kind] += 1
        outcome.healed[kind] += healed
        outcome.left += finding.is_damage and not healed
        if outcome.counts[kind] <= _KEPT:
            outcome.found.append(Trouble(kind, finding.what, finding.id, finding.detail, finding.is_damage, healed))
    outcome.seconds = time.monotonic() - began
    return outcome


def _as_data(outcome: Outcome) -> object:
    return {
        "sound": not any(one.damage for one in outcome.found),
        "left": outcome.left,
        "counts": {kind.value: count for kind, count in outcome.counts.items()},
        "healed": {kind.value: count for kind, count in outcome.healed.items() if count},
        "findings": [
            {
                "kind": str(one.kind), "what": one.what, "id": one.id, "detail": one.detail,
                "damage": one.damage, "healed": one.healed,
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
        left = "  (not mended)" if repair and one.damage and not one.healed else ""
        yield "  " + cut(f"{one.what} {id}".strip() + f": {one.detail}", max(width - 2 - len(left), 60)) + left
    if count > _SHOWN:
        yield dim(f"  and {count - _SHOWN:,} more; --json has them")
    if healed < count:
        yield f"  → {words.todo}"


def _verdict(outcome: Outcome, repair: bool) -> str:
    looked = outcome.looked
    read = f", {show_size(looked.bytes_read)} read" if looked.bytes_read else ""
    seen = (
        f"{show_count(looked.values, 'value')}, {show_count(looked.calls, 'call')}, "
        f"{show_count(looked.files, 'file')} in {show_seconds(outcome.seconds)}{read}"
    )
    mended = sum(count for kind, count in outcome.healed.items())
    if outcome.left:
        done = f"{mended:,} mended, " if repair else ""
        return f"{strong('damaged')}: {done}{show_count(outcome.left, 'trouble')} left; {seen}"
    if mended:
        return f"{strong('mended')}: the next run makes again what it needs; {seen}"
    return f"{strong('sound')}: {seen}"
