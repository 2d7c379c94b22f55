"""`redux.pytest`: a scheduler for tests of workflows, and tasks that stay with the test that defines them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_each_test_has_a_scheduler_and_a_registry_of_its_own(tmp_path: Path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["redux.pytest"]\n')
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "test_flow.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", ".", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
