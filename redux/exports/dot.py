"""Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from redux.exports.picture import draw, say_of_tasks
from redux.exports.terms import Exporter, Terms
from redux.lineage.graph import Lineage, NodeKind

LIMIT = 1_500
"""Nodes: beyond, the picture takes minutes, and nobody finds anything in it."""
_SHAPES = {NodeKind.CALL: "box", NodeKind.JOB: "diamond", NodeKind.VALUE: "ellipse", NodeKind.FILE: "note"}


def write_dot(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """A graph from left to right: boxes are calls, ellipses values, notes files."""
    picture = draw(lineage, terms.previews, None if terms.whole else LIMIT)
    yield "digraph redux {\n  rankdir=LR\n"
    if picture.of_tasks:
        yield "  // each box is a task, with the number of its calls\n"
    for box in picture.boxes:
        yield f"  {box.id} [shape={_SHAPES[box.kind]}{', penwidth=3' if box.root else ''}, label={quote(box.label)}]\n"
    for arrow in picture.arrows:
        label = f" [label={quote(arrow.label)}]" if arrow.label else ""
        yield f"  {arrow.source} -> {arrow.target}{label}\n"
    yield "}\n"


def quote(text: str) -> str:
    """A text as a quoted string, in which nothing has a meaning of its own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


EXPORTER = Exporter(write_dot, lambda lineage, terms: say_of_tasks(lineage, LIMIT, terms.whole))
