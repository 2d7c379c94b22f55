"""Mermaid flowcharts, as READMEs and notebooks show them."""

from __future__ import annotations

from collections.abc import Iterator

from redux.exports.picture import draw, say_of_tasks
from redux.exports.terms import Exporter, Terms
from redux.lineage.graph import Lineage, NodeKind

LIMIT = 150
"""Nodes: what draws these charts is slow with more, and refuses more than some hundred arrows."""
_HARMLESS = " _.,:=+-/…×'()[]"
_SHAPES = {
    NodeKind.CALL: ("[", "]"),
    NodeKind.JOB: ("[/", "/]"),
    NodeKind.VALUE: ("(", ")"),
    NodeKind.FILE: ("[(", ")]"),
}


def write_mermaid(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """A flowchart from left to right: boxes are calls, round ones values, drums files."""
    picture = draw(lineage, terms.previews, None if terms.whole else LIMIT)
    yield "flowchart LR\n"
    if picture.of_tasks:
        yield "  %% each box is a task, with the number of its calls\n"
    for box in picture.boxes:
        opens, closes = _SHAPES[box.kind]
        yield f'  {box.id}{opens}"{escape(box.label)}"{closes}{":::root" if box.root else ""}\n'
    for arrow in picture.arrows:
        label = f'|"{escape(arrow.label)}"|' if arrow.label else ""
        yield f"  {arrow.source} -->{label} {arrow.target}\n"
    if any(box.root for box in picture.boxes):
        yield "  classDef root stroke-width:3px\n"


def escape(text: str) -> str:
    """A text as it stands in a quoted label: all but letters, digits and what is harmless as the number of it."""
    return "".join(char if char.isalnum() or char in _HARMLESS else f"#{ord(char)};" for char in text) or " "


EXPORTER = Exporter(write_mermaid, lambda lineage, terms: say_of_tasks(lineage, LIMIT, terms.whole))
