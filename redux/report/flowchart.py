"""Boxes and arrows of a dataflow laid out from top to bottom, as SVG. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redux.exports.picture import Arrow, Box, Picture
from redux.html.markup import Markup, tag, visible

_BETWEEN = 18.0
_HIGH = 30.0
_ROW = 66.0
_MARGIN = 10.0
_ASIDE = 150.0
"""How far to the left an arrow goes that would run below boxes."""
_CHARACTER = 7.1
"""How wide one is, in the size that labels have."""
_LETTERS = 34
_SWEEPS = 6
_LABELLED = 40
"""With more arrows than this none has its label."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A box with the middle of it, and how wide it is."""

    box: Box
    label: str
    x: float
    y: float
    width: float


def flowchart(picture: Picture, label: str) -> Markup:
    """A picture of where data came from, from its sources at the top down to what was asked about."""
    rows = _rows(picture)
    placed = _place(rows)
    wide = max((one.x + one.width / 2 for one in placed.values()), default=0.0) + _MARGIN
    high = len(rows) * _ROW - (_ROW - _HIGH) + 2 * _MARGIN
    arrows = _joined(picture.arrows, placed)
    labelled = len(arrows) <= _LABELLED
    return tag(
        "svg",
        tag("title", label),
        [_arrow(one, placed, labelled) for one in arrows],
        [_box(one) for one in placed.values()],
        viewBox=f"0 0 {wide:.0f} {high:.0f}",
        width=f"{wide:.0f}",
        height=f"{high:.0f}",
        role="img",
        class_="flow",
    )


def _joined(arrows: Sequence[Arrow], placed: Mapping[str, _Placed]) -> list[Arrow]:
    """One arrow for all between the same two boxes, with all their labels."""
    between: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in arrows:
        if one.source in placed and one.target in placed:
            between[one.source, one.target].setdefault(one.label)
    return [Arrow(*ends, ", ".join(filter(None, labels))) for ends, labels in between.items()]


def arrows_in_words(picture: Picture) -> list[str]:
    """Each arrow in a line: from what, to what, under which name."""
    labels = {box.id: box.label for box in picture.boxes}
    return [
        f"{labels.get(one.source, '?')} → {labels.get(one.target, '?')}" + (f" ({one.label})" if one.label else "")
        for one in picture.arrows
    ]


# -- where things are --------------------------------------------------------------------------------


