"""Pictures of times and counts, as SVG that stretches to its place. Each says in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from redux.html.markup import Markup, tag
from redux.report.facts import Lane, Stretch, Timeline
from redux.words.measures import show_count, show_seconds

_HEIGHT = 24.0
_WORK = 19.0
"""How high the work in a lane is; below it is the line of the critical path."""
_WIDE = 1000.0
_SEEN = 2.0
"""How wide a stretch is at least, so that it can be seen."""


def share_bar(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """A bar of parts side by side, each a name of a class and a number."""
    whole = sum(number for _, number in parts) or 1
    drawn, at = [], 0.0
    for name, number in parts:
        width = _WIDE * number / whole
        drawn.append(tag("rect", x=at, y=0, width=max(width, _SEEN) if number else 0, height=10, class_=f"is-{name}"))
        at += width
    return _stretched(drawn, 10.0, label, "share")


def small_bar(part: float, whole: float, label: str) -> Markup:
    """How much of a whole a part is."""
    width = _WIDE * min(part / whole, 1.0) if whole > 0 else 0.0
    return _stretched([tag("rect", x=0, y=0, width=max(width, _SEEN) if part else 0, height=10)], 10.0, label, "part")


def lanes(timeline: Timeline) -> Markup:
    """The lanes of a timeline, one below the other, each with its label and what it took."""
    rows = [_lane(lane, timeline) for lane in timeline.lanes]
    marks = [tag("span", show_seconds(timeline.seconds * at / 4) if at else "0") for at in range(5)]
    axis = tag("div", tag("div", marks, class_="marks"), class_="axis", aria_hidden="true")
    return tag("div", tag("ul", rows, class_="lanes"), axis, class_="timeline")


def _lane(lane: Lane, timeline: Timeline) -> Markup:
    scale = _WIDE / timeline.seconds if timeline.seconds > 0 else 0.0
    most = max(lane.bins, default=1.0)
    work = _area(lane.bins, most) if lane.bins else _bars(lane.stretches, scale, 3.0, _WORK - 3.0, "work")
    critical = _bars(lane.critical, scale, _HEIGHT - 3.5, 3.5, "critical")
    own = show_seconds(lane.seconds)
    on_path = sum(stretch.seconds for stretch in lane.critical)
    said = f"{lane.label}: at work {own}" + (f", {show_seconds(on_path)} on the critical path" if on_path else "")
    beside = own if timeline.of_jobs else f"{show_count(lane.jobs, 'job')}, {own}, ≤ {max(most, 1.0):.0f} at once"
    return tag(
        "li",
        tag("span", lane.label, class_="label"),
        _stretched([work, critical], _HEIGHT, said, "lane"),
        tag("span", beside, class_="beside"),
    )


def _area(bins: Sequence[float], most: float) -> Markup:
    """How many worked in each bin, as a filled line."""
    width = _WIDE / len(bins)
    points = [f"M0 {_WORK:g}"]
    for at, number in enumerate(bins):
        top = _WORK - (_WORK - 1) * number / (most or 1.0)
        points.append(f"L{at * width:.1f} {top:.1f}L{(at + 1) * width:.1f} {top:.1f}")
    return tag("path", d="".join((*points, f"L{_WIDE:g} {_WORK:g}Z")), class_="work")


def _bars(stretches: Sequence[Stretch], scale: float, top: float, height: float, name: str) -> list[Markup]:
    return [
        tag(
            "rect",
            x=min(one.begin * scale, _WIDE - _SEEN),
            y=top,
            width=max(one.seconds * scale, _SEEN),
            height=height,
            class_=name,
        )
        for one in stretches
    ]


def _stretched(children: Sequence[Markup | list[Markup]], height: float, label: str, name: str) -> Markup:
    box = f"0 0 {_WIDE:g} {height:g}"
    return tag("svg", tag("title", label), children, viewBox=box, preserveAspectRatio="none", role="img", class_=name)
