"""The call graph by task, as lists in lists that open."""

from __future__ import annotations

from collections.abc import Sequence

from redux.html.markup import Child, Markup, tag
from redux.report.charts import small_bar
from redux.report.facts import CallGroup, ExecutionReport
from redux.report.parts import as_copied, section, told
from redux.words.measures import show_count, show_seconds

_OPEN = 2
"""How many levels are open at first."""


def call_tree(report: ExecutionReport) -> Markup:
    """Which tasks called which: jobs of one task that were called along the same way are one line."""
    if not report.calls:
        return section("calls", "Calls", tag("p", "No job of it is recorded.", class_="quiet"))
    left = report.jobs - report.looked_at
    cut = f" Only the first {report.looked_at:,} of {report.jobs:,} jobs are here." if left > 0 else ""
    most = max((one.seconds for one in _every(report.calls)), default=0.0)
    return section(
        "calls",
        "Calls",
        tag(
            "p",
            f"Jobs under those that called them; times are their own, without what they called.{cut}",
            class_="quiet",
        ),
        _list(report.calls, 0, most, 0),
    )


def _every(groups: Sequence[CallGroup]) -> list[CallGroup]:
    found, waiting = [], list(groups)
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].calls
    return found


def _list(groups: Sequence[CallGroup], more: int, most: float, depth: int) -> Markup:
    items = [tag("li", _group(one, most, depth)) for one in groups]
    items += [tag("li", f"and {show_count(more, 'more task')}", class_="quiet")] if more else []
    return tag("ul", items, class_="calls")


def _group(group: CallGroup, most: float, depth: int) -> Markup:
    jobs = group.ran + group.cached + group.failed + group.unfinished
    counts = [(group.ran, "ran"), (group.cached, "reused"), (group.failed, "failed"), (group.unfinished, "unfinished")]
    words = ", ".join(f"{number:,} {word}" for number, word in counts if number)
    seconds = show_seconds(group.seconds) if group.seconds else ""
    head: list[Child] = [
        tag("code", group.fullname),
        tag("span", f" ×{jobs:,}", class_="times") if jobs > 1 else None,
        " ",
        tag("small", words, class_="failed" if group.failed else None),
        " ",
        tag("small", seconds) if seconds else None,
        small_bar(group.seconds, most, f"{group.fullname}: {seconds}") if seconds else None,
    ]
    ids: list[Child] = []
    for one in group.examples:
        ids += [" " if ids else "", as_copied(one.hex())]
    again = " It calls itself; all such calls are counted here." if group.again else ""
    return told(
        head,
        tag("p", "job " if jobs == 1 else "such as jobs " if len(group.examples) < jobs else "jobs ", ids, again),
        _list(group.calls, group.more, most, depth + 1) if group.calls or group.more else None,
        open=depth < _OPEN and bool(group.calls),
    )
