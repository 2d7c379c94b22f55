"""`redux.pytest_plugin`: a scheduler for tests of workflows, and assertions on what is answered from the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import commands

HELPERS = 'def double(n):\n    """Twice."""\n    return 2 * n\n'
TESTS = """
import helpers
from redux import task
from redux.task import get_task_registry

@task(namespace="all")
def outside(n):
    return n

def test_one(scheduler, own_tasks):
    @task(namespace="all")
    def once(n):
        return helpers.double(n)
    assert scheduler.run([once(3), once(3)]) == [6, 6]
    assert scheduler.progress["all.once"].done == 1
    assert own_tasks.get("all.once") is once
    assert any(piece.name.endswith("double") for piece in scheduler.repo.backend.get_task(once.task_hash).pieces)

def test_another_task_may_have_the_name_and_nothing_is_remembered(scheduler):
    assert [task.fullname for task in get_task_registry() if task.namespace == "all"] == ["all.outside"]
    once = task(namespace="all", name="once")(lambda n: 3 * n)
    assert scheduler.run(once.options(cache_scope="BACKEND")(3)) == 9
    assert scheduler.progress["all.once"].done == 1
"""

FLOW = """
from pathlib import Path
from redux import File, Handle, task

FACTOR = 2

def scale(x):
    return x * FACTOR

@task
def clean(x: int) -> int:
    with open("ran.txt", "a") as ran:
        ran.write(f"{x} ")
    return scale(x)

@task
def total(xs):
    return sum(xs)

@task
def read(file):
    return file.read()

class Conn(Handle):
    def __init__(self, name):
        self.name = name

@task
def query(conn):
    return 1

@task
def main(n):
    return total([clean(x) for x in range(n)])
"""

ASSERTING = """
from pathlib import Path
import flow
import pytest
from redux import File
from {module} import assert_cached, assert_reruns

def test_what_was_run_is_cached_and_nothing_runs_to_tell(scheduler):
    with pytest.raises(AssertionError, match="never run before"):
        assert_cached(flow.main(3))
    assert not Path("ran.txt").exists()
    scheduler.run(flow.main(3))
    Path("ran.txt").unlink()
    assert_cached(flow.main(3))
    assert_cached([flow.clean(1), {{"more": flow.clean(2)}}])
    assert not Path("ran.txt").exists()

def test_an_edit_runs_what_it_should(scheduler, monkeypatch):
    scheduler.run(flow.main(3))
    monkeypatch.setattr(flow, "FACTOR", 3)
    assert_reruns(flow.main(3))
    assert_reruns(flow.main(3), because="constant flow.FACTOR changed")
    assert_reruns(flow.main(3), because="+FACTOR = 3", task=flow.clean)
    assert_reruns(flow.main(3), because="code changed", task="clean")
    assert_cached(flow.total([0, 2, 4]))

def test_other_arguments(scheduler):
    scheduler.run(flow.main(3))
    assert_reruns(flow.main(4), because="n: 3 → 4", task=flow.main)
    assert_reruns(flow.clean(7), because="new arguments")

def test_a_file(scheduler, tmp_path):
    file = tmp_path / ("long" * 20)
    file.write_text("one")
    scheduler.run(flow.read(File(str(file))))
    assert_cached(flow.read(File(str(file))))
    file.write_text("two")
    assert_reruns(flow.read(File(str(file))), because="file: looks the same, but its content")

def test_a_handle(scheduler):
    with pytest.raises(AssertionError, match="never run before"):
        assert_cached(flow.query(flow.Conn("c")))
    assert_reruns([flow.clean(1), flow.query(flow.Conn("c"))], task=flow.query)
    scheduler.run(flow.query(flow.Conn("c")))
    assert_cached(flow.query(flow.Conn("c")))
"""

FAILING = """
import flow
from redux.pytest_plugin import assert_cached, assert_reruns

def test_cached(scheduler, monkeypatch):
    scheduler.run(flow.main(3))
    monkeypatch.setattr(flow, "FACTOR", 3)
    assert_cached(flow.main(3))

