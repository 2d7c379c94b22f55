"""A crash costs time only: the reference workflow dies at every commit and store call in turn, and is run again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from redux.fsck.check import Check
from redux.repo import Repo
from redux_backends import schema
from redux_backends.records import JobStatus
from redux_backends.sql import SqlBackend
from redux_valuestore.digest import Digest

from . import postgres_server, reference

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[[str, Path, int | None], dict[str, Any]]


@contextmanager
def a_sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'redux.db'}"


@contextmanager
def a_postgres(folder: Path) -> Iterator[str]:
    with postgres_server.shared().database() as url:
        yield url


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs the reference workflow in a process that may die."""
    command = [sys.executable, "-m", "tests.reference"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def order(url: str, folder: Path, death: int | None) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"url": url, "folder": str(folder), "death": death}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield order


def content(repo: Repo) -> dict[str, object]:
    """All that is recorded, by content: without times, places and the names of executions and jobs."""
    backend, integrity = repo.backend, repo.backend.integrity()
    keys = [row.key for page in integrity.evaluations() for row in page]
    tasks = [row for page in integrity.tasks() for row in page]
    calls = [backend.get_call(row.hash) for page in integrity.calls() for row in page]
    assert isinstance(backend, SqlBackend)
    values = backend._database.view(lambda connection: list(connection.execute(select(schema.value.c.hash)).scalars()))
    held = backend.get_held(values)
    versions = [version.hash for each in held.values() for version in each.handles]
    jobs = backend.jobs(execution=backend.executions(1)[0].id, limit=1000)
    return {
        "keys": {key.eval_hash: key for key in keys},
        "tasks": {row.hash: (row.fullname, row.pieces) for row in tasks},
        "calls": {
            call.call_hash: (call.eval_hash, call.result, call.children, call.task_set, call.upstreams)
            for call in calls
            if call is not None
        },
        "results": {
            eval_hash: {(each.value.hash, each.leaf) for each in found}
            for eval_hash, found in backend.check_cache([key.eval_hash for key in keys]).items()
        },
        "sets": {row.hash: set(row.tasks) for page in integrity.task_sets() for row in page},
        "values": (held, dict(backend.get_values(values))),
        "in the store": {digest: bytes(repo.store.get(digest)) for digest in _stored(repo, values)},
        "handles": (set(versions), backend.valid_handles(versions)),
        "jobs": sorted((view.fullname, view.job.status is JobStatus.FAILED, str(view.job.call_hash)) for view in jobs),
        "tags": _tags(repo, [*values, *(row.hash for row in tasks)]),
        "job tags": sorted(
            (view.fullname, tag.key, tag.value)
            for view in jobs
            for tag in backend.get_tags([view.job.id]).get(view.job.id, ())
        ),
    }


def _stored(repo: Repo, values: list[Digest]) -> list[Digest]:
    return [digest for digest, stored in repo.backend.get_values(values).items() if stored.data is None]


def _tags(repo: Repo, entities: list[Digest]) -> set[tuple[bytes, str, str]]:
    found = repo.backend.get_tags(entities)
    return {(entity, tag.key, tag.value) for entity, tags in found.items() for tag in tags}


def assert_nothing_is_damaged(repo: Repo) -> None:
    assert [one for one in Check(repo, 1.0).findings() if one.is_damage] == []


def assert_nothing_runs(repo: Repo) -> None:
    for execution in repo.backend.executions(10):
        assert execution.status is not JobStatus.RUNNING
        assert repo.backend.jobs(execution=execution.id, status=JobStatus.RUNNING) == []


def begin(folder: Path) -> Path:
    folder.mkdir()
    (folder / reference.RAIN).write_text("drip drop")
    return folder


@pytest.mark.parametrize("database", [a_sqlite, a_postgres])
@pytest.mark.parametrize("every", [pytest.param(25, id="some"), pytest.param(1, id="all", marks=pytest.mark.faults)])
@pytest.mark.timeout(900)
def test_killed_at_any_commit_or_store_call_the_next_run_makes_what_a_clean_one_makes(
    tmp_path: Path, run: Run, database: Any, every: int
) -> None:
    whole = begin(tmp_path / "whole")
    with database(whole) as url:
        clean = run(url, whole, None)
        assert (clean["code"], clean["trouble"]) == (0, None)
        with closing(reference.open_reference(url, whole)) as repo:
            graph = content(repo)
    steps = range(every // 5, clean["steps"] - every // 2, every)  # the very last ones are for who strikes at each
    died = 0
    for death in steps:
        folder = begin(tmp_path / str(death))
        with database(folder) as url:
            ended = run(url, folder, death)
            died += ended["code"] == -signal.SIGKILL
            with closing(reference.open_reference(url, folder)) as repo:
                assert_nothing_runs(repo)
                if death % 5 == 0:
                    assert_nothing_is_damaged(repo)
            again = run(url, folder, None)
            assert (again["code"], again["answer"], again["trouble"]) == (0, clean["answer"], None), death
            with closing(reference.open_reference(url, folder)) as repo:
                assert content(repo) == graph, death
                assert_nothing_runs(repo)
                assert_nothing_is_damaged(repo)
    assert died >= len(steps) * 0.9  # threads may take fewer steps another time
    sys.stderr.write(f"\nkilled: {died} of {len(steps)} points ({database.__name__}), 0 harmed\n")
