"""What was recorded, asked from Python and shown in notebooks: as text, and as HTML that runs nothing."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import redux
from redux.cli.main import dispatch
from redux.repo import Repo
from redux.report.summaries import ExecutionSummary, History, JobSummary, MissSummary
from redux.scheduler import Report, Scheduler
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

from . import chromium, commands
from .error_texts import hold_to_golden
from .test_report import add, read, refuse
from .test_report_page import HOSTILE, poisoned

FLOW = """\
from redux import task


def scale(x):
    return x * 2


@task
def step(x: int) -> int:
    return scale(x)


@task
def main(n: int) -> list[int]:
    return [step(i) for i in range(n)]


@task
def bad(x: int) -> float:
    return 1 / x
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three runs: at first, after an edit of a helper, and one that failed."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    runs = ((FLOW, "main", "4"), (FLOW.replace("x * 2", "2 * x"), "main", "4"), (FLOW, "bad", "0"))
    for text, *words in runs:
        (folder / "flow.py").write_text(text)
        run = ("run", "--quiet", "--tag", "stage=raw", "flow.py", *words)
        done = commands.redux(folder, *run, PYTHONDONTWRITEBYTECODE="1")
        assert done.returncode == (words[0] == "bad"), done.stderr
    return folder


def plain(text: str) -> str:
    """Text or HTML without tags, ids and times."""
    text = re.sub("<[^>]*>", " ", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "<id>", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<moment>", text))
    return " ".join(re.sub(r"[\d.]+ m?s\b", "<time>", text).split())


def test_what_was_recorded_is_asked_from_python(project: Path) -> None:
    history = redux.history()
    assert [one.status for one in history] == ["failed", "done", "done"]
    assert len(redux.history(2)) == len(history[:2]) == 2
    assert history[0].command.endswith("redux run --quiet --tag stage=raw flow.py bad 0")
    edited = redux.execution(history[1].id[:8])
    assert redux.execution("~1") == edited
    assert edited.started == history[1].started
    assert [(row.fullname, row.ran, row.cached) for row in edited.tasks] == [("step", 4, 0), ("main", 0, 1)]
    assert dict(edited.tags)["stage"] == "raw"
    (cause,) = redux.explain_miss(edited.id).groups
    assert (cause.cause.words, cause.count) == ("function flow.scale changed", 4)
    assert edited.causes == (cause,)
    job = redux.job("step")
    assert (job.call, job.result) in [(f"step(x={x})", str(2 * x)) for x in range(4)]
    assert job.execution == edited.id
    assert job.miss is not None
    assert job.miss.cause.words == cause.cause.words
    assert redux.explain_miss("step").miss == redux.explain_miss(redux.job("step").id).miss
    (failed,) = redux.execution().failures
    assert failed.error == "ZeroDivisionError: division by zero"


def test_they_read_as_text(project: Path) -> None:
    edited = redux.history()[1]
    assert plain(str(redux.explain_miss(edited.id))) == (
        "execution <id> redux run --quiet --tag stage=raw flow.py main 4 function flow.scale changed: step ×4"
    )
    assert plain(str(redux.execution(edited.id))) == (
        "execution <id> done, <time> redux run --quiet --tag stage=raw flow.py main 4 5 jobs: 4 ran, 1 cached "
        "why: function flow.scale changed: step ×4"
    )
    assert re.fullmatch(
        r"job <id> done, <time> step\(x=\d\) → \d it ran: function flow.scale changed", plain(str(redux.job("step")))
    )
    assert plain(str(redux.history(1))) == "<id> failed <moment> <time> redux run --quiet --tag stage=raw flow.py bad 0"
    assert repr(redux.history()) == "<history of 3 executions>"
    assert repr(redux.execution(edited.id)) == f"<execution {edited.id[:8]} done: 5 jobs: 4 ran, 1 cached>"
    assert str(redux.explain_miss("bad")).endswith("never run before")
    reused = next(one for one in (redux.job("main"),) if one.miss is None)
    assert str(redux.explain_miss(reused.id)).endswith("it did not miss: its result was known")


def test_cells_of_a_notebook_show_them(project: Path) -> None:
    cells = project / "cells.json"
    cells.write_text(
        json.dumps(
            [
                "import redux\nfrom redux import Scheduler, task\n\n@task\ndef half(x: int):\n    return x / 2\n",
                "history = redux.history()\nhistory",
                "redux.execution(history[1].id)",
                "redux.explain_miss(history[1].id)",
                "redux.job('step')",
                "Scheduler().execute([half(3), half(4)])",
                "redux.execution()",
            ]
        )
    )
    runner = Path(__file__).with_name("notebook_cells.py")
    done = subprocess.run(
        [sys.executable, str(runner), str(cells), "--html"], cwd=project, capture_output=True, text=True, check=True
    )
    defined, history, execution, misses, job, ran, failed = json.loads(done.stdout)
    assert defined == ""
    assert "executions, newest first" in plain(history)
    assert "task ran reused task time saved step 4 – <time>" in plain(execution)
    assert "function flow.scale changed" in plain(misses)
    assert "-    return x * 2 +    return 2 * x" in re.sub("<[^>]*>", "", misses).replace("\n", " ")
    assert "step job <id> done, <time> of execution <id> arguments name value x" in plain(job)
    assert "half 2" in plain(ran)
    assert "[1.5, 2.0]" in plain(ran)
    assert "ZeroDivisionError: division by zero in bad(x=0)" in plain(failed)


def test_a_report_in_hand_shows_how_it_went() -> None:
    repo = Repo(MemoryBackend(), MemoryStore())
    failed = Scheduler(repo).execute(add([read(1), refuse(2)]))
    said = plain(failed._repr_html_())
    assert "failed, <time> ✕ ValueError: 2 is refused traceback" in said
    assert "report.refuse" in said


# -- what others wrote -------------------------------------------------------------------------------


@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", [0, 5, 12])
def test_no_text_does_anything_in_a_cell(project: Path, turn: int, tmp_path: Path) -> None:
    words = itertools.chain.from_iterable(itertools.repeat((*HOSTILE[turn:], *HOSTILE[:turn])))
    edited = redux.history()[1].id
    shown: list[ExecutionSummary | JobSummary | MissSummary | History | Report] = [
        poisoned(redux.history(), words),
        poisoned(redux.execution(edited), words),
        poisoned(redux.execution(), words),
        poisoned(redux.explain_miss(edited), words),
        poisoned(redux.job("step"), words),
        poisoned(redux.explain_miss("step"), words),
        replace(Scheduler(Repo(MemoryBackend(), MemoryStore())).execute(read(1)), result="".join(HOSTILE)),
    ]
    page = tmp_path / "cells.html"
    page.write_text("<!DOCTYPE html><title>cells</title>" + "".join(one._repr_html_() for one in shown), "utf-8")
    browser = chromium.shared()
    browser.look(1100)
    browser.open(chromium.url_of(page))
    assert browser.logs() == []
    assert browser.requests() == [chromium.url_of(page)]
    assert browser.run("return [document.title, typeof window.owned]") == ["cells", "undefined"]
    assert browser.run("return document.querySelectorAll('script, img, iframe, style, link, a, meta').length") == 0
    for one in shown[:-1]:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", f"{one}{one!r}")


def test_what_is_not_there_is_told_in_a_line(project: Path) -> None:
    job = redux.job("step").id
    attempts: dict[str, Callable[[], object]] = {
        "redux.execution('beef')": lambda: redux.execution("beef"),
        "redux.execution('~3')": lambda: redux.execution("~3"),
        "redux.execution(JOB)": lambda: redux.execution(job),
        "redux.job('gone')": lambda: redux.job("gone"),
        "redux.job(EXECUTION)": lambda: redux.job(redux.history()[0].id),
        "redux.explain_miss('gone')": lambda: redux.explain_miss("gone"),
        "redux.history(folder=/)": lambda: redux.history(folder=Path("/")),
    }
    hold_to_golden("history_errors", attempts, project)


def test_an_empty_project_has_an_empty_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    dispatch(("init",))
    with pytest.raises(redux.ReduxError):
        redux.execution()
