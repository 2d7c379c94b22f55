"""`redux archive` on the command line: what is said, and that a history reads the same wherever it was loaded."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redux.archive.saving import save
from redux.cli import passing_line
from redux.cli.main import dispatch
from redux.repo import Repo, open_repo
from redux_backends.exchange import RecordKind
from redux_backends.memory import MemoryBackend
from redux_backends.sample import Story
from redux_valuestore.store import MemoryStore

from . import commands
from .test_cli_log import WORKFLOW

Run = Callable[..., str]
ASKED = {RecordKind.EXECUTION, RecordKind.JOB, RecordKind.CALL, RecordKind.TASK, RecordKind.VALUE}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which a workflow ran, again after an edit, and failed."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "in.txt").write_text("a\nb\n")

    def redux(*words: str, text: str = WORKFLOW) -> None:
        (folder / "flow.py").write_text(text)
        done = commands.redux(folder, "run", "--quiet", "flow.py", *words)
        assert (done.returncode == 0) == ("bad" not in words), done.stderr

    redux("main", "in.txt")
    redux("main", "in.txt", text=WORKFLOW.replace("line.strip()", 'line.strip(" ")'))
    redux("many", "3")
    redux("bad", "0")
    return folder


@pytest.fixture
def redux(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command says in the project's folder; it must end well and complain of nothing."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # so that `2 s ago` stays what it is

    def run(*words: str, made: Path | None = None) -> str:
        said = commands.ended(capsys, words)
        told = "" if made is None else f"made {made}, where everything is kept\n"
        assert (said.code, said.err) == (0, told), said.err
        return said.out

    return run


def test_every_view_of_a_history_is_the_same_where_it_was_loaded(
    redux: Run, project: Path, tmp_path: Path, postgres_url: str
):
    archive, values = str(tmp_path / "all.tar"), str(tmp_path / "values")
    redux("archive", "save", archive)
    there = ("--db", postgres_url, "--store", values)
    redux("archive", "load", archive, *there)
    with closing(open_repo(postgres_url, values)) as repo:
        ids = [one.id.hex() for one in repo.backend.iter_record_ids() if one.kind in ASKED]
    assert len(ids) > 40
    asked = [("log",), ("log", "in.txt"), ("log", "result.csv"), ("log", "--task", "count"), ("explain-miss",)]
    for words in [*asked, *(("log", id) for id in ids)]:
        assert redux(*words, *there) == redux(*words)
        assert redux(*words, "--json", *there) == redux(*words, "--json")
    redux("archive", "save", str(tmp_path / "there.tar"), *there)
    assert (tmp_path / "there.tar").read_bytes() == Path(archive).read_bytes()


def test_a_run_where_it_was_loaded_runs_nothing_again(redux: Run, project: Path, tmp_path: Path):
    redux("archive", "save", str(tmp_path / "all.tgz"))
    other = tmp_path / "other"
    redux("archive", "load", str(tmp_path / "all.tgz"), "--project", str(other / ".redux"), made=other / ".redux")
    words = ["run", "--json", "--project", str(other / ".redux"), "flow.py", "many", "3"]
    tasks = json.loads(commands.told(project, *words))["tasks"]
    assert {task["fullname"]: task["ran"] for task in tasks} == {"many": 0, "twice": 0}


def test_what_it_says(redux: Run, tmp_path: Path):
    archive = str(tmp_path / "all.tar")
    other = ("--db", f"sqlite:///{tmp_path / 'other.db'}", "--store", str(tmp_path / "values"))
    said = [
        redux("archive", "save", archive),
        redux("archive", "check", archive),
        redux("archive", "list", archive),
        redux("archive", "load", archive, *other),
        redux("archive", "load", archive, *other),
    ]
    assert steady("".join(said), tmp_path) == SAID


SAID = """\
saved /all.tar: 4 executions, 11 jobs, 10 calls, 7 tasks, 12 values, 8 tags, N of values, in T
  SHA-256 of its manifest, which stands for all of it: HASH
sound: 4 executions, 11 jobs, 10 calls, 7 tasks, 12 values, 8 tags, N of values, saved by redux V
  SHA-256 of its manifest, which stands for all of it: HASH
4 executions, 11 jobs, 10 calls, 7 tasks, 12 values, 8 tags, N of values, saved by redux V
  ID  WHEN  failed    ME  redux run --quiet flow.py bad 0
  ID  WHEN  done      ME  redux run --quiet flow.py many 3
  ID  WHEN  done      ME  redux run --quiet flow.py main in.txt
  ID  WHEN  done      ME  redux run --quiet flow.py main in.txt
