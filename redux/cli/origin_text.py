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
    lines = [f"{head}  ← {behind_words(origin.behind)}"]
    for maker in origin.makers:
        call = show_call(maker.job, max(width * 2 // 3 - 4, 30))
        lines.append(f"  {call} → {cut(maker.job.result_preview, 30)}  {_maker_words(maker, named=False)}")
        lines += indent(_inputs(maker, width), "    ")
    left = len(origin.behind.calls) - len(origin.makers)
    if left and origin.makers:
        lines.append(dim(f"  and {left:,} more"))
    return lines


def _source_words(origin: Origin) -> str:
    """Where an input came from that is made from no call's result."""
    if origin.source is Source.GIVEN:
        return f"given, as {origin.handed_on}" if origin.handed_on else "given"
    return "from the code" if origin.source is Source.CODE else "…"


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
