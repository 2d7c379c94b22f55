"""The picture: packages on a circle, as large as their rank, imports as curves through its middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, pi, sin, sqrt

Link = tuple[str, str]
"""An importer and what it imports."""

_WIDTH, _HEIGHT = 1000, 1120
_X, _Y = 500, 550
_RING = 330
_LONGEST = 20
_SHOWN = 40
_PLAIN = "#33658a"
_CYCLES = ("#d1495b", "#e08e1b", "#2a9d6f", "#8e5bb5", "#c2578f", "#6a7f10")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a package stands: its angle in radians, the radius of its disc, and its colour."""

    name: str
    angle: float
    radius: float
    colour: str

    def at(self, distance: float) -> tuple[float, float]:
        """The point in this spot's direction, so far from the middle."""
        return _X + distance * cos(self.angle), _Y + distance * sin(self.angle)


def draw_circle(
    title: str,
    graph: Mapping[str, Sequence[str]],
    ranks: Mapping[str, float],
    cycles: Sequence[Sequence[str]],
) -> str:
    """An SVG of the packages that rank highest; members of one cycle share a colour that is theirs alone."""
    shown = list(ranks)[:_SHOWN]
    links = [(name, other) for name in shown for other in graph[name] if other in shown]
    groups = [[name for name in cycle if name in shown] for cycle in cycles]
    colours = _colours([group for group in groups if len(group) > 1])
    spots = _place(arrange(shown, links), ranks, colours)
    parts = [
        _STYLE,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fbfaf7"/>',
        f'<text class="title" x="{_X}" y="52">{escape(title)}</text>',
        *(_curve(spots[importer], spots[imported], number) for number, (importer, imported) in enumerate(links)),
        *(_disc(spot) for spot in spots.values()),
        *_legend(len(shown), len(graph), bool(colours)),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="{_FONT}">'
    return "\n".join([head, *parts, "</svg>\n"])


def arrange(names: Sequence[str], links: Sequence[Link]) -> list[str]:
    """The names in an order around the circle that keeps linked ones near each other.

    Starting as given, two names change places as long as that shortens the links in all.
    """
    order = list(names)
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for one, other in links:
        neighbours[one].append(other)
        neighbours[other].append(one)
    place = {name: index for index, name in enumerate(order)}

    def length(name: str) -> int:
        steps = (abs(place[name] - place[other]) for other in neighbours[name])
        return sum(min(step, len(order) - step) for step in steps)

    def swap(one: str, other: str) -> None:
        place[one], place[other] = place[other], place[one]

    improved = True
    while improved:
        improved = False
        for index, one in enumerate(order):
            for other in order[index + 1 :]:
                before = length(one) + length(other)
                swap(one, other)
                if length(one) + length(other) < before:
                    improved = True
                else:
                    swap(one, other)
    return sorted(order, key=place.__getitem__)


def _colours(groups: Sequence[Sequence[str]]) -> dict[str, str]:
    return {name: _CYCLES[number % len(_CYCLES)] for number, group in enumerate(groups) for name in group}


def _place(order: Sequence[str], ranks: Mapping[str, float], colours: Mapping[str, str]) -> dict[str, Spot]:
    most = max(ranks.values(), default=1)
    step = 2 * pi / max(len(order), 1)
    return {
        name: Spot(name, index * step - pi / 2, 4 + 17 * sqrt(ranks[name] / most), colours.get(name, _PLAIN))
        for index, name in enumerate(order)
    }


def _curve(start: Spot, end: Spot, number: int) -> str:
    """A curve that bends to the middle, faint where it leaves the importer and full where it arrives."""
    together = start.colour == end.colour != _PLAIN
    colour, strength, width = (end.colour, 0.95, 2.4) if together else (end.colour, 0.5, 1.3)
    (x1, y1), (x2, y2) = start.at(_RING), end.at(_RING)
    apart = abs(sin((start.angle - end.angle) / 2))
    (c1, d1), (c2, d2) = start.at(_RING * (1 - 0.75 * apart)), end.at(_RING * (1 - 0.75 * apart))
    return (
        f'<linearGradient id="g{number}" gradientUnits="userSpaceOnUse" '
        f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}">'
        f'<stop offset="0" stop-color="{colour}" stop-opacity="0.1"/>'
        f'<stop offset="1" stop-color="{colour}" stop-opacity="{strength}"/></linearGradient>'
        f'<path d="M{x1:.1f},{y1:.1f}C{c1:.1f},{d1:.1f} {c2:.1f},{d2:.1f} {x2:.1f},{y2:.1f}" '
        f'stroke="url(#g{number})" stroke-width="{width}">'
        f"<title>{escape(start.name)} imports {escape(end.name)}</title></path>"
    )


def _disc(spot: Spot) -> str:
    x, y = spot.at(_RING)
    left = cos(spot.angle) < -1e-9
    tx, ty = spot.at(_RING + spot.radius + 8)
    degrees = spot.angle * 180 / pi + (180 if left else 0)
    anchor = "end" if left else "start"
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{spot.radius:.1f}" fill="{spot.colour}"/>'
        f'<text class="name" x="{tx:.1f}" y="{ty:.1f}" text-anchor="{anchor}" fill="{spot.colour}" '
        f'transform="rotate({degrees:.1f} {tx:.1f} {ty:.1f})">{escape(_shorten(spot.name))}</text>'
    )


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _legend(shown: int, all_of_them: int, has_cycles: bool) -> list[str]:
    lines = [f"The {shown} packages of {all_of_them} that rank highest. A disc is as large as its rank;"]
    lines += ["a line leads from the importer, where it is faint, to the imported."]
    if has_cycles:
        lines += ["Packages of one colour other than blue import each other in a cycle."]
    return [
        f'<text class="note" x="{_X}" y="{_HEIGHT - 72 + 20 * index}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    ]


_FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_STYLE = """<style>
.title { font-size: 26px; fill: #22333b; text-anchor: middle }
.name { font-size: 15px; dominant-baseline: central }
.note { font-size: 13.5px; fill: #6b7a80; text-anchor: middle }
path { fill: none; stroke-linecap: round }
path:hover { stroke: #111; stroke-width: 3 }
</style>"""
