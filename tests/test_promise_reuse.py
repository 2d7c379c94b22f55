"""Promise 1: reuse never changes an answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

from . import postgres_server
from .conftest import load_workflow
from .programs import Program, edits, programs


def _agree(repo: Repo, path: Path, program: Program, inputs: list[int], data: st.DataObject) -> None:
    path.write_text(program.text())
    main = getattr(load_workflow(path), program.main)
    scheduler = Scheduler(
        repo,
        workers=data.draw(st.sampled_from((1, 4)), "workers"),
        use_cache=data.draw(st.sampled_from((True, True, True, False)), "cache"),
        folder=path.parent,
    )
    assert scheduler.run([main(x) for x in inputs]) == [program.answer(x) for x in inputs]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_a_program_edited_again_and_again_always_answers_as_without_a_cache(
    program: Program, inputs: list[int], data: st.DataObject
):
    repo = Repo(MemoryBackend(), MemoryStore())
    with tempfile.TemporaryDirectory() as folder:
        seen = [program]
        for _ in range(6):
            _agree(repo, Path(folder) / "flow.py", program, inputs, data)
            again = data.draw(st.booleans(), "go back to an earlier text")
            program = data.draw(st.sampled_from(seen)) if again else data.draw(edits(program))
            seen.append(program)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, st.data())
def test_the_same_holds_on_sqlite_across_reopening(program: Program, data: st.DataObject):
    with tempfile.TemporaryDirectory() as folder:
        _agree_across_reopening(f"sqlite:///{folder}/redux.db", folder, program, data)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, st.data())
def test_the_same_holds_on_postgresql_across_reopening(program: Program, data: st.DataObject):
    with tempfile.TemporaryDirectory() as folder, postgres_server.shared().database() as url:
        _agree_across_reopening(url, folder, program, data)


def _agree_across_reopening(url: str, folder: str, program: Program, data: st.DataObject) -> None:
    for _ in range(4):
        repo = open_repo(url, f"{folder}/values", 64)
        _agree(repo, Path(folder) / "flow.py", program, [1, 2], data)
        repo.close()
        program = data.draw(edits(program))


DEFAULTS = """
from redux import task

redux_namespace = "defaults"


@task
def inner(x, y={default}):
    return x + y


@task(check_valid="shallow")
def apply(function):
    return function(1)


@task(check_valid="shallow")
def main():
    return [inner(1), apply(inner)]
"""


def test_a_default_of_a_task_counts_for_shallow_callers(workflow: Callable[[str], Path]):
    repo = Repo(MemoryBackend(), MemoryStore())
    for default in (1, 2, 1):
        path = workflow(DEFAULTS.format(default=default))
        main = load_workflow(path).main
        assert Scheduler(repo, folder=path.parent).run(main()) == [1 + default] * 2
