"""Calls that gave different results for the same arguments: both are kept, told of once, and listed with what helps."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from redux.cli.main import dispatch
from redux_backends import disagreements
from redux_backends.records import ExecutionId
from redux_backends.sql import SQLiteBackend

from . import commands

WORKFLOW = """\
import os
from redux import File, task


@task
def draw(n: int) -> int:
    return n + int(os.environ["DRAWN"])


@task
def lazy() -> int:
    return draw(int(os.environ["DRAWN"]) * 1000)


@task(cache=False)
def now() -> str:
    return os.environ["DRAWN"]


@task
def write(path: str) -> File:
    file = File(path)
    file.write(os.environ["DRAWN"])
    return file


@task
def main() -> list:
    return [draw(1), draw(2), lazy(), now(), write("out.txt")]


@task
def meet() -> str:
    with open("fifo", os.environ["DRAWN"]):
        return os.environ["DRAWN"]
"""
LISTED = """\
flow.lazy  1 call gave different results
  flow.lazy()
    ID  AGO  TIME  flow.draw(2000)
              by job ID of execution ID
    ID  AGO  TIME  flow.draw(1000)
              by job ID of execution ID

Where a task is remembered, the newest result is used again, and a run that asks anew might give another one.
Where its cache is off (cache=False, --no-cache), each run asks anew, and may well differ. What helps:
  give the task what it draws on as an argument: a seed, a date, a File
  cache=False, where each run is to ask anew and the task does not say so yet
  another version=, so that nothing given before is used; code that is changed does the same
"""
NOTHING = "no recorded call gave different results for the same arguments\n"
TOLD = "redux: now and before, equal calls gave different results: flow.draw ×2, flow.lazy; `redux log"


class Project:
    """A project whose tasks give what the environment says."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self._database = database
        (folder / "flow.py").write_text(f"redux_namespace = 'flow'\n{WORKFLOW}")

    def begin(self, drawn: object, *words: str) -> subprocess.Popen[str]:
        """A run that draws something."""
        return commands.start([*commands.REDUX, *words], self.folder, **self._drawing(drawn))

    def _drawing(self, drawn: object) -> dict[str, str]:
        return {"REDUX_DB_URL": self._database, "DRAWN": str(drawn)}

    def run(self, drawn: object, *words: str) -> str:
        """What a run says that draws something and ends well."""
        done = commands.redux(self.folder, "run", *words, **self._drawing(drawn))
        assert done.returncode == 0, done.stderr
        return done.stderr

    def log(self, *words: str) -> str:
        """What `redux log` says."""
        done = commands.redux(self.folder, "log", *words, **self._drawing(0))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def asked(self, *words: str) -> Any:
        """The calls that `redux log --nondeterministic --json` lists."""
        said = json.loads(self.log("--nondeterministic", "--json", *words))
        assert said.pop("schema") == "redux.nondeterministic/1"
        return said["calls"]


@pytest.fixture(params=["sqlite", "postgres"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    database = f"sqlite:///{tmp_path}/redux.db"
    return Project(tmp_path, database if request.param == "sqlite" else request.getfixturevalue("postgres_url"))


def _same(text: str) -> str:
    """A text without ids and times."""
    said = re.sub(r" +(?:just now| \d+ s ago) +[0-9.]+ ms  ", "  AGO  TIME  ", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "ID", said)


def test_different_results_are_told_once_and_listed_with_who_gave_them(project: Project):
    for drawn in (1, 2, 2):
        said = project.run(drawn, "--no-cache", "flow.py", "main")
        assert said.count(TOLD) == (drawn == 2)
    assert _same(project.log("--nondeterministic", "lazy")) == LISTED
    assert TOLD not in project.run(3, "flow.py", "main")  # it took what was known
    newest = json.loads(project.log("--json"))["executions"]
    executions = [one["execution"]["id"] for one in newest]
    first = next(call for call in project.asked("flow.draw") if call["arguments"][0]["preview"] == "2")
    given = [(one["preview"], one["given_by"][0]["execution"]) for one in first["results"]]
    assert given == [("4", executions[1]), ("3", executions[3])]
    assert [one["execution"] for one in first["results"][0]["given_by"]] == executions[1:3]
    assert first["task"] == "flow.draw"
    assert "nondeterministic=true" in project.log("flow.draw")
    assert len(project.asked()) == len(project.asked(executions[2])) == 4
    assert len(project.asked(executions[2], "--task", "draw")) == len(project.asked(first["task_hash"][:8])) == 2
    assert len(project.asked("--limit", "1")) == 1
    assert (
        project.log("--nondeterministic", "main") == "no recorded call gave different results for the same arguments\n"
    )


def test_two_processes_that_race_with_differing_results_are_both_kept(project: Project):
    os.mkfifo(project.folder / "fifo")
    (project.folder / ".redux").mkdir(mode=0o700)
    (project.folder / ".redux/redux.toml").write_text("[run]\nsingle_flight = false\n")
    # Neither ends before the other has begun, so both have missed.
    both = [project.begin(mode, "run", "--json", "flow.py", "meet") for mode in "rw"]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    (call,) = project.asked()
    assert {one["preview"] for one in call["results"]} == {"'r'", "'w'"}
    assert {one["given_by"][0]["execution"] for one in call["results"]} == {
        json.loads(out)["execution"] for out, _ in said
    }
    known = project.begin("never", "run", "flow.py", "meet")
    out, _ = known.communicate(timeout=60)
    assert out.strip() == call["results"][0]["preview"]


def test_the_command_asks_for_calls_of_an_execution_or_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)

    def said(*words: str) -> tuple[int, str]:
        written = commands.ended(capsys, ("log", *words))
        return written.code, written.out + written.err

    assert dispatch(("init",)) == 0
    capsys.readouterr()
    assert said("--nondeterministic") == (0, NOTHING)
    assert said("--nondeterministic", "--json") == (
        0, '{"schema": "redux.nondeterministic/1", "calls": [], "more": false}\n'
    )  # fmt: skip
    assert said("--nondeterministic", "--failed")[0] == said("--status", "died", "--failed")[0] == 2
    assert said("--status", "failed", "--failed") == said("--status", "died") == (0, "no job fits\n")


@pytest.mark.parametrize("task", [None, "flow.draw"])
@pytest.mark.parametrize("execution", [None, ExecutionId(b"of 16 bytes each")])
def test_what_disagrees_is_found_without_a_look_at_all_evaluations(
    tmp_path: Path, task: str | None, execution: ExecutionId | None
):
    backend = SQLiteBackend(tmp_path / "redux.db")
    backend.load()
    asked = disagreements.found(task, execution).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    plan = backend._database.view(
        lambda connection: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
    )
    assert [step for step in plan if step.startswith("SCAN")] == ["SCAN disagreement"]
    backend.close()
