"""`redux cache verify`: every object of the shared cache looked at."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from redux.cli.cache_place import refuse_offline, shared_place
from redux.cli.output import show
from redux.cli.passing_line import passing_line
from redux.cli.render import to_json
from redux.cli.shared_options import Part
from redux.cli.surroundings import Where, json_option, where_options
from redux.words.measures import show_count

if TYPE_CHECKING:
    from redux.shared.verifying import Verified

_SHOWN = 20
_KIND_WORDS = {"index": "damaged index object", "pack": "damaged pack", "foreign": "foreign object"}


@click.command(short_help="Look at every object there.")
@click.option(
    "--sample", type=Part(), default=1.0, metavar="PART", help="A part of packs and values, one at least: 5%."
)
@click.option("--read-data", is_flag=True, help="Also read the bytes of large values.")
@json_option
@where_options
def verify(sample: float, read_data: bool, as_json: bool, **places: str | None) -> int:
    """Look at signatures, digests and records of all that is in the shared cache, and that no value is missing.

    Nothing is changed there: what is damaged is passed over by runs, and written anew by the next that has it. Exits
    with 1 where something is wrong.
    """
    from redux.shared.verifying import Verifier

    with shared_place(Where(**places)) as place:  # pyright: ignore[reportArgumentType] - as declared
        refuse_offline(place)
        with passing_line() as tell_line:
            verifier = Verifier(
                place.parts.bucket,
                place.parts.values,
                _chosen(sample),
                lambda what, done, of: tell_line(f"looked at {done:,} of {of:,} {what}"),
            )
            found = verifier.run(read_data=read_data)
    if as_json:
        show(to_json("cache-verify", _as_data(place.shown, found)))
    else:
        show(_as_text(place.shown, found, sample))
    return 1 if found.faults else 0


def _chosen(part: float) -> Callable[[str], bool]:
    return lambda name: part >= 1.0 or random.random() < part


def _as_text(url: str, found: Verified, sample: float) -> list[str]:
    looked_at = ", ".join(show_count(count, what.removesuffix("s")) for what, count in found.looked_at.items())
    lines = [f"looked at {looked_at or 'nothing'} in {url}: {show_count(found.calls, 'call')}"]
    lines += [f"  {show_count(count, 'pack')} not believed: {why}" for why, count in found.not_believed.items()]
    kinds = Counter(fault.kind for fault in found.faults)
    for kind, count in kinds.items():
        lines += ["", f"{count:,} × {_KIND_WORDS.get(kind, kind)}"]
        of_kind = [fault for fault in found.faults if fault.kind == kind]
        lines += [f"  {fault.name}: {fault.why}" for fault in of_kind[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"  … and {count - _SHOWN:,} more; --json has all")
    if kinds.keys() - {"foreign"}:
        lines += ["", "runs pass these over; the next one here writes anew what it has of them"]
    if not kinds:
        lines.append("nothing is wrong with it" if sample >= 1.0 else "nothing is wrong in what was looked at")
    return lines


def _as_data(url: str, found: Verified) -> object:
    return {
        "url": url,
        "looked_at": {what.replace(" ", "_"): count for what, count in found.looked_at.items()},
        "calls": found.calls,
        "not_believed": [{"why": why, "packs": count} for why, count in found.not_believed.items()],
        "faults": [{"kind": each.kind, "name": each.name, "why": each.why} for each in found.faults],
    }
