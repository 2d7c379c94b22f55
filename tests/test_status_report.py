"""Where no terminal shows how a run goes, it is said every so many seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from redux.cli.progress import progress_table
from redux.cli.status import report_regularly, status_lines
from redux.scheduler import Scheduler, TaskStatus
from redux.task import task

redux_namespace = "test_status_report"

TABLE = """\
jobs at 2026-11-20 23:21:20
task        pending  running  failed  cached  done  total
all               2        2       1   1,200     7  1,212
demo.boom         0        0       1       0     0      1
demo.fetch        2        1       0   1,200     7  1,210
demo.main         0        1       0       0     0      1
"""


def test_the_table_of_jobs():
    now = time.mktime((2026, 11, 20, 23, 21, 20, 0, 0, -1))
    status = {
        "demo.main": TaskStatus(running=1),
        "demo.fetch": TaskStatus(2, 1, 0, 1_200, 7),
        "demo.boom": TaskStatus(failed=1),
    }
    assert "\n".join(status_lines(status, now)) + "\n" == TABLE
    many = status_lines({f"t{number:02}": TaskStatus(done=1) for number in range(50)}, now)
    assert len(many) == 44
    assert many[-1] == "and 10 more tasks"
    assert many[2].split() == ["all", "0", "0", "0", "0", "50", "50"]


def test_a_terminal_shows_the_same_numbers():
    status = {"demo.main": TaskStatus(running=1), "demo.fetch": TaskStatus(2, 1, 0, 1_200, 7)}
    shown = StringIO()
    console = Console(file=shown, width=80)
    console.print(progress_table(status, 1.5, 10))
    assert [line.split() for line in shown.getvalue().splitlines()] == [
        ["task", "pending", "running", "done", "cached", "failed"],
        ["demo.fetch", "2", "1", "7", "1,200", "·"],
        ["demo.main", "·", "1", "·", "·", "·"],
        ["in", "all,", "1.5", "s", "2", "2", "7", "1,200", "·"],
    ]


def test_it_is_said_each_time_that_the_interval_has_passed():
    waited: list[float] = []
    told: list[str] = []
    moments = iter([100.0, 120.0])

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) > 2

    numbers = iter([{"a": TaskStatus(running=1)}, {"a": TaskStatus(done=1)}])
    report_regularly(lambda: next(numbers), 20.0, wait, lambda lines: told.append(lines[-1]), lambda: next(moments))
    assert waited == [20.0] * 3
    assert [line.split() for line in told] == [["a", *"010001"], ["a", *"000011"]]


seen: list[object] = []
running: list[Scheduler] = []


@task(version="1")
def leaf(x: int) -> int:
    seen.append(dict(running[0].status))
    return x


@task(version="1")
def last(xs: list[int]) -> int:
    return sum(xs)


@task(version="1")
def main() -> int:
    return last([leaf(1), leaf(2)])


def test_the_numbers_tell_what_waits_from_what_runs():
    running[:] = [Scheduler(executor="inline")]
    running[0].run(main())
    names = [f"test_status_report.{name}" for name in ("main", "leaf", "last")]
    first, second = ([status[name].numbers for name in names] for status in seen)
    assert first == [(0, 1, 0, 0, 0), (1, 1, 0, 0, 0), (1, 0, 0, 0, 0)]
    assert second[1] == (0, 2, 0, 0, 0)
    assert running[0].status == {}


FLOW = """
from redux import task

@task
def wait(begun: str, go: str) -> str:
    open(begun, "w").close()
    return open(go).read()
"""


@pytest.mark.parametrize("how", ["flag", "setting", "off"])
def test_redux_run_says_it_where_there_is_no_terminal(workflow: Callable[[str], Path], how: str):
    path = workflow(FLOW)
    folder = path.parent
    flags = {"flag": ["--status-interval", "0.01"], "setting": [], "off": ["--status-interval", "0"]}[how]
    (folder / "pyproject.toml").write_text("[tool.redux.run]\nstatus_interval = 0.01\n")
    for fifo in ("begun", "go"):
        os.mkfifo(folder / fifo)
    command = [sys.executable, "-m", "redux", "run", *flags, "flow.py", "wait", "--begun", "begun", "--go", "go"]
    process = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    (folder / "begun").read_text()
    said = ""
    while how != "off" and said.split() != ["wait", "0", "1", "0", "0", "0", "1"]:
        said = process.stderr.readline()
        assert said, "the run ended"
    (folder / "go").write_text("gone on")
    out, rest = process.communicate()
    assert out == "'gone on'\n"
    assert how != "off" or "pending" not in rest
