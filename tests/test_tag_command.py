"""`redux tag`, and `redux log --tag`: what people do to tags of what was recorded, and what is told of it."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.cli.tag_text import in_time, several_now
from redux.default_tags import is_worth_a_line
from redux_backends.backend import CONTEXT, TagRecord
from redux_backends.records import Tag
from redux_backends.sql import SQLiteBackend
from redux_valuestore.digest import Digest

WORKFLOW = """\
from redux import File, task


@task(tags=[("team", "green")])
def twice(n: int) -> int:
    return 2 * n


@task
def size(path: str) -> File:
    File(path).write("x")
    return File(path)


@task
def main(n: int) -> list[int]:
    return [twice(i) for i in range(n)]


@task
def fails(n: int) -> int:
    return twice(n) // 0
"""

Redux = Callable[..., str]


@pytest.fixture
def redux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Redux:
    """Runs a command in a project in which two things ran, and gives what it said, moments as signs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("REDUX_DB_URL", raising=False)
    (tmp_path / "flow.py").write_text(WORKFLOW)

    def run(*words: str, code: int = 0) -> str:
        assert dispatch(words) == code
        said = capfd.readouterr()
        assert code or not said.err
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", said.err or said.out)

    assert run("run", "--quiet", "--tag", "stage=raw", "flow.py", "main", "3") == "[0, 2, 4]\n"
    assert "File" in run("run", "--quiet", "flow.py", "size", "out.txt")
    return run


def ids(redux: Redux, *words: str) -> list[str]:
    """The ids of the executions or jobs that `redux log` lists."""
    listed = json.loads(redux("log", *words, "--json"))
    return [one["execution"]["id"] if "execution" in one else one["job"]["id"] for one in _rows(listed)]


def _rows(listed: dict[str, list[dict[str, dict[str, str]]]]) -> list[dict[str, dict[str, str]]]:
    return listed["executions"] if "executions" in listed else listed["jobs"]


def test_tags_are_added_replaced_and_removed_and_the_history_tells_it(redux: Redux) -> None:
    run = ids(redux)[1]
    assert redux("tag", "add", run, "stage=clean", "n=3", 'note="a b"') == (
        f"execution {run[:8]}: added stage=clean, n=3, note=a b\n"
    )
    assert redux("tag", "add", run[:6], "n=3", "n=3.0") == f"execution {run[:8]}: added n=3.0\n"
    assert redux("tag", "add", run, "n=3") == f"execution {run[:8]}: it has them already\n"
    assert redux("tag", "update", run, "stage=final") == f"execution {run[:8]}: now stage=final\n"
    assert redux("tag", "update", run, "stage=final") == f"execution {run[:8]}: it has just these already\n"
    assert redux("tag", "rm", run, "note", "n=3") == f"execution {run[:8]}: removed n=3, note=a b\n"
    assert redux("tag", "add", run, "note=a b") == f"execution {run[:8]}: added note=a b\n"
    told = [line for line in redux("tag", "log", run).splitlines() if "redux.version" not in line]
    assert [line for line in told if "user=" not in line and "tags:" not in line] == [
        f"execution {run}",
        "",
        "  MOMENT  added     stage=raw",
        "  MOMENT  added     stage=clean",
        "  MOMENT  added     n=3",
        "  MOMENT  added     note=a b",
        "  MOMENT  added     n=3.0",
        "  MOMENT  replaced  stage=raw, stage=clean by stage=final",
        "  MOMENT  removed   n=3",
        "  MOMENT  removed   note=a b",
        "  MOMENT  restored  note=a b",
    ]
    shown = redux("log", run)
    assert "n=3.0, stage=final, note=a b" in shown
    assert "raw" not in shown.splitlines()[3]


def test_names_of_redux_itself_are_kept_for_it(redux: Redux) -> None:
    for words in (("tag", "add", "-"), ("tag", "update", "-")):
        assert "is redux's own" in redux(*words, "redux.version=9", code=2)
    assert "redux.version" not in redux("tag", "list")
    assert "redux.version" in redux("tag", "list", "redux.version")
    told = json.loads(redux("tag", "add", "-", "n=3", "--json"))
    assert (told["schema"], told["kind"], told["done"], told["tags"]) == (
        "redux.tag/1",
        "execution",
        "added",
        [["n", 3]],
    )


def test_errors_show_tags_in_the_letters_they_were_given_in(redux: Redux) -> None:
    redux("tag", "add", "main", "note=ünï")
    assert 'note="ünï"' in redux("tag", "rm", "main", "note=other", code=2)


def test_history_is_told_in_order_of_time_and_values_that_two_people_left_are_said() -> None:
    def tag(value: str, moment: float, parents: tuple[Digest, ...] = ()) -> TagRecord:
        return TagRecord(Tag("task", b"t" * 32, "stage", json.dumps(value), parents, moment), True, ())

    first = Tag("task", b"t" * 32, "stage", '"raw"', (), 1.0)
    late, early, unknown = tag("b", 3.0, (first.hash,)), tag("a", 2.0, (first.hash,)), tag("c", 0.0)
    assert in_time([late, early, unknown]) == [unknown, early, late]
    assert several_now([late, early]) == ["stage"]
    assert several_now([tag("x", 1.0), tag("y", 2.0)]) == []


def test_of_what_was_imported_the_project_is_shown() -> None:
    assert is_worth_a_line("project", ["project", "redun.version"])
    assert not is_worth_a_line("redun.version", ["project", "redun.version"])
    assert not is_worth_a_line("project", ["project", "redux.version"])


