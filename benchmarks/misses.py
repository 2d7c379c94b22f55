"""How long `redux explain-miss` takes of an execution after one helper was edited: `python -m benchmarks.misses`.

A workflow of half as many chains as it has jobs runs, its helper is edited, and it runs again. The command is timed as
a whole process, start-up included, and must name exactly the helper; its statements are counted, and must be as many
for every size. Ends with 3 where one of that fails, or where 10,000 jobs take longer than the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from redux.explain import group_causes
from redux_backends.sql import SQLiteBackend

WORKFLOW = """\
from redux import task


def normalise(number):
    return number * 2


@task
def clean(number: int) -> int:
    return normalise(number)


@task
def score(number: int, scale: int) -> int:
    return number * scale


@task
def total(scores: list[int]) -> int:
    return sum(scores)


@task
def main(width: int) -> int:
    return total([score(clean(number), 3) for number in range(width)])
"""
HELPER = "function flow.normalise changed"
LIMIT = 1.5
"""Seconds for 10,000 jobs, on an idle machine."""


@dataclass(frozen=True, slots=True)
class Told:
    """What explaining took, and the causes that were named."""

    seconds: float
    statements: int
    causes: list[str]


def redux(folder: Path, *words: str) -> str:
    """What a command says, in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REDUX_")}
    command = [sys.executable, "-m", "redux", *words]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=True).stdout


def make_history(folder: Path, jobs: int) -> None:
    """Run the workflow with about so many jobs, and again with its helper edited."""
    path = folder / "flow.py"
    path.write_text(WORKFLOW)
    for text in (WORKFLOW, WORKFLOW.replace("number * 2", "number * 2 + 1")):
        path.write_text(text)
        redux(folder, "run", "--quiet", "flow.py", "main", str(jobs // 2))


def count_statements(folder: Path) -> int:
    """The statements that it takes to explain the last execution."""
    backend = SQLiteBackend(folder / ".redux" / "redux.db")
    backend.load()
    (last,) = backend.executions(1)
    heard: list[str] = []
    with backend._database.driver() as driver:
        driver.set_trace_callback(heard.append)
    group_causes(backend, last.id)
    count = len(heard)
    backend.close()
    return count


def measure(folder: Path, times: int = 3) -> Told:
    """How the last execution in a folder is explained, the best of several times."""
    taken: list[float] = []
    said = ""
    for _ in range(times):
        began = time.perf_counter()
        said = redux(folder, "explain-miss", "--json")
        taken.append(time.perf_counter() - began)
    causes = [miss["cause"]["words"] for miss in json.loads(said)["misses"]]
    return Told(min(taken), count_statements(folder), causes)


def main() -> int:
    """Measure every size, and say what became of the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    given = parser.parse_args()
    passed, statements = True, set[int]()
    for jobs in given.jobs:
        with tempfile.TemporaryDirectory() as folder:
            make_history(Path(folder), jobs)
            told = measure(Path(folder))
        statements.add(told.statements)
        passed &= told.causes == [HELPER] and (jobs > 10_000 or told.seconds <= LIMIT)
        sys.stdout.write(f"{jobs:9,} jobs  {told.seconds:6.2f} s  {told.statements} statements  {told.causes}\n")
        sys.stdout.flush()
    return 0 if passed and len(statements) == 1 else 3


if __name__ == "__main__":
    sys.exit(main())
