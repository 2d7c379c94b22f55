"""Pages of values and files as plain data: what they came from is a graph, as `--upstream --json` has it."""

from __future__ import annotations

import dataclasses

from redux.cli.pages import FilePage, ValuePage
from redux.lineage.attributes import edge_attributes, node_attributes
from redux.lineage.graph import Lineage


def value_data(page: ValuePage) -> dict[str, object]:
    """The page of a value."""
    plain = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    return {**plain, "upstream": None if page.upstream is None else _graph(page.upstream)}


def file_data(page: FilePage) -> dict[str, object]:
    """The page of a file."""
    plain = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    return {**plain, "page": value_data(page.page)}


def _graph(lineage: Lineage) -> dict[str, object]:
    return {
        "roots": lineage.roots,
        "nodes": [{"id": id, **node_attributes(node)} for id, node in lineage.nodes.items()],
        "edges": [{"source": one.source, "target": one.target, **edge_attributes(one)} for one in lineage.edges],
    }
