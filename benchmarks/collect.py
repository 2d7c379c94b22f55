"""Takes the measurements of a plan, the engines in turn, and keeps the median of each figure."""

from __future__ import annotations

import shutil
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks import startup
from benchmarks.measure import Figures, take
from benchmarks.peers import PEERS, WORKLOADS, Peer
from benchmarks.plan import Case, Entry, Point

EDITED_LINE = "return i + 1  # the line that a code change edits"
CHANGED_LINE = "return i + 2  # the line that a code change edits"

Samples = dict[Point, list[float]]


def collect(cases: Iterable[Case], folder: Path, show: Callable[[str], None]) -> Samples:
    """All samples of all figures, taken under `folder`, which is emptied as it goes. Raises `MeasurementFailed`."""
    samples: Samples = defaultdict(list)
    for case in cases:
        for turn in range(max(entry.repeats for entry in case.entries)):
            taking_part = [entry for entry in case.entries if turn < entry.repeats]
            _take_turn(case, taking_part, folder, samples, show)
    return samples


def medians(samples: Samples) -> dict[Point, float]:
    """The median of every figure."""
    return {point: statistics.median(taken) for point, taken in samples.items()}


def _take_turn(
    case: Case, entries: Iterable[Entry], folder: Path, samples: Samples, show: Callable[[str], None]
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for entry in entries:
        for phase, figures in _phases(case, entry, PEERS[entry.engine], folder / entry.engine):
            show(_line(case, entry, phase, figures))
            for name, figure in figures.items():
                samples[Point(case.name, entry.engine, phase, name)].append(figure)
    shutil.rmtree(folder, ignore_errors=True)


def _phases(case: Case, entry: Entry, peer: Peer, folder: Path) -> Iterator[tuple[str, Figures]]:
    if case.measure == "start-up":
        yield from startup.take_all(peer, folder)
        return
    workloads = WORKLOADS
    if case.measure == "counted":
        workloads = folder / "code"
        shutil.copytree(WORKLOADS, workloads)
    for phase in case.phases:
        if case.measure == "counted":
            _edit(workloads / peer.script, phase)
        yield phase, take(peer, case.measure, entry.size, folder, workloads)


def _edit(script: Path, phase: str) -> None:
    original = (WORKLOADS / script.name).read_text()
    assert EDITED_LINE in original
    script.write_text(original.replace(EDITED_LINE, CHANGED_LINE) if phase == "changed" else original)


def _line(case: Case, entry: Entry, phase: str, figures: Figures) -> str:
    shown = ", ".join(f"{name} {figure:,.4g}" for name, figure in figures.items())
    return f"{case.name} | {entry.engine} ({entry.size:,}) | {phase} | {shown}"
