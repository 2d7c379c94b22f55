"""A dry run says what would run and why, runs nothing and records nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from redux import Scheduler, task
from redux.functools import throw
from redux.repo import open_repo
from redux_backends.records import MissKind

from . import commands

redux_namespace = "dry"
ran: list[int] = []

FLOW = """
from redux import task

@task
def fetch(name):
    return name * 2

@task
def count(text):
    return len(text)

@task
def main(names: list[str]):
    return [count(fetch(name)) for name in names]
"""


@task(version="1")
def step(number: int) -> int:
    ran.append(number)
    return number


@task(version="1")
def both(a: int, b: int) -> int:
    return step(a) + step(b)


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.redux(folder, *words)


def test_nothing_runs_nothing_is_recorded_and_what_is_known_is_walked(tmp_path: Path):
    repo = open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))
    scheduler = Scheduler(repo)
    first = scheduler.dry_run(both(1, 2))
    assert [(one.fullname, one.arguments, one.reason.kind) for one in first.would_run] == [
        ("dry.both", "a=1, b=2", MissKind.NEW_TASK)
    ]
    assert ran == []
    assert repo.backend.jobs() == []
    scheduler.run(both(1, 2))
    jobs = repo.backend.jobs()
    assert scheduler.dry_run(both(1, 2)).value == 3
    then = scheduler.dry_run([both(1, 2), step(1), step(7)])
    assert [(one.fullname, one.arguments) for one in then.would_run] == [("dry.step", "number=7")]
    assert repo.backend.jobs() == jobs
    assert ran == [1, 2]


def test_an_error_on_the_way_is_raised():
    with pytest.raises(ZeroDivisionError):
        Scheduler().dry_run(throw(ZeroDivisionError()))


def test_the_command_says_why_and_ends_with_3(tmp_path: Path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / ".git").mkdir()
    assert redux(tmp_path, "run", "flow.py", "main", "--names", '["a", "b"]').returncode == 0
    dry = redux(tmp_path, "run", "--dryrun", "flow.py", "main", "--names", '["a", "b"]')
    assert (dry.returncode, dry.stdout) == (0, "[2, 2]\n")
    (tmp_path / "flow.py").write_text(FLOW.replace("name * 2", "name * 3"))
    dry = redux(tmp_path, "run", "--dryrun", "flow.py", "main", "--names", '["a", "b"]')
    assert (dry.returncode, dry.stdout) == (3, "")
    assert dry.stderr == (
        "2 calls would run, and what comes after:\n"
        "  fetch(name='a'): its code changed\n"
        "  fetch(name='b'): its code changed\n"
    )
    shown = json.loads(redux(tmp_path, "run", "--dryrun", "--json", "flow.py", "main", "--names", '["c"]').stdout)
    assert shown["would_run"] == [
        {"task": "main", "arguments": "names=['c']", "why": "never called with these arguments"}
    ]
    assert len(redux(tmp_path, "log", "--json").stdout.splitlines()) == 1
