"""`redux diff`: of two executions the values that differ first, and everything else that is not as it was."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redux.cli.diff_text import diff_text
from redux.cli.main import dispatch
from redux.diff import ExecutionDiff, Origin, diff_executions
from redux.diff.matching import match_jobs
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends import sqlite_session
from redux_backends.backend import JobView
from redux_backends.records import Argument, Job, JobStatus, MissKind, Outcome, Reason
from redux_backends.sql import SQLiteBackend

from .error_texts import compare
from .test_sqlite import statements

redux_namespace = "diffs"

FLOW = """\
from pathlib import Path

from redux import File, task


def scale(x):
    return x * 1


@task(cache=False)
def load(i: int) -> dict:
    return {"rows": [i, 2, float(Path(f"draw-{i}.txt").read_text())], "i": i}


@task
def clean(record: dict) -> list:
    return [scale(x) for x in record["rows"]]


@task
def total(xs: list) -> float:
    return sum(map(sum, xs))


@task
def size(source: File) -> int:
    return len(source.read())


@task
def keep(n: float) -> File:
    kept = File("kept.txt")
    kept.write(str(n))
    return kept


@task
def main(n: int = 3) -> list:
    summed = total([clean(load(i)) for i in range(n)])
    return [summed, size(File("in.txt")), size(keep(summed))]
"""

Redux = Callable[..., str]


@pytest.fixture
def redux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Redux:
    """What a command writes in a project of its own, which has the workflow; `code` is the exit code it must have."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "in.txt").write_text("a")
    for i in range(9):
        (tmp_path / f"draw-{i}.txt").write_text("0.5")

    def run(*words: str, code: int = 0) -> str:
        found = dispatch(words)
        written = capsys.readouterr()
        assert found == code, written.err
        return written.out if code in (0, 1) else written.err

    return run


def plain(text: str) -> str:
    """The text with ids and times named by what they are."""
    text = re.sub(r"\b[0-9a-f]{8}\b", "<id>", text)
    return re.sub(r"\d+(\.\d+)? (ms|s)\b", "<time>", text)


def ids(redux: Redux) -> list[str]:
    """The ids of the executions, oldest first."""
    listed = json.loads(redux("log", "--json"))["executions"]
    return [line["execution"]["id"] for line in reversed(listed)]


def run_twice(redux: Redux, edit: Callable[[], object], *words: str) -> list[str]:
    """The words of a diff of two runs of the workflow, with an edit and other words between them."""
    redux("run", "flow.py", "main")
    edit()
    redux("run", "flow.py", "main", *words)
    return ["diff", *ids(redux)[-2:], "--least", "1000"]


def replace_in(path: str, old: str, new: str) -> None:
    file = Path(path)
    file.write_text(file.read_text().replace(old, new))


# -- as it is read -----------------------------------------------------------------------------------


def test_what_differs_first_is_told_first(redux: Redux) -> None:
    def edit() -> None:
        replace_in("flow.py", "x * 1", "x * 2")
        replace_in("draw-1.txt", "0.5", "0.75")
        replace_in("in.txt", "a", "abc")

    compare("diff_of_edits", plain(redux(*run_twice(redux, edit))))


def test_other_arguments_and_calls_of_the_first_are_told_by_their_path(redux: Redux) -> None:
    words = run_twice(redux, lambda: None, "--n", "5")
    compare("diff_of_arguments", plain(redux(*words)))
    assert "calls only in the first\n  clean ×2, such as job" in redux("diff", words[2], words[1])


def test_equal_runs_do_not_differ(redux: Redux) -> None:
    words = run_twice(redux, lambda: replace_in("flow.py", "x * 1", "1 * x"))
    shown = redux(*words, "--exit-code")
    assert "\n11 calls in both, all with the same result\n\ncode that changed\n" in shown
    assert "values that differ first" not in shown
    found = json.loads(redux(*words, "--json"))
    assert (found["schema"], found["same_values"], found["differing"]) == ("redux.diff/1", True, 0)
    page = (Path(__file__).parents[1] / "docs" / "diff.md").read_text().partition("## JSON")[2]
    assert set(found) - {"schema"} <= set(re.findall(r"`(\w+)`", page))
    assert [one["fullname"] for one in found["code"]] == ["clean"]


