"""`redux explain-miss` of fan-outs: a call is compared with the earlier one it stands in for, not with its siblings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .commands import told as redux

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


def causes_of(folder: Path, high: str) -> dict[str, Any]:
    """The causes by task name of a run, with the number of jobs that ran for each."""
    redux(folder, "run", "--quiet", "flow.py", "main", "data", high)
    misses = json.loads(redux(folder, "explain-miss", "--json"))["misses"]
    return {one["fullname"]: (one["count"], miss["cause"]) for miss in misses for one in miss["affected"]}


def test_a_fan_out_names_what_changed_since_the_run_before(folder: Path) -> None:
    causes_of(folder, "3.0")
    count, cause = causes_of(folder, "4.0")["clean"]
    assert (count, cause["words"]) == (5, "called with another value of cleaner")
    assert [(each["name"], each["before"], each["now"]) for each in cause["arguments"]] == [
        ("cleaner", "Cleaner(high=3.0)", "Cleaner(high=4.0)")
    ]

    (folder / "data/m03.csv").write_text("edited")
    count, cause = causes_of(folder, "4.0")["clean"]
    assert (count, cause["words"]) == (1, "the content of data/m03.csv changed")
    assert [(each["name"], each["file"]) for each in cause["arguments"]] == [("f", "data/m03.csv")]
    assert "\n  f: the content of data/m03.csv changed\n" in redux(folder, "explain-miss", "clean")

    (folder / "data/m03.csv").write_text("edited again")
    (folder / "flow.py").write_text(WORKFLOW.replace('"m00", "m01", "m02", "m03", "zz"', '"m03",'))
    count, cause = causes_of(folder, "5.0")["clean"]
    assert (count, cause["words"]) == (
        1,
        "the content of data/m03.csv changed, and it was called with another value of cleaner",
    )
