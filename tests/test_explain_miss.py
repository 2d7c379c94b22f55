"""`redux explain-miss` as people and programs read it: of an execution, of a job, of a task; and its exit code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from redux.cli.main import dispatch

from . import commands
from .error_texts import compare
from .test_cli_log import plain

WORKFLOW = """\
from redux import File, task


def normalize(text):
    return text.strip()


@task
def load(file: File) -> str:
    return normalize(file.read("r"))


@task
def size(text: str, scale: int) -> int:
    return len(text) * scale


@task
def report(sizes: list[int], title: str) -> str:
    return f"{title}: {sizes}"


@task
def main(scale: int = 1) -> str:
    return report([size(load(File(f"data/{name}.csv")), scale) for name in "abc"], "sizes")
"""
RUNS = ["first", "an edited helper and an edited file", "another argument", "an edited task", "nothing new"]


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    done = commands.redux(folder, *words)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project after some edits, and what each run said at its end."""
    folder = tmp_path_factory.mktemp("misses")
    (folder / "data").mkdir()
    for name in "abc":
        (folder / f"data/{name}.csv").write_text(name)
    flow = folder / "flow.py"
    edited = WORKFLOW.replace("text.strip()", 'text.strip() + "!"')
    said: list[str] = []

    def run(text: str, *words: str) -> None:
        flow.write_text(text)
        said.append(redux(folder, "run", "--workers", "1", "flow.py", "main", *words).stderr)

    run(WORKFLOW)
    (folder / "data/b.csv").write_text("more of b")
    run(edited)
    run(edited, "--scale", "2")
    run(edited.replace('"sizes")', '"Sizes")'), "--scale", "2")
    run(edited.replace('"sizes")', '"Sizes")'), "--scale", "2")
    return folder, said


@pytest.fixture
def here(project: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project[0])
    return project[0]


def ask(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What the command says in this process; it must say nothing else."""
    assert dispatch(("explain-miss", *words)) == code
    written = capsys.readouterr()
    assert written.err == ""
    return written.out


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What it says as JSON."""
    return json.loads(ask(capsys, *words, "--json"))


def executions(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The ids of the executions, oldest first."""
    assert dispatch(("log", "--json")) == 0
    return [line["execution"]["id"] for line in reversed(json.loads(capsys.readouterr().out)["executions"])]


def in_order(text: str) -> str:
    """The text with what is in the order of measured times put in an order of its own."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if "ran for it" in line or line.startswith("why jobs of"):
            end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith("  ")), len(lines))
            lines[start + 1 : end] = sorted(lines[start + 1 : end])
    groups: list[list[str]] = [[]]
    for line in lines:
        groups += [[]] if line and not line.startswith(" ") else []
        groups[-1] += [line] if line or groups[-1] else []
    title, *rest = ("\n".join(group).rstrip() for group in groups if group)
    return "\n\n".join([title, *sorted(rest)]) if title.startswith("execution") else "\n".join(lines)


def test_what_people_read(here: Path, project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    texts = {f"redux explain-miss, {name}": ask(capsys, id) for name, id in zip(RUNS, executions(capsys), strict=True)}
    texts |= {f"redux explain-miss {name}": ask(capsys, name) for name in ("load", "size", "report", "main")}
    shown = "\n".join(f"$ {name}\n{in_order(plain(text))}\n" for name, text in texts.items())
    compare("explain_miss", shown)


def test_the_same_causes_end_a_run(project: tuple[Path, list[str]]) -> None:
    first, edited, argument, task, nothing = (plain(said) for said in project[1])
    assert "why they ran:\n  never run before: " in first
    assert re.search(r"\n  function flow\.normalize changed: .*load ×3.* \(7 jobs, <time>\)\n", edited)
    assert "  data/b.csv changed: " in edited
    assert "\n  main was called with scale=2 instead of 1: " in argument
    assert "\n  task main changed: main, report (2 jobs, <time>)\n" in task.replace("report, main", "main, report")
    assert "why they ran" not in nothing


def test_what_programs_read_of_an_execution(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execution = executions(capsys)[1]
    said = told(capsys, execution)
    assert (said["schema"], said["execution"]) == ("redux.misses/1", execution)
    by_words = {miss["cause"]["words"]: miss for miss in said["misses"]}
    assert set(by_words) == {"data/b.csv changed", "function flow.normalize changed"}
    helper = by_words["function flow.normalize changed"]
    assert helper["count"] == 7
    assert helper["seconds"] == pytest.approx(sum(one["seconds"] for one in helper["affected"]))
    assert helper["cause"]["code"][0]["diff"].startswith("--- flow.normalize (before)\n")
    paths = {one["fullname"]: [via["fullname"] for via in one["path"]] for one in helper["affected"]}
    assert paths == {"load": ["load"], "size": ["load", "size"], "report": ["load", "size", "report"]}
    assert all(one["path"][-1]["job"] == one["example"] for one in helper["affected"])


def test_what_programs_read_of_a_job(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "report")
    assert said["schema"] == "redux.miss/1"
    assert said["cause"]["arguments"][0]["name"] == "title"
    assert (said["compared"]["equal"], said["compared"]["of"], said["compared"]["same_place"]) == (1, 2, True)
    assert said["compared"]["execution"] == executions(capsys)[2]
    (root,) = said["roots"]
    assert root["cause"]["words"] == "task main changed"
    assert [via["fullname"] for via in root["path"]] == ["main", "report"]
    assert root["path"][-1]["job"] == said["job"]["job"]["id"]


def test_the_exit_code_says_whether_anything_ran(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *_, edited, nothing = executions(capsys)
    ask(capsys, nothing, "--exit-code")
    ask(capsys, edited)
    for words in ((edited,), (edited, "--json"), ("report",)):
        ask(capsys, *words, "--exit-code", code=1)