not checked; `redux archive check /all.tar` does that
loaded /all.tar in T: new are 4 executions, 11 jobs, 10 calls, 7 tasks, 12 values, 8 tags, N of values
nothing new in /all.tar: all of it is here already
"""


def steady(text: str, folder: Path) -> str:
    for pattern, kept in (
        (re.escape(str(folder)), ""), (r"[0-9a-f]{64}", "HASH"), (r"[\d.]+ (bytes|[kM]B)", "N"),
        (r"in [\d.]+ m?s", "in T"), (r"redux \d[\w.]*$|redux \(not installed\)", "redux V"),
        (r"  [0-9a-f]{8}  ", "  ID  "), (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN"),
        (r"(done|failed)( +)\S+  ", r"\1\2ME  "),
    ):  # fmt: skip
        text = re.sub(pattern, kept, text, flags=re.MULTILINE)
    return text


def test_what_it_says_for_programs(redux: Run, tmp_path: Path):
    archive = str(tmp_path / "one.tar")

    def told(*words: str) -> Any:
        return json.loads(redux("archive", *words, "--json"))

    saved = told("save", archive, "many")
    assert saved["schema"] == "redux.archive-save/1"
    assert (saved["format"], saved["left_out"], saved["counts"]["tasks"]) == (1, 0, 2)
    assert (saved["counts"]["calls"], saved["counts"]["jobs"]) == (4, 0), "a task's name stands for its calls"
    checked = told("check", archive)
    assert {**checked, "schema": saved["schema"], "left_out": 0, "set_aside": 0} == {**saved, "checked": True}
    listed = told("list", archive)
    assert (listed["schema"], listed["checked"], listed["executions"]) == ("redux.archive/1", False, [])
    other = ("--db", f"sqlite:///{tmp_path / 'other.db'}", "--store", str(tmp_path / "values"))
    loaded = told("load", archive, *other)
    assert loaded["schema"] == "redux.archive-load/1"
    assert loaded["new"] == saved["counts"]
    assert set(told("load", archive, *other)["new"].values()) == {0}


def test_loading_makes_a_project_only_once_the_archive_was_checked(
    redux: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    redux("archive", "save", str(tmp_path / "all.tar"))
    (tmp_path / "cut.tar").write_bytes((tmp_path / "all.tar").read_bytes()[:-1000])
    (tmp_path / "fresh").mkdir()
    monkeypatch.chdir(tmp_path / "fresh")
    assert dispatch(("archive", "load", "../cut.tar")) == 4
    assert capsys.readouterr().err == "redux: ../cut.tar: it is cut short; get it anew from where it comes from\n"
    assert list((tmp_path / "fresh").iterdir()) == []
    redux("archive", "load", "../all.tar", made=tmp_path / "fresh" / ".redux")
    assert (tmp_path / "fresh" / ".redux" / "redux.db").exists()
    assert "redux run --quiet flow.py many 3" in redux("log")


def test_a_person_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch):
    written = io.StringIO()
    monkeypatch.setattr(passing_line, "is_terminal", lambda stream: True)
    monkeypatch.setattr(passing_line, "_REDRAW_SECONDS", 0)
    monkeypatch.setattr(sys, "stderr", written)
    with passing_line.passing_count() as tell:
        tell("looking for records", 2_000, 0)
        tell("checking", 1, 4)
    assert written.getvalue() == "\r\x1b[Klooking for records 2,000\r\x1b[Kchecking 25 %\r\x1b[K"


def test_what_others_wrote_is_shown_and_steers_no_terminal(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    story = Story("others")
    evil = replace(story.execution, user="\x1b]0;mine\x07\x1b[2J\nme", started=1e300)
    repo = Repo(MemoryBackend(), MemoryStore())
    repo.backend.record_execution(evil)
    save(repo, "evil.tar")
    assert dispatch(("archive", "list", "evil.tar")) == 0
    assert dispatch(("archive", "load", "evil.tar")) == 0
    for words in (("log",), ("log", "-"), ("log", "--json")):
        assert dispatch(words) == 0
    told = capsys.readouterr().out
    assert "at no known time" in told
    assert not set(re.sub(r"\x1b\[[0-9;]*m", "", told)) & set("\x07\x1b")