def _rows(picture: Picture) -> list[list[Box]]:
    """Boxes in rows: each below all that it came from, and beside those that are near it."""
    above: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in _forward(picture):
        above[target].append(source)
        below[source].append(target)
    level = _levels(picture.boxes, above)
    # What has nothing above it stands right over what it feeds.
    for box in reversed(picture.boxes):
        if not above[box.id] and below[box.id]:
            level[box.id] = min(level[one] for one in below[box.id]) - 1
    rows: list[list[Box]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for box in picture.boxes:
        rows[level[box.id]].append(box)
    rows = [row for row in rows if row]
    for sweep in range(_SWEEPS):
        _straighten(rows, above if sweep % 2 == 0 else below)
    return rows


def _forward(picture: Picture) -> list[tuple[str, str]]:
    """The arrows without those that close a circle: where calls of a task are one box, it may feed itself."""
    out: defaultdict[str, list[str]] = defaultdict(list)
    for arrow in picture.arrows:
        out[arrow.source].append(arrow.target)
    kept: list[tuple[str, str]] = []
    done: set[str] = set()
    for box in picture.boxes:
        stack = [(box.id, iter(out[box.id]))] if box.id not in done else []
        open_now = {box.id} if stack else set[str]()
        done.add(box.id)
        while stack:
            at, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                open_now.discard(at)
                stack.pop()
            elif target not in open_now:
                kept.append((at, target))
                if target not in done:
                    done.add(target)
                    open_now.add(target)
                    stack.append((target, iter(out[target])))
    return kept


def _levels(boxes: Sequence[Box], above: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way that leads to each box."""
    level: dict[str, int] = {}
    for box in boxes:
        stack = [box.id]
        while stack:
            at = stack[-1]
            missing = [one for one in above.get(at, ()) if one not in level]
            if missing and at not in level:
                stack += missing
                continue
            stack.pop()
            level[at] = max((level[one] + 1 for one in above.get(at, ())), default=0)
    return level


def _straighten(rows: list[list[Box]], near: Mapping[str, Sequence[str]]) -> None:
    """Put each row in the order of the middles of what its boxes are joined to."""
    place = {box.id: at / max(len(row) - 1, 1) for row in rows for at, box in enumerate(row)}
    for row in rows:
        middle = {
            box.id: sum(place[one] for one in near[box.id]) / len(near[box.id]) if near.get(box.id) else place[box.id]
            for box in row
        }
        row.sort(key=lambda box: middle[box.id])


def _place(rows: Sequence[Sequence[Box]]) -> dict[str, _Placed]:
    labels = {box.id: _cut(visible(box.label)) for row in rows for box in row}
    width = {id: max(len(label), 4) * _CHARACTER + 20 for id, label in labels.items()}
    # The first box of each row is in one line with the others, at the left: on a narrow page that is what is seen.
    middle = _MARGIN + max((width[row[0].id] / 2 for row in rows if row), default=0.0)
    middle = max(middle, _MARGIN + 0.75 * _ASIDE)
    placed: dict[str, _Placed] = {}
    for number, row in enumerate(rows):
        at = middle - (width[row[0].id] / 2 if row else 0.0)
        for box in row:
            half = width[box.id] / 2
            y = _MARGIN + number * _ROW + _HIGH / 2
            placed[box.id] = _Placed(box, labels[box.id], at + half, y, width[box.id])
            at += width[box.id] + _BETWEEN
    return placed


def _cut(label: str) -> str:
    return label if len(label) <= _LETTERS else label[: _LETTERS - 1] + "…"


# -- what is drawn -----------------------------------------------------------------------------------


def _box(one: _Placed) -> Markup:
    round_ = {"call": 4.0, "job": 4.0, "file": 0.0}.get(one.box.kind.value, _HIGH / 2)
    return tag(
        "g",
        tag("title", one.box.label),
        tag("rect", x=one.x - one.width / 2, y=one.y - _HIGH / 2, width=one.width, height=_HIGH, rx=round_),
        tag("text", one.label, x=one.x, y=one.y + 4, text_anchor="middle"),
        class_=f"box {one.box.kind.value}{' root' if one.box.root else ''}",
    )


def _arrow(arrow: Arrow, placed: Mapping[str, _Placed], labelled: bool) -> Markup:
    one, other = placed[arrow.source], placed[arrow.target]
    begin, end = one.y + _HIGH / 2, other.y - _HIGH / 2
    bend = max((end - begin) / 2, 14.0)
    aside = _ASIDE if abs(one.x - other.x) < 1 and end - begin > _ROW else 0.0
    line = f"M{one.x:.1f} {begin:.1f}C{one.x - aside:.1f} {begin + bend:.1f} {other.x - aside:.1f} {end - bend:.1f} "
    head = f"M{other.x - 4:.1f} {end - 7:.1f}L{other.x:.1f} {end - 1:.1f}L{other.x + 4:.1f} {end - 7:.1f}"
    said = _cut(visible(arrow.label)) if labelled and arrow.label else ""
    return tag(
        "g",
        tag("path", d=f"{line}{other.x:.1f} {end - 1:.1f}", class_="arrow"),
        tag("path", d=head, class_="arrow"),
        tag("text", said, x=(one.x + other.x) / 2 + 6 - aside * 0.75, y=(begin + end) / 2 + 4, class_="on-arrow")
        if said
        else None,
    )