def test_the_exit_code_says_whether_values_differ(redux: Redux) -> None:
    words = run_twice(redux, lambda: replace_in("draw-0.txt", "0.5", "0.25"))
    assert redux(*words) == redux(*words, "--exit-code", code=1)
    assert json.loads(redux(*words, "--json"))["sources"][0]["inside"]["differences"] == [
        {"path": '["rows"][2]', "change": "changed", "before": "0.5", "now": "0.25", "note": "", "diff": ""}
    ]


def test_a_failure_is_a_difference(redux: Redux) -> None:
    redux("run", "flow.py", "main")
    Path("draw-1.txt").write_text("none")
    redux("run", "flow.py", "main", code=1)
    shown = plain(redux("diff", *ids(redux), "--exit-code", code=1))
    assert "\n  load: done → failed, job <id>\n" in shown
    assert "\n  load: the same code and arguments, another result\n" in shown


def test_the_newest_execution_is_compared_where_none_is_named(redux: Redux) -> None:
    words = run_twice(redux, lambda: None)
    assert redux("diff", words[1][:12]) == redux("diff", words[1], "-") == redux("diff", *words[1:3])
    assert redux("diff", "~1") == redux("diff", *words[1:3])


def test_what_cannot_be_compared_is_refused(redux: Redux) -> None:
    redux("run", "flow.py", "main")
    [execution] = ids(redux)
    job = json.loads(redux("log", execution, "--json"))["jobs"][0]["job"]["id"]
    assert "are one execution" in redux("diff", execution, code=2)
    assert f"{job} is a job; diff compares executions, which `redux log` lists" in redux("diff", job, code=2)
    assert "in.txt is a file; diff compares executions" in redux("diff", "in.txt", code=2)
    assert "starts no id" in redux("diff", "0123456789", code=2)


def test_lists_are_cut_and_say_so(redux: Redux) -> None:
    words = run_twice(redux, lambda: replace_in("flow.py", "x * 1", "x * 2"), "--n", "5")
    shown = redux(*words, "--limit", "1")
    assert shown.count("\n  and 1 more; --limit shows more\n") == 2
    assert "such as job" in shown


# -- what explains what ------------------------------------------------------------------------------


@task(cache=False)
def draw(n: int) -> str:
    return os.urandom(8).hex()


@task
def handed(x: object) -> object:
    return x


@task(cache=False)
def wandering(n: int) -> object:
    return handed(os.urandom(8).hex())


@task
def through(n: int) -> object:
    return handed(draw(n))


@task
def top(which: str, n: int) -> object:
    return {"draw": draw, "wandering": wandering, "through": through}[which](n)


@task
def many(n: int) -> list[object]:
    return [handed(draw(i)) if i % 2 else handed(i) for i in range(n)]


def diff_of_newest(repo: Repo) -> ExecutionDiff:
    now, before = repo.backend.executions(2)
    return diff_executions(repo, before, now)


@pytest.mark.parametrize(
    ("which", "first"), [("draw", "diffs.draw"), ("wandering", "diffs.wandering"), ("through", "diffs.draw")]
)
def test_only_what_nothing_explains_is_first(repo: Repo, which: str, first: str) -> None:
    for _ in range(2):
        Scheduler(repo).run(top(which, 1))
    found = diff_of_newest(repo)
    assert [(one.fullname, one.origin) for one in found.sources] == [(first, Origin.NONDETERMINISTIC)]
    assert not found.same_values


