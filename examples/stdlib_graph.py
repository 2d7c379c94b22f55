"""The import graph: from names to links, from links to ranks and cycles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

import networkx as nx
from stdlib_source import Imports

Graph = dict[str, list[str]]
"""Each module, and the modules it imports; both sorted, so that equal graphs are equal values."""

_DAMPING = 0.85
_ROUNDS = 100
_TESTS = frozenset({"test", "tests", "idle_test"})


@dataclass(frozen=True, slots=True)
class Links:
    """Imports that are modules here, and how many modules name each one that isn't (`sys`: it is C)."""

    eager: Graph
    every: Graph
    """the deferred ones too"""
    elsewhere: dict[str, int]


def link(imports: Mapping[str, Imports]) -> Links:
    """Resolve what each module imports among the modules themselves."""
    eager: Graph = {}
    every: Graph = {}
    elsewhere: Counter[str] = Counter()
    for module in sorted(imports):
        found = imports[module]
        eager[module] = _resolve(found.eager, imports, module)
        every[module] = _resolve([*found.eager, *found.deferred], imports, module)
        names = (*found.eager, *found.deferred)
        elsewhere.update({_top(name) for name in names if not nearest_module(name, imports)})
    return Links(eager, every, dict(sorted(elsewhere.items())))


def nearest_module(name: str, modules: Container[str]) -> str:
    """The longest part of a dotted name that is a module: of `os.path.join`, `os`. Empty where none is."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def _top(name: str) -> str:
    # A relative import that leads out of the library keeps its dots.
    return name.lstrip(".").partition(".")[0]


def _resolve(names: Iterable[str], modules: Container[str], importer: str) -> list[str]:
    found = {nearest_module(name, modules) for name in names}
    return sorted(found - {"", importer})


def is_test(module: str) -> bool:
    """Whether a module belongs to a test suite."""
    return not _TESTS.isdisjoint(module.split("."))


def leave_out_tests(graph: Graph) -> Graph:
    """The library itself: a graph without its test suites."""
    return {
        module: [name for name in imported if not is_test(name)]
        for module, imported in graph.items()
        if not is_test(module)
    }


def fold_packages(graph: Graph) -> Graph:
    """The graph of top-level names: `email.parser` and all its siblings are `email`."""
    folded: dict[str, set[str]] = {}
    for module, imported in graph.items():
        top = module.partition(".")[0]
        folded.setdefault(top, set()).update(name.partition(".")[0] for name in imported)
    return {top: sorted(imported - {top}) for top, imported in sorted(folded.items())}


def count_importers(graph: Graph) -> dict[str, int]:
    """How many others import each module."""
    importers = Counter(name for imported in graph.values() for name in imported)
    return {module: importers[module] for module in graph}


def rank_modules(graph: Graph) -> dict[str, float]:
    """PageRank, highest first: a module counts as much as those that import it; ranks add up to 1.

    The one of networkx needs SciPy.
    """
    ranks = dict.fromkeys(graph, 1 / max(len(graph), 1))
    for _ in range(_ROUNDS):
        # A module that imports nothing leaves its weight to everybody.
        spare = sum(ranks[module] for module, imported in graph.items() if not imported)
        following = dict.fromkeys(graph, (1 - _DAMPING + _DAMPING * spare) / max(len(graph), 1))
        for module, imported in graph.items():
            for name in imported:
                following[name] += _DAMPING * ranks[module] / len(imported)
        ranks = following
    rounded = {module: round(rank, 6) for module, rank in ranks.items()}
    return dict(sorted(rounded.items(), key=lambda item: (-item[1], item[0])))


def find_cycles(graph: Graph) -> list[list[str]]:
    """Groups of modules that each import, directly or not, all others of their group; largest first."""
    links = [(module, name) for module, imported in graph.items() for name in imported]
    groups = nx.strongly_connected_components(nx.DiGraph(links))
    several = [sorted(group) for group in groups if len(group) > 1]
    return sorted(several, key=lambda group: (-len(group), group))