def test_the_history_is_there_for_programs(redux: Redux) -> None:
    redux("tag", "add", "twice", "team=red")
    redux("tag", "rm", "twice", "team=green")
    told = json.loads(redux("tag", "log", "twice", "--json"))
    assert (told["schema"], told["kind"], told["tags"]) == ("redux.tag-log/1", "task", [["team", "red"]])
    green, red, removal = told["history"]
    assert [one["value"] for one in (green, red, removal)] == ["green", "red", None]
    assert [one["current"] for one in (green, red, removal)] == [False, True, False]
    assert (removal["removed"], removal["supersedes"]) == (True, [green["hash"]])
    assert green["superseded_by"] == [removal["hash"]]
    assert green["recorded"] <= red["recorded"] <= removal["recorded"]
    assert "tags: team=red" in redux("log", "twice")


def test_each_kind_of_record_is_named_as_redux_log_names_it(redux: Redux) -> None:
    newest, first = ids(redux)
    job = json.loads(redux("log", "--task", "main", "--json"))["jobs"][0]
    names = {
        "-": f"execution {newest[:8]}",
        first: f"execution {first[:8]}",
        job["job"]["id"]: f"job {job['job']['id'][:8]}",
        job["job"]["call_hash"]: f"call {job['job']['call_hash'][:8]}",
        job["result"]: f"value {job['result'][:8]}",
        "main": f"task {job['job']['task_hash'][:8]}",
    }
    for name, record in names.items():
        assert redux("tag", "add", name, "seen=1") == f"{record}: added seen=1\n"
        assert re.search(r"tags: .*seen=1", redux("log", name)), name
    assert redux("tag", "add", "out.txt", "seen=1").startswith("value ")
    assert "seen=1" in redux("log", "out.txt")
    listed = json.loads(redux("tag", "list", "seen=1", "--json"))
    assert [one["kind"] for one in listed["records"]] == [
        "value",
        "task",
        "value",
        "call",
        "job",
        "execution",
        "execution",
    ]
    assert redux("tag", "list", "seen", "--kind", "call") == f"call       {job['job']['call_hash'][:8]}  seen=1\n"
    assert redux("tag", "list", "seen=2") == "nothing has such tags\n"


def test_executions_and_jobs_are_listed_by_tags(redux: Redux) -> None:
    newest, first = ids(redux)
    redux("tag", "add", newest, "stage=raw", "n=3")
    assert ids(redux, "--tag", "stage=raw") == [newest, first]
    assert ids(redux, "--tag", "stage", "--tag", "n=3") == [newest]
    assert redux("log", "--tag", "stage=x") == "no execution has such tags; `redux tag list` shows what has tags\n"
    jobs = ids(redux, first, "--tag", "team=green")
    assert len(jobs) == 3
    redux("tag", "add", jobs[1], "odd=true")
    assert ids(redux, "--task", "twice", "--tag", "odd", "--tag", "team") == [jobs[1]]
    assert ids(redux, first, "--tag", "odd=true") == [jobs[1]]
    assert redux("log", newest, "--tag", "odd") == "no job fits\n"
    redux("run", "--quiet", "flow.py", "fails", "1", code=1)
    assert redux("log", "--failed", "--tag", "team") == "no job fits\n"


def test_a_run_leaves_tags_as_people_left_them(redux: Redux) -> None:
    redux("tag", "update", "twice", "team=red")
    redux("run", "--quiet", "--no-cache", "flow.py", "main", "2")
    assert json.loads(redux("tag", "log", "twice", "--json"))["tags"] == [["team", "red"]]


def test_a_tag_of_before_moments_were_kept_says_so(redux: Redux, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / ".redux/redux.db")) as connection, connection:
        connection.execute("UPDATE tag SET recorded = 0")
    assert "  moment not recorded  added     team=green\n" in redux("tag", "log", "twice")
    assert json.loads(redux("tag", "log", "twice", "--json"))["history"][0]["recorded"] is None


def test_what_is_no_context_under_the_key_of_contexts_is_a_tag_like_others(redux: Redux, tmp_path: Path) -> None:
    backend = SQLiteBackend(tmp_path / ".redux/redux.db")
    (newest,) = backend.executions(1)
    backend.record_tags([Tag("execution", newest.id, CONTEXT, value) for value in ('"zz"', "3", '"abcd"')])
    backend.close()
    assert "size(path='out.txt')" in redux("log", "-")
    assert ["redux.context", "zz"] in json.loads(redux("log", "-", "--json"))["tags"]
    assert "redux.context=3" in redux("tag", "log", "-")


def test_a_number_of_things_is_refused_where_there_is_one(redux: Redux) -> None:
    refused = "main is a task; --limit and --offset are for lists, and for the jobs of an execution\n"
    assert redux("log", "main", "--limit", "2", code=2) == f"redux: {refused}"


def test_a_bent_tag_is_shown_and_mended(redux: Redux, tmp_path: Path) -> None:
    redux("tag", "add", "-", "note=good", "kept=1")
    with closing(sqlite3.connect(tmp_path / ".redux/redux.db")) as connection, connection:
        connection.execute("UPDATE tag SET value = '{' WHERE key = 'note'")
    for words in (("log", "-"), ("tag", "list"), ("tag", "log", "-")):
        assert "note={" in redux(*words)
    assert "tag bent" in redux("fsck", "--repair")
    redux("archive", "save", "all.tar")
    for words in (("log", "-"), ("tag", "list"), ("tag", "log", "-")):
        assert "note" not in redux(*words)
        assert "kept=1" in redux(*words)
