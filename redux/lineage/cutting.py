"""A part of a lineage: what is upstream or downstream of some nodes, so many steps away."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from redux.lineage.graph import Direction, EdgeKind, Lineage, Step


def cut(lineage: Lineage, roots: Iterable[str], direction: Direction, depth: int | None = None) -> Lineage:
    """The part that is upstream or downstream of `roots`, through at most `depth` steps; None for all of it."""
    given = [root for root in dict.fromkeys(roots) if root in lineage.nodes]
    kept: set[str] = set()
    if direction is not Direction.DOWNSTREAM:
        kept |= _reached(lineage, given, False, depth)
    if direction is not Direction.UPSTREAM:
        kept |= _reached(lineage, given, True, depth)
    return keep(lineage, kept, given)


def keep(lineage: Lineage, kept: Collection[str], roots: Iterable[str]) -> Lineage:
    """The part that is made of some nodes, and the edges between them."""
    nodes = {id: node for id, node in lineage.nodes.items() if id in kept}
    steps = [node for node in nodes.values() if isinstance(node, Step)]
    executions = {step.job.execution for step in steps if step.job is not None}
    tasks = {step.task_hash for step in steps}
    return replace(
        lineage,
        nodes=nodes,
        edges=[edge for edge in lineage.edges if edge.source in kept and edge.target in kept],
        roots=tuple(roots),
        tasks={hash: task for hash, task in lineage.tasks.items() if hash in tasks},
        executions=[one for one in lineage.executions if one.id in executions],
    )


def _reached(lineage: Lineage, roots: list[str], forward: bool, depth: int | None) -> set[str]:
    """The nodes that data came from, or went to; steps count, data and files between them do not."""
    # A step is one further than what is before it, so nearer nodes are looked at first.
    distance = dict.fromkeys(roots, 0)
    waiting = deque(roots)
    while waiting:
        id = waiting.popleft()
        for edge in (lineage.out_of if forward else lineage.into).get(id, ()):
            if edge.kind is EdgeKind.CHILD:
                continue
            other = edge.target if forward else edge.source
            far = distance[id] + isinstance(lineage.nodes.get(other), Step)
            if (depth is not None and far > depth) or far >= distance.get(other, far + 1):
                continue
            distance[other] = far
            if far == distance[id]:
                waiting.appendleft(other)
            else:
                waiting.append(other)
    return set(distance)
