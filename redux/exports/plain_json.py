"""The graph as JSON under a schema of our own, a node or edge a line, so that it is made piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from redux.exports.terms import Exporter, Terms
from redux.lineage.attributes import edge_attributes, execution_attributes, node_attributes, task_attributes
from redux.lineage.graph import Lineage

SCHEMA = "redux.lineage/1"


def write_json(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """The graph: `roots`, `executions`, `tasks`, `nodes` with their `id`, and `edges` from `source` to `target`."""
    yield f'{{"schema": {json.dumps(SCHEMA)},\n"roots": {json.dumps(list(lineage.roots))},\n"executions": '
    yield from _list(execution_attributes(each) for each in lineage.executions)
    yield ',\n"tasks": '
    yield from _list(task_attributes(each) for each in lineage.tasks.values())
    yield ',\n"nodes": '
    yield from _list({"id": id, **node_attributes(node, terms.previews)} for id, node in lineage.nodes.items())
    yield ',\n"edges": '
    yield from _list({"source": e.source, "target": e.target, **edge_attributes(e)} for e in lineage.edges)
    yield "}\n"


def _list(items: Iterable[object]) -> Iterator[str]:
    between = "[\n"
    for item in items:
        yield f"{between}{json.dumps(item)}"
        between = ",\n"
    yield "]" if between != "[\n" else "[]"


EXPORTER = Exporter(write_json)