def test_a_result_that_is_not_here_is_not_another_one(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        Scheduler(repo).run(top("draw", 1))
    now = repo.backend.executions(1)[0].id
    read = repo.backend.jobs

    def lacking(**asked: Any) -> list[JobView]:
        """The newest execution is there without what its calls gave."""
        gone = {"result": None, "result_preview": "", "result_type": ""}
        return [replace(one, **gone) if one.job.execution == now else one for one in read(**asked)]

    monkeypatch.setattr(repo.backend, "jobs", lacking)
    found = diff_of_newest(repo)
    assert (found.same_values, found.differing, found.unknown, found.sources) == (True, 0, 2, ())
    assert "2 calls in both; what 2 of them gave is not here" in diff_text(found, 100)


def test_statements_do_not_grow_with_the_jobs(sqlite_repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    # A slow moment of the machine would have a question asked once more, as one row.
    monkeypatch.setattr(sqlite_session, "_WAIT_SECONDS", 1e9)
    repo = sqlite_repo
    assert isinstance(repo.backend, SQLiteBackend)
    counts: list[int] = []
    for number in (4, 400):
        for _ in range(2):
            Scheduler(repo).run(many(number))
        heard = statements(repo.backend)
        found = diff_of_newest(repo)
        assert (found.sources[0].count, found.matched) == (number // 2, number * 3 // 2 + 1)
        counts.append(len(heard))
    assert counts[0] == counts[1] < 25


# -- which call stands in for which ------------------------------------------------------------------


def view(number: int, fullname: str, argument: int, parent: int | None = None, **parts: Any) -> JobView:
    """A job of a made-up execution."""
    id = number.to_bytes(16, "big")
    job = Job(
        id, b"e" * 16, None if parent is None else parent.to_bytes(16, "big"), b"t" * 32, None,  # type: ignore[arg-type]
        parts.get("status", JobStatus.DONE), parts.get("outcome", Outcome.RAN), 0.0, parts.get("took", 1.0), None,
        Reason(MissKind.NEW_TASK),
    )  # fmt: skip
    value = argument.to_bytes(32, "big")
    return JobView(job, fullname, ((Argument("x", value), str(argument)),), value, str(argument), "int")  # type: ignore[arg-type]


def matched(before: list[JobView], now: list[JobView]) -> list[tuple[str, str]]:
    def shown(one: JobView | None) -> str:
        return "" if one is None else f"{one.fullname}{one.result_preview}"

    return [(shown(place.before), shown(place.now)) for place in match_jobs(before, now)]


def test_equal_arguments_are_matched_before_order() -> None:
    before = [view(1, "main", 0), view(2, "f", 1, 1), view(3, "f", 2, 1), view(4, "f", 3, 1), view(5, "g", 9, 1)]
    now = [view(11, "main", 0), view(12, "f", 7, 11), view(13, "f", 1, 11), view(14, "f", 8, 11), view(15, "f", 3, 11)]
    assert matched(before, now) == [
        ("main0", "main0"), ("f2", "f7"), ("f1", "f1"), ("", "f8"), ("f3", "f3"), ("g9", ""),
    ]  # fmt: skip


def test_calls_are_matched_below_matched_callers_only() -> None:
    before = [view(1, "main", 0), view(2, "f", 1, 1), view(3, "g", 5, 2)]
    now = [view(11, "main", 0), view(12, "f", 2, 11), view(13, "g", 6, 12), view(14, "h", 3, 11), view(15, "g", 5, 14)]
    assert matched(before, now) == [("main0", "main0"), ("f1", "f2"), ("", "h3"), ("g5", "g6")]


def test_what_is_below_a_call_taken_whole_is_not_missing() -> None:
    before = [view(1, "main", 0), view(2, "f", 1, 1), view(3, "g", 5, 2)]
    now = [view(11, "main", 0), view(12, "f", 1, 11, outcome=Outcome.ULTIMATE, status=JobStatus.CACHED)]
    places = match_jobs(before, now)
    assert [place.hidden for place in places] == [False, True]
