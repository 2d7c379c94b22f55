"""`redux explain-miss` on arguments that are containers, records and arrays: which part of them differs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.explain import group_causes, look_inside_groups
from redux.repo import Repo, open_repo
from redux.settings.folder import DATABASE_FILE

FLOW = """\
from dataclasses import dataclass

import numpy as np

from redux import task


@dataclass
class Params:
    lr: float
    layers: list[int]


@task
def fit(params: Params, grid: np.ndarray, names: list[str], notes: str) -> int:
    return len(names)


@task
def show(secret: dict) -> int:
    return 1


@task
def main(n: int) -> list[int]:
    grid = np.zeros((40, 100))
    grid[3, 4] = n
    params = Params(n / 100, [1, 2, 3])
    fitted = fit(params, grid, ["x"] * 30_000 + [f"n{n}"], f"one\\ntwo {n}\\n")
    return [fitted, show({"a": [{"b": n}], "c\\x1b[31m": n})]
"""

EXPECTED = """\
execution <id>  redux run flow.py main 2

called with another value of n
  1 job ran for it, <time>
  main, job <id>

    n: 1 → 2

called with other values of params, grid and 2 more
  1 job ran for it, <time>
  fit, job <id>

    params: Params(lr=0.01, layers=[1, 2, 3]) → Params(lr=0.02, layers=[1, 2, 3])
      params.lr: 0.01 → 0.02
    grid: looks the same, but is not: <ndarray float64 40×100>
      grid: 1 of 4,000 elements differ
      grid[3, 4]: 1.0 → 2.0
    names: looks the same, but is not: ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',…
      names[30000]: 'n1' → 'n2'
    notes: 'one\\ntwo 1\\n' → 'one\\ntwo 2\\n'
      notes: differs from line 2 on
         one
        -two 1
        +two 2

called with another value of secret
  1 job ran for it, <time>
  show, job <id>

    secret: {'a': [{'b': 1}], 'c\\x1b[31m': 1} → {'a': [{'b': 2}], 'c\\x1b[31m': 2}
      secret["a"][0]["b"]: 1 → 2
      secret["c\\x1b[31m"]: 1 → 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project in which a workflow ran twice, with two arguments."""
    (tmp_path / "flow.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    for n in ("1", "2"):
        assert dispatch(("run", "flow.py", "main", n)) == 0
    capsys.readouterr()
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert dispatch(words) == 0
    text = capsys.readouterr().out
    text = re.sub(r"\b[0-9a-f]{8}\b", "<id>", text)
    return re.sub(r"\d+(\.\d+)? (ms|s)\b", "<time>", text)


def by_cause(text: str) -> list[str]:
    return sorted(re.split(r"\n(?=called )", text))


def test_the_part_that_differs_is_named_below_its_argument(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert by_cause(said(capsys, "explain-miss")) == by_cause(EXPECTED)
    assert "\n    params.lr: 0.01 → 0.02\n" in said(capsys, "explain-miss", "fit")
    plain = json.loads(said(capsys, "explain-miss", "fit", "--json"))
    inside = plain["cause"]["arguments"][0]["inside"]
    assert inside["differences"][0]["path"] == ".lr"
    assert (inside["more"], inside["unseen"]) == (0, "")


def test_what_the_bytes_name_need_not_be_there_any_more(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "flow.py").unlink()
    assert "params.lr: 0.01 → 0.02" in said(capsys, "explain-miss", "fit")


def test_a_value_that_is_gone_is_told_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stored in (project / ".redux").rglob("*"):
        if stored.is_file() and len(stored.name) > 50 and stored.stat().st_size > 20_000:
            stored.unlink()
    shown = said(capsys, "explain-miss", "fit")
    assert shown.count("\n    its bytes are gone\n") == 2


def test_values_are_asked_for_all_at_once(project: Path) -> None:
    repo: Repo = open_repo(f"sqlite:///{project / '.redux' / DATABASE_FILE}", str(project / ".redux" / "values"))
    newest = repo.backend.executions(1)[0].id
    groups = group_causes(repo.backend, newest)
    asked: list[object] = []
    listening = lambda values: asked.append(values) or type(repo.backend).get_values(repo.backend, values)  # noqa: E731
    repo.backend.get_values = listening  # type: ignore[method-assign]
    found = look_inside_groups(repo.backend, repo.store, groups)
    assert len(asked) == 1
    assert sum(bool(one.inside) for group in found for one in group.cause.arguments) == 6
    repo.close()
