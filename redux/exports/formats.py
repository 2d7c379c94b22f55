"""The formats by name: our own, and those that installed packages add under the entry-point group `redux.exporters`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from redux.errors import UsageError, nearest
from redux.exports.terms import Exporter

GROUP = "redux.exporters"
OWN: Mapping[str, str] = {
    "mermaid": "redux.exports.mermaid",
    "dot": "redux.exports.dot",
    "graphml": "redux.exports.graphml",
    "json": "redux.exports.plain_json",
    "ro-crate": "redux.exports.ro_crate",
    "openlineage": "redux.exports.openlineage",
    "prov": "redux.exports.prov",
}
"""Our own formats, and the modules whose EXPORTER they are."""


def format_names() -> list[str]:
    """The names of all formats, our own first."""
    return [*OWN, *sorted({point.name for point in entry_points(group=GROUP)} - OWN.keys())]


def find_exporter(name: str) -> Exporter:
    """The format of this name. Raises UsageError."""
    if name in OWN:
        return import_module(OWN[name]).EXPORTER
    for point in entry_points(group=GROUP, name=name):
        found = _load(point)
        if not isinstance(found, Exporter):
            raise UsageError(f"the format {name!r}, {point.value}, is no redux.exports.terms.Exporter")
        return found
    raise UsageError(
        f"there is no format {name!r}{nearest(name, format_names())}; {', '.join(format_names())} are known"
    )


def _load(point: EntryPoint) -> object:
    """What an installed package gives as a format. Raises UsageError where it cannot be imported."""
    try:
        return point.load()
    except Exception as error:  # somebody else's module may raise anything
        raise UsageError(
            f"the format {point.name!r}, {point.value}, cannot be loaded ({type(error).__name__}: {error}); see to the "
            "package that adds it"
        ) from error
