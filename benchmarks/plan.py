"""What is measured: the cases, who takes part, at which size, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

MEMOIZERS = ("redux", "diskcache", "joblib")


@dataclass(frozen=True, slots=True)
class Entry:
    """An engine's part in a case."""

    engine: str
    size: int
    repeats: int = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of work; each phase is a fresh process on the same folder, which starts empty."""

    name: str
    measure: str
    phases: tuple[str, ...]
    entries: tuple[Entry, ...]

    def size_of(self, engine: str) -> int:
        """The size at which an engine takes part."""
        return next(entry.size for entry in self.entries if entry.engine == engine)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """Where a figure stands in the results."""

    case: str
    engine: str
    phase: str
    figure: str = "seconds"


def _entries(size: int, *engines: str, repeats: int = 5) -> tuple[Entry, ...]:
    return tuple(Entry(engine, size, repeats) for engine in engines)


TWICE = ("cold", "warm")
EDITS = ("cold", "warm", "changed", "changed back")
STARTS = ("python", "import", "help", "run")

CASES = (
    Case(
        "fan-out 1,000", "fan-out", TWICE,
        (*_entries(1_000, *MEMOIZERS, "floor"), Entry("redun", 1_000, 3)),
    ),
    Case("fan-out 10,000", "fan-out", TWICE, _entries(10_000, *MEMOIZERS, "floor")),
    Case(
        "fan-out 100,000", "fan-out", TWICE,
        (*_entries(100_000, "redux", "diskcache", "floor"), Entry("joblib", 100_000, 1)),
    ),
    Case("chain 1,000", "chain", TWICE, (*_entries(1_000, *MEMOIZERS), Entry("redun", 100, 3))),
    Case("hit", "hit", ("hot",), (*_entries(0, *MEMOIZERS, "floor"), Entry("redun", 0, 3))),
    Case("hit, 1 MB argument", "hit-array", ("hot",), (*_entries(1_000_000, *MEMOIZERS), Entry("redun", 1_000_000, 3))),
    Case("array 200 MB", "array", ("store", "load"), (*_entries(200, *MEMOIZERS, "floor"), Entry("redun", 200, 3))),
    Case("shallow 10,000", "shallow", ("fill", "again"), _entries(10_000, "redux")),
    Case("options 10,000", "options", TWICE, _entries(10_000, "redux")),
    Case("edits", "counted", EDITS, _entries(100, *MEMOIZERS, "redun", repeats=1)),
    Case("start-up", "start-up", STARTS, (*_entries(0, *MEMOIZERS, repeats=11), Entry("redun", 0, 3))),
)  # fmt: skip


def quick(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The same cases at toy sizes, once each: they show that everything runs, and nothing about speed."""
    return tuple(
        replace(case, entries=tuple(Entry(e.engine, _toy_size(case, e), 1) for e in case.entries))
        for case in cases
        if case.name != "fan-out 100,000"
    )


def _toy_size(case: Case, entry: Entry) -> int:
    if case.measure in ("hit", "start-up"):
        return entry.size
    return max(10, entry.size // (50 if entry.engine == "redun" else 10))


def only(cases: Iterable[Case], words: Iterable[str]) -> tuple[Case, ...]:
    """The cases and engines that the words name: each word is a part of a case's name, or an engine."""
    words = list(words)
    engines = {entry.engine for case in CASES for entry in case.entries}
    wanted = {word for word in words if word in engines} or engines
    parts = [word for word in words if word not in engines] or [""]
    named = [case for case in cases if any(part in case.name for part in parts)]
    return _keep(named, lambda case, entry: entry.engine in wanted)


def needed(cases: Iterable[Case], points: Iterable[Point]) -> tuple[Case, ...]:
    """What of the cases gives these points."""
    asked = {(point.case, point.engine) for point in points}
    return _keep(cases, lambda case, entry: (case.name, entry.engine) in asked)


def _keep(cases: Iterable[Case], wanted: Callable[[Case, Entry], bool]) -> tuple[Case, ...]:
    kept = (replace(case, entries=tuple(e for e in case.entries if wanted(case, e))) for case in cases)
    return tuple(case for case in kept if case.entries)
