"""The runner: installs the peers, takes the measurements in turn, prints the tables, and holds the limits."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import machine
from benchmarks.collect import Samples, collect, medians
from benchmarks.limits import LIMITS, judge, points_of
from benchmarks.measure import MeasurementFailed
from benchmarks.peers import PEERS, ROOT, install
from benchmarks.plan import CASES, Case, needed, only, quick
from benchmarks.table import limit_table, tables

README = ROOT / "benchmarks" / "README.md"
TABLES_BEGIN = "<!-- tables: written by `make bench` -->"
TOY_SIZES = "Toy sizes, whatever the titles say, and once each: nothing here is about speed."
FAILED, OVER_A_LIMIT = 1, 3


def main() -> int:
    """Exit codes: 0 fine, 1 a measurement failed, 3 a figure is over its limit (where --check asks)."""
    asked = _parse(sys.argv[1:])
    cases = _cases(asked)
    for name in sorted({entry.engine for case in cases for entry in case.entries}):
        install(PEERS[name])
    try:
        samples = collect(cases, asked.folder.resolve(), lambda line: print(line, file=sys.stderr, flush=True))
    except MeasurementFailed as failure:
        print(failure, file=sys.stderr)
        return FAILED
    results = medians(samples)
    shown = tables(cases, results)
    print(f"{TOY_SIZES}\n\n{shown}" if asked.quick else shown)
    verdicts = judge(LIMITS, results, print) if not asked.quick else ()
    if asked.json:
        _write_json(asked.json, samples)
    if asked.write_readme:
        _write_readme(f"{shown}\n\n### Limits\n\n{limit_table(verdicts)}")
    passed = [verdict for verdict in verdicts if not verdict.kept]
    return OVER_A_LIMIT if asked.check and passed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[], help="parts of names of cases, or engines")
    parser.add_argument("--quick", action="store_true", help="toy sizes, once each: shows that it runs, not how fast")
    parser.add_argument("--repeats", type=int, metavar="N", help="at most this many of each")
    parser.add_argument("--check", action="store_true", help="what the limits need, and 3 if one is exceeded")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--write-readme", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "out" / "bench", help="where the stores are made, on the disk to measure"
    )
    asked = parser.parse_args(arguments)
    if asked.quick and (asked.write_readme or asked.check):
        parser.error("--quick says nothing about speed: leave out --write-readme and --check")
    return asked


def _cases(asked: argparse.Namespace) -> tuple[Case, ...]:
    cases = quick(CASES) if asked.quick else CASES
    if asked.check:
        cases = needed(cases, points_of(LIMITS))
    if asked.only:
        cases = only(cases, asked.only)
    if asked.repeats:
        cases = _at_most(cases, asked.repeats)
    return cases


def _at_most(cases: Iterable[Case], repeats: int) -> tuple[Case, ...]:
    return tuple(
        replace(case, entries=tuple(replace(e, repeats=min(e.repeats, repeats)) for e in case.entries))
        for case in cases
    )


def _write_json(path: Path, samples: Samples) -> None:
    rows = [
        {"case": p.case, "engine": p.engine, "phase": p.phase, "figure": p.figure, "samples": taken}
        for p, taken in sorted(samples.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"schema": "redux.benchmarks/1", "machine": machine.describe(), "figures": rows}, indent=1)
    )


def _write_readme(shown: str) -> None:
    kept = README.read_text().partition(TABLES_BEGIN)[0]
    README.write_text(f"{kept}{TABLES_BEGIN}\n\nTaken on: {machine.describe()}.\n\n{shown}\n")
