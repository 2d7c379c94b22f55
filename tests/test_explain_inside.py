"""`redux explain-miss` on arguments that are containers, records and arrays: which part of them differs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.explain import explain_job, look_inside
from redux.explain.folders import changed_files
from redux.explain.plain_nodes import FileNode
from redux.repo import Repo, open_repo
from redux.settings.folder import DATABASE_FILE

from .error_texts import compare

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
    return re.sub(r"just now|\d+ (s|min) ago", "<ago>", text)


def test_the_part_that_differs_is_named_below_its_argument(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare("explain_inside", said(capsys, "explain-miss", "fit") + "\n" + said(capsys, "explain-miss", "show"))
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
    found = [explain_job(repo.backend, view) for view in repo.backend.jobs(execution=newest)]
    causes = [cause for cause in found if cause is not None]
    asked: list[object] = []
    listening = lambda values: asked.append(values) or type(repo.backend).get_values(repo.backend, values)  # noqa: E731
    repo.backend.get_values = listening  # type: ignore[method-assign]
    looked = look_inside(repo.backend, repo.store, causes)
    assert len(asked) == 1
    assert sum(bool(one.inside) for cause in looked for one in cause.arguments) == 6
    repo.close()


# -- folders -----------------------------------------------------------------------------------------

FOLDERS = """\
from redux import File, task
from redux.file import Dir, FileSet


@task
def size(file: File) -> int:
    return len(file.read())


@task
def sizes(data: Dir, some: FileSet) -> list[int]:
    return [size(file) for file in data]


@task
def main() -> list[int]:
    return sizes(Dir("data"), FileSet("data/*.txt"))
"""


def test_the_file_of_a_folder_that_changed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flow.py").write_text(FOLDERS)
    Path("data").mkdir()
    edits = {
        "": lambda: [Path("data", name).write_text(name) for name in ("a.txt", "b.txt", "d.txt")],
        "b.txt changed": lambda: Path("data/b.txt").write_text("another"),
        "c.txt added": lambda: Path("data/c.txt").write_text("c"),
        "a.txt removed": lambda: Path("data/a.txt").unlink(),
        "b.txt and c.txt changed": lambda: [Path("data", name).write_text("new") for name in ("b.txt", "c.txt")],
    }
    for told, edit in edits.items():
        edit()
        assert dispatch(("run", "flow.py", "main")) == 0
        shown = said(capsys, "explain-miss", "sizes") if told else ""
        if told:
            assert f"\n  data: the content of folder data changed: {told}\n" in shown
            assert f"\n  some: the content of files data/*.txt changed: data/{told[:5]}" in shown
    Path("data/b.txt").write_text("not run yet")
    assert "\n  data: the content of folder data changed\n" in said(capsys, "explain-miss", "sizes")


@pytest.mark.parametrize("path", ["/", "/dev", "pipes", "missing"])
def test_a_folder_that_data_names_is_not_walked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pipes").mkdir()
    os.mkfifo("pipes/one")
    for kind, given in (("Dir", path), ("FileSet", f"{path}/**/*"), ("FileSet", f"pipes/*/../../{path}/*")):
        before, now = (FileNode(kind, given, [bytes([number] * 32)]) for number in (1, 2))
        assert changed_files(before, now, lambda pattern: ()) == ""
