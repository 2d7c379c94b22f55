"""OpenLineage: for each call an event of its start and one of its end, each a line of JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

from redux.exports.places import ended, failed, file_uri, moment, started
from redux.exports.terms import Exporter, Terms
from redux.lineage.attributes import node_attributes
from redux.lineage.graph import Edge, EdgeKind, FileAt, Lineage, Step
from redux.release import version
from redux.secret_names import redacted_words
from redux_backends.records import JobStatus

_K = EdgeKind
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_CUSTOM = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/"
NAMESPACE = "redux"


def write_openlineage(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """The events, call by call in the order of their start: START, then COMPLETE, FAIL or ABORT with what it gave.

    Data that no call gave, because code made them or they are made of others, say so in the facet `redux_origin`.
    """
    told = _Told(lineage, terms)
    for step in lineage.steps:
        run, job = {"runId": run_id(step)}, {"namespace": NAMESPACE, "name": step.fullname}
        inputs = [_dataset(edge, told) for edge in lineage.into.get(step.id, ()) if edge.kind is _K.ARGUMENT]
        begun = {
            "run": {**run, "facets": _run_facets(lineage, step)},
            "job": {**job, "facets": _job_facets(lineage, step)},
            "inputs": inputs,
            "outputs": [],
        }
        yield _event("START", moment(started(step)), begun)
        end = ended(step)
        if end is not None:
            # What the start said holds for the end too, so it is not said again.
            gave = [edge for edge in lineage.out_of.get(step.id, ()) if edge.kind in (_K.RESULT, _K.CODE)]
            outputs = [_dataset(edge, told) for edge in gave]
            yield _event(_end_of(step), moment(end), {"run": run, "job": job, "inputs": [], "outputs": outputs})


def _event(kind: str, at: str, said: dict[str, object]) -> str:
    event = {"eventTime": at, "eventType": kind, **said, "producer": _producer(), "schemaURL": _EVENT}
    return json.dumps(event) + "\n"


def run_id(step: Step) -> str:
    """The run of a step: its job's id, or the beginning of its call's hash, as a UUID."""
    id = step.job.id if step.job is not None else step.call
    assert id is not None
    return str(uuid.UUID(bytes=bytes(id[:16])))


def _producer() -> str:
    return f"urn:redux:{version}"


def _facet(kind: str, /, **said: object) -> dict[str, object]:
    return {"_producer": _producer(), "_schemaURL": f"{_CUSTOM}{kind}", **said}


def _end_of(step: Step) -> str:
    if not failed(step):
        return "COMPLETE"
    return "FAIL" if step.job is not None and step.job.status is JobStatus.FAILED else "ABORT"


def _run_facets(lineage: Lineage, step: Step) -> dict[str, object]:
    said = {name: value for name, value in node_attributes(step).items() if name != "label"}
    facets: dict[str, object] = {"redux_call": _facet("RunFacet", node=step.id, **said)}
    callers = [lineage.nodes[edge.source] for edge in lineage.into.get(step.id, ()) if edge.kind is _K.CHILD]
    steps = [caller for caller in callers if isinstance(caller, Step)]
    if steps:
        run, job = {"runId": run_id(steps[0])}, {"namespace": NAMESPACE, "name": steps[0].fullname}
        facets["parent"] = _facet("RunFacet", run=run, job=job)
        facets["redux_callers"] = _facet("RunFacet", nodes=[caller.id for caller in steps])
    execution = next((one for one in lineage.executions if step.job and one.id == step.job.execution), None)
    if execution is not None:
        said = {"argv": list(redacted_words(execution.argv)), "user": execution.user, "cwd": execution.cwd}
        facets["redux_execution"] = _facet("RunFacet", execution=execution.id.hex(), **said)
    return facets


def _job_facets(lineage: Lineage, step: Step) -> dict[str, object]:
    task = lineage.tasks.get(step.task_hash)
    if task is None or not task.pieces:
        return {}
    source = "\n\n".join(piece.source for piece in task.pieces)
    return {"sourceCode": _facet("JobFacet", language="python", sourceCode=source)}


def _dataset(edge: Edge, told: _Told) -> dict[str, object]:
    """A value as a dataset, with the argument that it was."""
    id = edge.source if edge.kind is _K.ARGUMENT else edge.target
    facets = told.facets(id)
    if edge.name:
        facets = {**facets, "redux_argument": _facet("DatasetFacet", name=edge.name)}
    return {"namespace": NAMESPACE, "name": id, "facets": facets}


class _Told:
    """What is said of values; found once for each, since one may be an argument of thousands of calls."""

    def __init__(self, lineage: Lineage, terms: Terms) -> None:
        self._lineage = lineage
        self._terms = terms
        self._known: dict[str, dict[str, object]] = {}

    def facets(self, id: str) -> dict[str, object]:
        """What a value is, what it was made of, and the files it holds."""
        if id not in self._known:
            self._known[id] = self._find(id)
        return self._known[id]

    def _find(self, id: str) -> dict[str, object]:
        lineage = self._lineage
        said = node_attributes(lineage.nodes[id], self._terms.previews)
        del said["label"]
        facets: dict[str, object] = {"redux_value": _facet("DatasetFacet", **said)}
        into = [one for one in lineage.into.get(id, ()) if one.kind is not _K.RESULT]
        if into:
            made = [{"node": one.source, "kind": one.kind.value, "name": one.name} for one in into]
            facets["redux_origin"] = _facet("DatasetFacet", sources=made)
        files = [lineage.nodes[one.source] for one in into if one.kind is _K.HOLDS]
        wrote = [lineage.nodes[one.target] for one in lineage.out_of.get(id, ()) if one.kind is _K.HOLDS]
        held = [
            {"path": one.path, "uri": file_uri(one, lineage), "node": one.id, "wrote": one in wrote}
            for one in (*files, *wrote)
            if isinstance(one, FileAt)
        ]
        if held:
            facets["redux_files"] = _facet("DatasetFacet", files=held)
        return facets


EXPORTER = Exporter(write_openlineage)
