"""The values, files and parameters of an RO-Crate, as entities of JSON-LD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from mimetypes import guess_type
from typing import Any
from urllib.parse import quote

from redux.exports.places import file_uri, is_folder, path_of
from redux.lineage.graph import EdgeKind, Lineage, Step
from redux_backends.records import Execution
from redux_valuestore.digest import Digest

_K = EdgeKind
Entity = dict[str, Any]


def ref(id: str) -> dict[str, str]:
    """A reference to an entity."""
    return {"@id": id}


def action_id(step: Step) -> str:
    """The id of the action that a step is."""
    return f"#{step.id}"


def person_id(execution: Execution) -> str:
    """The id of who began an execution."""
    return f"#user:{quote(execution.user.encode(errors='surrogatepass'), safe='')}"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments and results of tasks as parameters: for each, which data it was, and which parameters data were."""

    data: Mapping[tuple[Digest, str, str], tuple[str, ...]]
    """by task, `input` or `output`, and name"""
    of_data: Mapping[str, tuple[str, ...]]

    def named(self, task: Digest, kind: str) -> list[str]:
        """The ids of a task's inputs or outputs."""
        return [_parameter_id(*key) for key in self.data if key[:2] == (task, kind)]

    def entities(self) -> Iterator[Entity]:
        """The parameters."""
        for (task, kind, name), data in self.data.items():
            yield {
                "@id": _parameter_id(task, kind, name),
                "@type": "FormalParameter",
                "additionalType": "PropertyValue",
                "name": name,
                "description": f"{kind.capitalize()} {name} of the task",
                "workExample": [ref(f"#{one}") for one in data],
            }


def parameters_of(lineage: Lineage) -> Parameters:
    """The parameters of the tasks of a lineage."""
    data: dict[tuple[Digest, str, str], dict[str, None]] = {}
    of_data: dict[str, dict[str, None]] = {}
    for edge in lineage.edges:
        ends = {
            _K.ARGUMENT: (edge.target, "input", edge.name, edge.source),
            _K.RESULT: (edge.source, "output", "result", edge.target),
        }
        if edge.kind not in ends:
            continue
        at, kind, name, datum = ends[edge.kind]
        step = lineage.nodes[at]
        assert isinstance(step, Step)
        data.setdefault((step.task_hash, kind, name), {})[datum] = None
        of_data.setdefault(datum, {})[_parameter_id(step.task_hash, kind, name)] = None
    return Parameters({key: tuple(one) for key, one in data.items()}, {key: tuple(one) for key, one in of_data.items()})


def _parameter_id(task: Digest, kind: str, name: str) -> str:
    return f"#{kind}:{task.hex()}:{quote(name.encode(errors='surrogatepass'), safe='')}"


def data_entities(lineage: Lineage, previews: bool, parameters: Parameters) -> Iterator[Entity]:
    """Values: what each is made of (`isBasedOn`), and the files that it holds (`valueReference`)."""
    uris = {file.id: file_uri(file, lineage) for file in lineage.files}
    for datum in lineage.data:
        into, out_of = lineage.into.get(datum.id, ()), lineage.out_of.get(datum.id, ())
        shown = {"value": datum.preview} if previews else {}
        made = [ref(f"#{edge.source}") for edge in into if edge.kind in (_K.RETURNED, _K.UPSTREAM)]
        held = [edge.source for edge in into if edge.kind is _K.HOLDS]
        held += [edge.target for edge in out_of if edge.kind is _K.HOLDS]
        examples = [ref(one) for one in parameters.of_data.get(datum.id, ())]
        yield {
            "@id": f"#{datum.id}",
            "@type": "PropertyValue",
            "name": datum.type_name,
            "propertyID": datum.whence.value,
            "identifier": datum.value.hex(),
            **shown,
            **_where({"isBasedOn": made, "valueReference": [ref(uris[id]) for id in held], "exampleOfWork": examples}),
        }


def _where(lists: Mapping[str, list[dict[str, str]]]) -> Entity:
    return {name: one for name, one in lists.items() if one}


def file_entities(lineage: Lineage) -> Iterable[Entity]:
    """Files, folders and patterns, by their path as recorded and their content."""
    for file in lineage.files:
        content = {"identifier": file.content.hex()} if file.content is not None else {}
        kind = guess_type(path_of(file))[0] or "application/octet-stream"
        yield {
            "@id": file_uri(file, lineage),
            "@type": "Dataset" if is_folder(file) else "File",
            "name": path_of(file),
            "alternateName": file.path,
            **({} if is_folder(file) else {"encodingFormat": kind}),
            **content,
        }
