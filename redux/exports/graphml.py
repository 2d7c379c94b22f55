"""The graph as GraphML, written by networkx: nodes and edges with the attributes that `redux.graph` gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from redux.exports.terms import Exporter, Terms
from redux.lineage.graph import Lineage
from redux.lineage.networks import to_networkx

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may have, not even escaped."""


def write_graphml(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """The graph; what it has as a whole is JSON in its attributes. Raises `NoNetworkx`."""
    graph = to_networkx(lineage, terms.previews)
    import networkx  # noqa: PLC0415 - an extra, and slow to import

    graph.graph = {name: json.dumps(value) for name, value in graph.graph.items()}
    for _, attributes in graph.nodes(data=True):
        _clean(attributes)
    named = networkx.MultiDiGraph(**graph.graph)
    named.add_nodes_from(graph.nodes(data=True))
    for source, target, attributes in graph.edges(data=True):
        _clean(attributes)
        named.add_edge(source, target, **attributes)
    for line in networkx.generate_graphml(named):
        yield line + "\n"


def _clean(attributes: dict[str, str | int | float]) -> None:
    for name, value in attributes.items():
        if isinstance(value, str):
            attributes[name] = _ILLEGAL.sub("\ufffd", value)


EXPORTER = Exporter(write_graphml)
