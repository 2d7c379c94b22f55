"""`redux explain-miss` of fan-outs: a call is compared with the earlier one it stands in for, not with its siblings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WORKFLOW = """\
from dataclasses import dataclass

from redux import File, task


@dataclass(frozen=True)
class Cleaner:
    high: float


@task
def clean(f: File, cleaner: Cleaner) -> int:
    return len(f.read())


@task
def main(folder: str, high: float) -> list[int]:
    return [clean(File(f"{folder}/{name}.csv"), Cleaner(high)) for name in ("m00", "m01", "m02", "m03", "zz")]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(WORKFLOW)
    (tmp_path / "data").mkdir()
    for name in ("m00", "m01", "m02", "m03", "zz"):
        (tmp_path / f"data/{name}.csv").write_text(name)
    return tmp_path


def redux(folder: Path, *words: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REDUX_")}
    command = [sys.executable, "-P", "-m", "redux", *words]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=60, check=True).stdout


def run(folder: Path, high: str) -> dict[str, int]:
    """The root causes of a run, with the number of jobs of `clean` that ran for each."""
    redux(folder, "run", "--quiet", "flow.py", "main", "data", high)
    misses = json.loads(redux(folder, "explain-miss", "--json"))["misses"]
    return {
        miss["cause"]["words"]: one["count"]
        for miss in misses
        for one in miss["affected"]
        if one["fullname"] == "clean"
    }


def clean_of(folder: Path) -> dict[str, Any]:
    """What is said of the last call of `clean` that ran."""
    return json.loads(redux(folder, "explain-miss", "clean", "--json"))


def test_a_fan_out_names_what_changed_since_the_run_before(folder: Path) -> None:
    run(folder, "3.0")
    assert run(folder, "4.0") == {"main was called with high=4.0 instead of 3.0": 5}
    said = clean_of(folder)
    assert said["cause"]["words"] == "called with another value of cleaner"
    assert [(each["name"], each["before"], each["now"]) for each in said["cause"]["arguments"]] == [
        ("cleaner", "Cleaner(high=3.0)", "Cleaner(high=4.0)")
    ]
    assert (said["compared"]["equal"], said["compared"]["of"], said["compared"]["same_place"]) == (1, 2, True)
    assert [[via["fullname"] for via in root["path"]] for root in said["roots"]] == [["main", "clean"]]

    (folder / "data/m03.csv").write_text("edited")
    assert run(folder, "4.0") == {"data/m03.csv changed": 1}
    cause = clean_of(folder)["cause"]
    assert cause["words"] == "the content of data/m03.csv changed"
    assert [(each["name"], each["file"]) for each in cause["arguments"]] == [("f", "data/m03.csv")]
    assert "\n  f: the content of data/m03.csv changed\n" in redux(folder, "explain-miss", "clean")

    (folder / "data/m03.csv").write_text("edited again")
    (folder / "flow.py").write_text(WORKFLOW.replace('"m00", "m01", "m02", "m03", "zz"', '"m03",'))
    causes = run(folder, "5.0")
    assert set(causes) == {
        "task main changed",
        "data/m03.csv changed",
        "main was called with high=5.0 instead of 4.0",
    }
    words = "the content of data/m03.csv changed, and it was called with another value of cleaner"
    assert clean_of(folder)["cause"]["words"] == words
