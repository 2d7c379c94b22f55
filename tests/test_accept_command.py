"""What `redux accept` and `redux forget` say, and what every later log says of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from redux.cli.main import dispatch

from .error_texts import compare, steady

FLOW = """\
from redux import task

redux_namespace = "flow"


def scale(x):
    return x * 2


@task
def score(x):
    return scale(x) + 1


@task(check_valid="shallow")
def part(x):
    return [score(x), score(x + 1)]


@task
def main(n: int = 3):
    return [part(n), score(1)]
"""

Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    """Runs a command beside a workflow; what it said and how it ended, without what passes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOGNAME", "ada")
    (tmp_path / "flow.py").write_text(FLOW)
    dispatch(("init",))
    capfd.readouterr()

    def run(*words: str) -> str:
        code = dispatch(words)
        said = capfd.readouterr()
        return f"{said.out}{said.err}[exit {code}]\n"

    return run


def edit(folder: Path, old: str, new: str) -> None:
    """Another text in the workflow."""
    path = folder / "flow.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


_PASSING = (
    (re.compile(r"\b[0-9a-f]{8}\b"), "<id>"),
    (re.compile(r" *\b(just now|\d+ s ago)"), " <ago>"),
    (re.compile(r"; the cache saved .*"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?"), "<moment>"),
    (re.compile(r" *\b\d+(\.\d+)? m?s\b"), " <time>"),
    (re.compile(r"redux.version=[^,]*"), "redux.version=<version>"),
)


def _without_what_passes(text: str, folder: Path) -> str:
    """A text without ids, moments and durations, nor tables in their order."""
    text = steady(text, folder)
    for pattern, instead in _PASSING:
        text = pattern.sub(instead, text)
    return "".join(line for line in text.splitlines(keepends=True) if "·" not in line and "ran  cached" not in line)


def test_every_text_of_an_acceptance_and_of_what_is_forgotten(say: Say, tmp_path: Path):
    said: list[str] = []

    def told(*words: str) -> None:
        said.append(f"$ redux {' '.join(words)}\n{_without_what_passes(say(*words), tmp_path)}")

    say("run", "--quiet", "flow.py", "main")
    edit(tmp_path, "return scale(x) + 1", "return 1 + scale(x)")
    for words in (
        ("accept", "score", "--file", "flow.py"),
        ("accept", "score", "--file", "flow.py", "--why", "the other way round", "--yes"),
        ("accept", "score", "--file", "flow.py", "--yes"),
        ("accept", "--list"),
        ("run", "flow.py", "main"),
        ("log", "-"),
        ("log", "score"),
        ("accept", "--revoke", "score", "--why", "not so", "--yes"),
        ("accept", "--list", "score"),
        ("run", "--dryrun", "flow.py", "main"),
        ("forget", "score"),
        ("forget", "score", "--dry-run"),
        ("forget", "score", "--yes"),
        ("forget", "score", "--yes"),
        ("accept", "score", "--yes"),
        ("run", "--dryrun", "flow.py", "main"),
        ("forget", "--undo", "score", "--yes"),
        ("forget", "--undo", "score", "--yes"),
    ):
        told(*words)
    compare("accept_and_forget", "\n".join(said))


def test_the_pages_of_jobs_and_calls_tell_it(say: Say, tmp_path: Path):
    say("run", "--quiet", "flow.py", "main")
    edit(tmp_path, "return scale(x) + 1", "return 1 + scale(x)")
    say("accept", "score", "--file", "flow.py", "--why", "no matter", "--yes")
    say("run", "--quiet", "flow.py", "main")
    execution = json.loads(say("log", "-", "--json").rpartition("[exit")[0])
    assert {one["fullname"]: one["count"] for one in execution["said"]["jobs"]} == {"flow.part": 1, "flow.score": 1}
    (job,) = [one for one in execution["jobs"] if one["fullname"] == "flow.score"]
    page = json.loads(say("log", job["job"]["id"], "--json").rpartition("[exit")[0])
    assert page["job"]["job"]["outcome"] == "accepted"
    assert [one["why"] for one in page["said"]["acceptances"]] == ["no matter"]
    assert "older code gave its result, and the change was accepted" in say("log", job["job"]["id"])
    call = job["job"]["call_hash"]
    say("forget", call, "--yes")
    page = json.loads(say("log", call, "--json").rpartition("[exit")[0])
    assert [one["by"] for one in page["said"]["forgotten"]] == ["ada"]
    text = say("log", call)
    assert "accepted by ada" in text
    assert "forgotten  by ada" in text
    assert "redux.forgotten" not in text
    assert "forgotten  by ada" in say("log", job["job"]["id"])


def test_what_was_said_goes_with_the_records(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    say("run", "--quiet", "flow.py", "main")
    edit(tmp_path, "return scale(x) + 1", "return 1 + scale(x)")
    edit(tmp_path, "    return [part(n), score(1)]", "    return [part(n), score(1), score(9)]")
    assert "accepted;" in say("accept", "score", "main", "--file", "flow.py", "--yes")
    assert "[exit 0]" in say("run", "--dryrun", "flow.py", "main")
    say("archive", "save", "all.tar")
    for name, words in (("one", ("pull", "home")), ("other", ("archive", "load", str(tmp_path / "all.tar")))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "flow.py").write_text((tmp_path / "flow.py").read_text())
        monkeypatch.chdir(folder)
        assert "[exit 0]" in say("init")
        assert "[exit 0]" in say("repo", "add", "home", str(tmp_path))
        assert "[exit 0]" in say(*words)
        sys.modules.pop("flow")
        assert "[exit 0]" in say("run", "--dryrun", "flow.py", "main")
        assert "accepted by ada" in say("accept", "--list")


def test_what_others_wrote_there_steers_no_terminal(say: Say, tmp_path: Path):
    say("run", "--quiet", "flow.py", "main")
    edit(tmp_path, "return scale(x) + 1", "return 1 + scale(x)")
    said = say("accept", "score", "--file", "flow.py", "--why", "\x1b]0;title\x07\nredux: all is well", "--yes")
    for words in (("accept", "--list"), ("log", "score")):
        said = say(*words)
        assert not set(said) & {"\x1b", "\x07"}
        assert "\nredux: all is well" not in said


def test_the_names_are_kept_for_redux_itself(say: Say):
    say("run", "--quiet", "flow.py", "main")
    for key in ("redux.accepts", "redux.forgotten"):
        assert "redux's own" in say("tag", "add", "score", f"{key}=1")
