"""W3C PROV as PROV-JSON: calls are activities, values and files entities, tasks plans, and who ran them agents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from redux.exports.places import ended, moment, started
from redux.exports.terms import Exporter, Terms
from redux.lineage.attributes import node_attributes
from redux.lineage.graph import Edge, EdgeKind, FileAt, Lineage, Node, Step
from redux.secret_names import redacted_words

_K = EdgeKind
_Records = Iterable[tuple[str, dict[str, object]]]


def write_prov(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """The graph in the names of PROV-DM: used, wasGeneratedBy, wasDerivedFrom, wasInformedBy, hadMember."""
    yield '{"prefix": {"redux": "urn:redux:"}'
    for section, records in (
        ("entity", _entities(lineage, terms)),
        ("activity", _activities(lineage, terms)),
        ("agent", _agents(lineage)),
        ("used", _relations(lineage, (_K.ARGUMENT,), ("prov:activity", "prov:entity"))),
        ("wasGeneratedBy", _relations(lineage, (_K.RESULT, _K.CODE), ("prov:entity", "prov:activity"))),
        ("wasDerivedFrom", _relations(lineage, (_K.RETURNED, _K.UPSTREAM), _DERIVED)),
        ("hadMember", _relations(lineage, (_K.HOLDS,), ())),
        ("wasInformedBy", _relations(lineage, (_K.CHILD,), ("prov:informed", "prov:informant"))),
        ("wasAssociatedWith", _associations(lineage)),
    ):
        yield from _section(section, records)
    yield "}\n"


_DERIVED = ("prov:generatedEntity", "prov:usedEntity")


def name_of(id: str) -> str:
    """A node's id as PROV's qualified names have it."""
    return "redux:" + id.replace(":", ".")


def _section(section: str, records: _Records) -> Iterator[str]:
    between = f',\n"{section}": {{\n'
    for name, record in records:
        yield f"{between}{json.dumps(name)}: {json.dumps(record)}"
        between = ",\n"
    if between == ",\n":
        yield "}"


def _typed(node: Node, terms: Terms) -> dict[str, object]:
    attributes = node_attributes(node, terms.previews)
    label: dict[str, object] = {"prov:label": attributes.pop("label")}
    kind = {"prov:type": {"$": f"redux:{attributes.pop('kind')}", "type": "prov:QUALIFIED_NAME"}}
    return label | kind | {f"redux:{name}": value for name, value in attributes.items()}


def _entities(lineage: Lineage, terms: Terms) -> _Records:
    for id, node in lineage.nodes.items():
        if not isinstance(node, Step):
            yield name_of(id), _typed(node, terms)
    for task in lineage.tasks.values():
        plan = {"$": "prov:Plan", "type": "prov:QUALIFIED_NAME"}
        yield (
            _plan(task.hash),
            {
                "prov:label": task.fullname,
                "prov:type": plan,
                "redux:task_hash": task.hash.hex(),
                "redux:source": "\n\n".join(piece.source for piece in task.pieces),
            },
        )


def _plan(task_hash: bytes) -> str:
    return f"redux:task.{task_hash.hex()}"


def _activities(lineage: Lineage, terms: Terms) -> _Records:
    for step in lineage.steps:
        end = ended(step)
        over = {"prov:endTime": moment(end)} if end is not None else {}
        yield name_of(step.id), {"prov:startTime": moment(started(step)), **over, **_typed(step, terms)}


def _agents(lineage: Lineage) -> _Records:
    for execution in lineage.executions:
        person = {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}
        yield (
            f"redux:execution.{execution.id.hex()}",
            {
                "prov:label": execution.user,
                "prov:type": person,
                "redux:argv": json.dumps(list(redacted_words(execution.argv))),
                "redux:cwd": execution.cwd,
            },
        )


def _relations(lineage: Lineage, kinds: tuple[EdgeKind, ...], roles: tuple[str, ...]) -> _Records:
    for number, edge in enumerate(lineage.edges):
        if edge.kind in kinds:
            yield f"_:e{number}", _relation(lineage, edge, roles)


def _relation(lineage: Lineage, edge: Edge, roles: tuple[str, ...]) -> dict[str, object]:
    if edge.kind is _K.HOLDS:
        # A collection and its member, whichever of the two was first.
        held_first = isinstance(lineage.nodes[edge.source], FileAt)
        holder, file = (edge.target, edge.source) if held_first else (edge.source, edge.target)
        return {"prov:collection": name_of(holder), "prov:entity": name_of(file)}
    later, earlier = roles
    said: dict[str, object] = {later: name_of(edge.target), earlier: name_of(edge.source)}
    if edge.kind is _K.CHILD:
        return said
    derived = edge.kind in (_K.UPSTREAM, _K.RETURNED)
    return said | {"redux:kind" if derived else "prov:role": edge.name or edge.kind.value}


def _associations(lineage: Lineage) -> _Records:
    began = {execution.id for execution in lineage.executions}
    for number, step in enumerate(lineage.steps):
        agent = step.job.execution if step.job is not None and step.job.execution in began else None
        who = {"prov:agent": f"redux:execution.{agent.hex()}"} if agent is not None else {}
        plan = {"prov:plan": _plan(step.task_hash)} if step.task_hash in lineage.tasks else {}
        yield f"_:a{number}", {"prov:activity": name_of(step.id), **who, **plan}


EXPORTER = Exporter(write_prov)