def test_reruns(scheduler):
    scheduler.run(flow.main(3))
    assert_reruns(flow.main(3))

def test_for_this_reason(scheduler):
    scheduler.run(flow.main(3))
    assert_reruns(flow.main(4), because="function flow.scale changed")

def test_this_task(scheduler):
    scheduler.run(flow.main(3))
    assert_reruns(flow.main(4), task=flow.clean)

def test_no_call(scheduler):
    assert_cached(scheduler.run(flow.main(3)))

def test_no_scheduler():
    assert_cached(flow.main(3))
"""
SAID = """\
E   AssertionError: main(3) is not answered from the cache; what runs first:
E     clean(x=0) and 2 more: constant flow.FACTOR changed
E       --- flow.FACTOR (before)
E       +++ flow.FACTOR (now)
E       @@ -1 +1 @@
E       -FACTOR = 2
E       +FACTOR = 3
E   AssertionError: main(3) is answered from the cache: nothing runs
E   AssertionError: main(4) runs, but no reason says 'function flow.scale changed'; what runs first:
E     main(n=4): never called with these arguments
E       n: 3 → 4
E   AssertionError: a call of clean would not run; what runs first:
E     main(n=4): never called with these arguments
E       n: 3 → 4
E   TypeError: there is no call of a task in 6; give the call itself, as in main(3)
E   redux.scheduler.current.NoScheduler: no scheduler is running in this thread: ask for it in a rule \
(@scheduler_task), which a scheduler evaluates, or say which one with set_current_scheduler
"""

PROJECT = """
import flow
from redux.pytest_plugin import assert_cached, assert_reruns

def test_what_was_recorded_holds(project_scheduler):
    assert_cached(flow.main(3))
    assert_reruns(flow.main(4), because="n: 3 → 4")
"""


def _pytest(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--rootdir", ".", *words, "."]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REDUX_", "PYTEST_"))}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=kept)
    return done.stdout + done.stderr


def _project(folder: Path, tests: str, module: str = "redux.pytest_plugin") -> None:
    (folder / "conftest.py").write_text(f'pytest_plugins = ["{module}"]\n')
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "flow.py").write_text(FLOW)
    (folder / "test_flow.py").write_text(tests)


def test_each_test_has_a_scheduler_and_a_registry_of_its_own(tmp_path: Path):
    _project(tmp_path, TESTS)
    said = _pytest(tmp_path, "-q")
    assert "2 passed" in said, said


@pytest.mark.parametrize("module", ["redux.pytest_plugin", "redux.pytest"])
def test_assertions_tell_what_is_cached_and_what_runs_and_run_nothing(tmp_path: Path, module: str):
    _project(tmp_path, ASSERTING.format(module=module), module)
    said = _pytest(tmp_path, "-q")
    assert "5 passed" in said, said


def test_an_assertion_that_fails_says_what_runs_and_why(tmp_path: Path):
    _project(tmp_path, FAILING)
    said = _pytest(tmp_path, "-q", "--tb=short")
    shown = "".join(f"{line}\n" for line in said.splitlines() if line.startswith("E "))
    assert shown == SAID, said


def test_a_test_may_ask_the_projects_own_repository_which_is_not_made_for_it(tmp_path: Path):
    _project(tmp_path, PROJECT)
    (tmp_path / "pyproject.toml").write_text("[tool.redux]\n")
    assert "ProjectMissing: no .redux in" in _pytest(tmp_path, "-q")
    assert not (tmp_path / ".redux").exists()
    commands.told(tmp_path, "run", "--quiet", "flow.py", "main", "3")
    before = sorted((path, path.stat().st_size) for path in (tmp_path / ".redux").rglob("*"))
    said = _pytest(tmp_path, "-q")
    assert "1 passed" in said, said
    assert sorted((path, path.stat().st_size) for path in (tmp_path / ".redux").rglob("*")) == before
