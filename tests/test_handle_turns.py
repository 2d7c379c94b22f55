"""Handles and several runs at once: one changes what is outside, and another is told, in threads and processes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from redux.functools import subrun
from redux.handle import Handle
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux.task import task

from .conftest import load_workflow
from .test_handle import FLOW, run, run_flow_in

redux_namespace = "turns"

Workflow = Callable[[str], Path]


class Trail(Handle):
    """Says what was done, in the order in which it was done."""

    def __init__(self, name: str, path: str) -> None:
        self.path = Path(path)

    def add(self, what: str) -> None:
        with self.path.open("a") as trail:
            trail.write(f"{what} ")


class Gate:
    """Where a task says that it is there, and waits."""

    def __init__(self) -> None:
        self.reached, self.opened = Event(), Event()


GATES = {"": Gate()}


@task(version="1")
def leave(trail: Any, what: str, after: object = None) -> Any:
    trail.add(what)
    return trail


@task(version="1")
def leave_slowly(trail: Any, what: str) -> Any:
    trail.add(what)
    GATES[""].reached.set()
    assert GATES[""].opened.wait(30)
    trail.add(f"still {what}")
    return trail


@task(version="1", cache=False)
def wait_at_the_gate() -> int:
    GATES[""].reached.set()
    assert GATES[""].opened.wait(30)
    return 1


@contextmanager
def beside_us(repo: Repo, expression: object) -> Iterator[Future[Report]]:
    """Another run, which has come to the gate; it may go on when the block ends."""
    GATES[""] = gate = Gate()
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(Scheduler(repo).execute, expression)
        assert gate.reached.wait(30)
        try:
            yield other
        finally:
            gate.opened.set()


def test_while_a_run_changes_what_a_handle_stands_for_no_other_does(repo: Repo, tmp_path: Path) -> None:
    trail = Trail("trail", str(tmp_path / "trail"))
    far = Trail("trail", str(tmp_path / "far"))
    with beside_us(repo, leave(leave_slowly(trail, "one"), "two")) as other:
        report = Scheduler(repo).execute([leave(trail, "three"), leave(far, "one")])
        assert report.failure is not None
        assert re.fullmatch(
            r"task turns.leave was not run: what Trail\('trail'\) stands for is being changed by another run "
            r"\(\w{8}\); run it again when that one has ended",
            str(report.failure.error),
        )
        Scheduler(repo).run(leave(far, "one"))
    assert other.result().failure is None
    assert (tmp_path / "trail").read_text() == "one still one two "
    Scheduler(repo).run(leave(trail, "three"))
    assert (tmp_path / "trail").read_text() == "one still one two three "
    assert (tmp_path / "far").read_text() == "one "


def test_runs_that_only_take_from_the_cache_do_not_stand_in_each_others_way(repo: Repo, tmp_path: Path) -> None:
    trail = Trail("trail", str(tmp_path / "trail"))
    steps = leave(leave(trail, "one"), "two")
    Scheduler(repo).run(steps)
    with beside_us(repo, [leave(leave(trail, "one"), "two"), wait_at_the_gate()]):
        Scheduler(repo).run([leave(leave(trail, "one"), "two"), 1])
    assert (tmp_path / "trail").read_text() == "one two "


def test_a_run_does_not_go_on_from_where_the_line_is_not_any_more(repo: Repo, tmp_path: Path) -> None:
    trail = Trail("trail", str(tmp_path / "trail"))
    Scheduler(repo).run(leave(trail, "one"))
    with beside_us(repo, leave(leave(trail, "one"), "two", wait_at_the_gate())) as other:
        Scheduler(repo).run(leave(trail, "instead"))
    failure = other.result().failure
    assert failure is not None
    assert str(failure.error) == (
        "task turns.leave was not run: what Trail('trail') stands for has moved on since this run took it from the "
        "cache, for a call before this one ran again; run it again"
    )
    assert (tmp_path / "trail").read_text() == "one instead "
    Scheduler(repo).run(leave(leave(trail, "one"), "two"))
    assert (tmp_path / "trail").read_text() == "one instead one two "


def test_what_another_run_did_while_this_one_came_to_its_turn_is_not_done_twice(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail("trail", str(tmp_path / "trail"))
    claim = repo.backend.claim_line

    def late(*words: Any) -> Any:
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(Scheduler(repo).run, leave(leave(trail, "one"), "two")).result()
        return claim(*words)

    monkeypatch.setattr(repo.backend, "claim_line", late)
    Scheduler(repo).run(leave(leave(trail, "one"), "two"))
    assert (tmp_path / "trail").read_text() == "one two "


WAITING = FLOW.replace('note("first")', 'print("there", flush=True); sys.stdin.read(1); note("first")').replace(
    "import sqlite3", "import sqlite3, sys", 1
)


@task(version="1")
def leave_below(trail: Any, what: str, where: str) -> Any:
    return subrun(leave(trail, what), executor=where, new_execution=True)


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_an_execution_below_another_is_not_kept_off_by_it(sqlite_repo: Repo, tmp_path: Path, where: str) -> None:
    trail = Trail("trail", str(tmp_path / "trail"))
    assert isinstance(Scheduler(sqlite_repo).run(leave(leave_below(leave(trail, "1"), "2", where), "3")), Trail)
    assert (tmp_path / "trail").read_text() == "1 2 3 "


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_a_process_has_a_line_for_itself_until_it_ends(
    sqlite_repo: Repo, workflow: Workflow, tmp_path: Path, ends: str
) -> None:
    path = workflow(WAITING)
    (path.parent / "ran").write_text("")
    code = run_flow_in(path.parent, tmp_path)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        report = Scheduler(sqlite_repo, folder=path.parent).execute(load_workflow(path).main())
        assert "is being changed by another run" in str(report.failure and report.failure.error)
        if ends == "killed":
            other.kill()
        else:
            other.stdin.write("x")
            other.stdin.flush()
            assert other.wait(30) == 0
            assert run(sqlite_repo, path, WAITING) == []
    assert {"first", "second", "third"} <= set(run(sqlite_repo, path, FLOW))
    assert run(sqlite_repo, path, FLOW) == []
