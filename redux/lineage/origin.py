"""The call that made a datum: the innermost one, where those around it only handed on what it gave."""

from __future__ import annotations

from dataclasses import dataclass

from redux.lineage.graph import Datum, EdgeKind, FileAt, Lineage, Step


@dataclass(frozen=True, slots=True)
class Origin:
    """A result that is as the innermost call gave it, and the tasks that only handed it on, outermost first.

    `datum` is that call's result, by its node's id. `step` is None where the call is further back than was read.
    """

    datum: str
    step: Step | None
    handed_on: tuple[str, ...]


def origin_of(lineage: Lineage, datum: str) -> Origin:
    """Where a datum that is a call's result came from."""
    passed: list[str] = []
    while True:
        below = [edge.source for edge in lineage.into.get(datum, ()) if edge.kind is EdgeKind.RETURNED]
        if len(below) != 1 or not _same(lineage, datum, below[0]):
            break
        node = lineage.nodes[datum]
        passed.append(node.task if isinstance(node, Datum) else "")
        datum = below[0]
    made = [edge.source for edge in lineage.into.get(datum, ()) if edge.kind is EdgeKind.RESULT]
    step = lineage.nodes[made[0]] if made else None
    return Origin(datum, step if isinstance(step, Step) else None, tuple(passed))


def written_by(lineage: Lineage, root: str) -> Origin | None:
    """The call that gave a root, or wrote it where it is a file; None where no call did."""
    node = lineage.nodes[root]
    data = [edge.source for edge in lineage.into.get(root, ()) if edge.kind is EdgeKind.HOLDS]
    starts = data if isinstance(node, FileAt) else [root]
    found = [origin_of(lineage, one) for one in starts if isinstance(lineage.nodes[one], Datum)]
    return next((one for one in found if one.step is not None), None)


def _same(lineage: Lineage, one: str, other: str) -> bool:
    first, second = lineage.nodes[one], lineage.nodes[other]
    return isinstance(first, Datum) and isinstance(second, Datum) and first.value == second.value
