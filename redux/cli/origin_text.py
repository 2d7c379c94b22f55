"""Where values came from, in lines of text. Asks nothing, prints nothing."""

from __future__ import annotations

from collections import Counter

from redux.cli.pages import Behind, Maker, Origin, Source
from redux.cli.render import cut, dim, indent, short, show_call

_NAMED = 3
"""How many tasks behind an argument are named before the rest is counted."""


def origin_tree(origin: Origin, width: int) -> list[str]:
    """Where an input came from, with the calls that made it and their own inputs below it."""
    head = cut(f"{origin.name} = {origin.preview}", width * 2 // 3)
    only = _only_maker(origin)
    if only is not None:
        return [f"{head}  ← {_maker_words(only)}", *indent(_inputs(only, width))]
    if origin.behind is None:
        return [f"{head}  {dim('← ' + _source_words(origin))}"]
    named = f"{head}  ← {behind_words(origin.behind)}"
    if origin.makers and all(maker.again for maker in origin.makers):
        such_as = "such as " if len(origin.behind.calls) > 1 else ""
        return [f"{named}  {dim(f'{such_as}job {short(origin.makers[0].job.job.id)}, shown above')}"]
    lines = [named]
    for maker in origin.makers:
        lines.append("  " + _call_line(maker, width - 2))
        lines += indent(_inputs(maker, width), "    ")
    left = len(origin.behind.calls) - len(origin.makers)
    if left and origin.makers:
        lines.append(dim(f"  and {left:,} more"))
    return lines


def _call_line(maker: Maker, width: int) -> str:
    """A call with its result and its job, in a line."""
    within = len(maker.within) + 4 if maker.within is not None else 0
    room = max(width - within - (30 if maker.again else 17), 40)
    call = show_call(maker.job, room * 2 // 3)
    return f"{call} → {cut(maker.job.result_preview, room - len(call) - 3)}  {_maker_words(maker, named=False)}"


def _source_words(origin: Origin) -> str:
    """Where an input came from that is made from no call's result."""
    if origin.source is Source.GIVEN:
        return f"given, as {origin.handed_on}" if origin.handed_on else "given"
    return f"from the code, called by {origin.caller}" if origin.source is Source.CODE else "…"


def _only_maker(origin: Origin) -> Maker | None:
    """The one call whose result an input is as it stands."""
    if origin.behind is None or len(origin.behind.calls) > 1 or len(origin.makers) != 1:
        return None
    return origin.makers[0] if origin.makers[0].job.result == origin.value else None


def _maker_words(maker: Maker, named: bool = True) -> str:
    name = f"{cut(maker.job.fullname, 40)}  " if named else ""
    within = f" in {cut(maker.within, 40)}" if maker.within is not None else ""
    again = ", shown above" if maker.again else ""
    return f"{name}{dim(f'job {short(maker.job.job.id)}{within}{again}')}"


def _inputs(maker: Maker, width: int) -> list[str]:
    return [line for one in maker.inputs for line in origin_tree(one, max(width - 2, 40))]


def behind_words(behind: Behind) -> str:
    """The tasks whose results an argument was made from: `clean ×4, load`."""
    counted = Counter(name for _, name in behind.calls)
    named = [f"{name} ×{count:,}" if count > 1 else name for name, count in counted.items()]
    more = f" and {len(named) - _NAMED} more tasks" if len(named) > _NAMED + 1 else ""
    return ", ".join(named[:_NAMED] if more else named) + more


def first_call(behind: Behind) -> str:
    """The first of the calls that an argument was made from, to go on from there."""
    return f", {'call' if len(behind.calls) == 1 else 'such as call'} {short(behind.calls[0][0])}"
