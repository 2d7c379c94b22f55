"""What a picture of a lineage shows: boxes with one line each and arrows between them; where there are too many, tasks.

What a call made and what it held is left to other formats: a picture has no arrow from a call to those that it made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from redux.lineage.graph import Datum, EdgeKind, FileAt, Lineage, Node, NodeKind, Step, Whence

_WIDTH = 60
_WORDS: Mapping[Whence, str] = {
    Whence.RESULT: "results",
    Whence.GIVEN: "given values",
    Whence.CODE: "values made by code",
    Whence.MADE: "values made of results",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A box by its short `id`; it is one of the nodes that were asked about if it is a `root`."""

    id: str
    kind: NodeKind
    label: str
    root: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow between the boxes of two ids, with a label or an empty one."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows; `of_tasks` says that the calls of a task are one box, and so with their data."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    of_tasks: bool = False


def draw(lineage: Lineage, previews: bool, limit: int | None) -> Picture:
    """The picture of a lineage: of its tasks where it has more nodes than `limit`."""
    if limit is not None and len(lineage.nodes) > limit:
        return _of_tasks(lineage, limit)
    ids = {id: f"n{number}" for number, id in enumerate(lineage.nodes, 1)}
    boxes = (Box(ids[id], node.kind, _label(node, previews), id in lineage.roots) for id, node in lineage.nodes.items())
    flow = (edge for edge in lineage.edges if edge.kind is not EdgeKind.CHILD)
    arrows = (Arrow(ids[edge.source], ids[edge.target], one_line(edge.name)) for edge in flow)
    return Picture(tuple(boxes), tuple(arrows))


def one_line(text: str) -> str:
    """A text in one line of a picture, cut, and without what is not to be seen."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _label(node: Node, previews: bool) -> str:
    if isinstance(node, Step):
        return one_line(node.fullname)
    if isinstance(node, FileAt):
        return one_line(node.path)
    return one_line(node.preview if previews else node.type_name)


def _of_tasks(lineage: Lineage, limit: int) -> Picture:
    groups = _groups(lineage, by_folder=True)
    if len(set(groups.values())) > limit:
        groups = _groups(lineage, by_folder=False)
    counted = Counter(groups.values())
    ids = {group: f"n{number}" for number, group in enumerate(counted, 1)}
    roots = {groups[root] for root in lineage.roots}
    boxes = (
        Box(ids[group], group[0], one_line(group[1]) + (f" ×{count:,}" if count > 1 else ""), group in roots)
        for group, count in counted.items()
    )
    arrows = Counter(
        (ids[groups[edge.source]], ids[groups[edge.target]], one_line(edge.name))
        for edge in lineage.edges
        if edge.kind is not EdgeKind.CHILD and groups[edge.source] != groups[edge.target]
    )
    drawn = (Arrow(source, target, _times(name, count)) for (source, target, name), count in arrows.items())
    return Picture(tuple(boxes), tuple(drawn), of_tasks=True)


def _times(name: str, count: int) -> str:
    return " ".join((*filter(None, (name,)), *((f"×{count:,}",) if count > 1 else ())))


_Group = tuple[NodeKind, str]


def _groups(lineage: Lineage, by_folder: bool) -> dict[str, _Group]:
    """Which box each node is in: that of its task; data with the task that gave them or, given, that took them."""
    groups: dict[str, _Group] = {}
    for id, node in lineage.nodes.items():
        if isinstance(node, Step):
            groups[id] = node.kind, node.fullname
        elif isinstance(node, FileAt):
            groups[id] = NodeKind.FILE, f"files in {PurePosixPath(node.path).parent}" if by_folder else "files"
        else:
            groups[id] = NodeKind.VALUE, _words_for(lineage, node)
    return groups


def _words_for(lineage: Lineage, datum: Datum) -> str:
    near: Iterable[str] = (edge.source for edge in lineage.into.get(datum.id, ()))
    if datum.whence is not Whence.RESULT:
        near = (edge.target for edge in lineage.out_of.get(datum.id, ()))
    names = sorted({node.fullname for id in near if isinstance(node := lineage.nodes[id], Step)})
    beside = "of" if datum.whence is Whence.RESULT else "for"
    return f"{_WORDS[datum.whence]} {beside} {names[0]}" if names else _WORDS[datum.whence]


def say_of_tasks(lineage: Lineage, limit: int, whole: bool) -> str | None:
    """What people are told where the picture is one of tasks."""
    if whole or len(lineage.nodes) <= limit:
        return None
    return (
        f"{len(lineage.nodes):,} nodes are too many for a picture, so each box is a task, with the number of calls; "
        "--whole draws every node, and --upstream or --downstream with --depth a part"
    )
