"""What is forgotten is used by no run until it was made anew, wherever it stands; nothing of the history goes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from redux import File, Scheduler, task
from redux.amending.forgetting import by_task, forget, forgotten_of, remember, still_remembered
from redux.explain import group_causes
from redux.fsck.check import Check
from redux.repo import Repo, open_repo
from redux_backends.backend import FORGOTTEN
from redux_backends.records import Batch, MissKind, Reason, Tag

from . import commands

redux_namespace = "forget"

ran: list[Any] = []


@pytest.fixture(autouse=True)
def afresh() -> None:
    ran.clear()


@task
def leaf(x: int) -> int:
    ran.append(("leaf", x))
    return int(os.environ.get("OTHER_LEAF") or x * 10)


@task
def middle(x: int) -> Any:
    ran.append(("middle", x))
    return [leaf(x), leaf(x + 1)]


@task(check_valid="shallow")
def shallow(x: int) -> Any:
    ran.append(("shallow", x))
    return middle(x)


@task
async def awaited(x: int) -> Any:
    ran.append(("awaited", x))
    return await shallow(x)


@task
def top(x: int) -> Any:
    ran.append(("top", x))
    return [middle(x), awaited(x)]


RESULT = [[10, 20], [10, 20]]
EVERYTHING = {("leaf", 1), ("leaf", 2), ("middle", 1), ("shallow", 1), ("awaited", 1), ("top", 1)}


def run(repo: Repo, expected: object = RESULT, call: Any = None, use_cache: bool = True) -> set[Any]:
    """Run `top(1)`, or another call; what ran."""
    ran.clear()  # before: what a task's code names counts as its code
    report = Scheduler(repo, use_cache=use_cache).execute(top(1) if call is None else call)
    assert report.value == expected, report.failure
    assert report.storage_trouble is None
    return set(ran)


def calls_of(repo: Repo, name: str) -> list[bytes]:
    """The calls of a task, as jobs know them."""
    views = repo.backend.jobs(task=f"forget.{name}")
    return sorted({view.job.call_hash for view in views if view.job.call_hash is not None})


def forget_task(repo: Repo, name: str, by: str = "ada") -> int:
    """All calls of a task forgotten; how many there were."""
    versions = repo.backend.known_tasks([f"forget.{name}"])[f"forget.{name}"]
    found = repo.backend.remembered("task", versions)
    forget(repo.backend, found, by)
    return sum(one.calls for one in by_task(found))


def causes(repo: Repo) -> list[str]:
    """The root causes of the newest execution's misses, without the moment."""
    (newest,) = repo.backend.executions(1)
    return [one.cause.words.partition(" on ")[0] for one in group_causes(repo.backend, newest.id)]


def reasons(repo: Repo) -> dict[str, set[Reason]]:
    """Why the jobs of the newest execution ran, by task."""
    (newest,) = repo.backend.executions(1)
    found: dict[str, set[Reason]] = {}
    for view in repo.backend.jobs(execution=newest.id, missed=True):
        assert view.job.reason is not None
        found.setdefault(view.fullname.partition(".")[2], set()).add(view.job.reason)
    return found


def test_a_forgotten_call_deep_down_runs_once_more_and_what_is_reused_as_a_whole_above_it(repo: Repo):
    assert run(repo) == EVERYTHING
    assert run(repo) == set()
    (one, _) = calls_of(repo, "leaf")
    forget(repo.backend, repo.backend.remembered("call", [one]), "ada")
    again = run(repo)
    assert {name for name, _ in again} == {"leaf", "awaited"}
    assert len(again) == 2
    why = reasons(repo)
    assert {reason.kind for reason in why["awaited"]} == {MissKind.FORGOTTEN_BELOW}
    (own,) = why["leaf"]
    assert own.kind is MissKind.FORGOTTEN
    assert own.detail.startswith("ada on 20")
    assert causes(repo) == ["what was remembered of it was forgotten by ada"]
    assert run(repo) == set()
    assert not repo.backend.tags_of([FORGOTTEN])
    assert [*Check(repo).findings()] == []


@pytest.mark.parametrize("name", ["leaf", "middle", "shallow", "awaited", "top"])
def test_each_task_forgotten_runs_again_and_what_it_calls_does_not(name: str, repo: Repo):
    run(repo)
    assert forget_task(repo, name) == (2 if name == "leaf" else 1)
    above = {"awaited"} if name != "top" else set()
    assert {each for each, _ in run(repo)} == {name} | above
    assert run(repo) == set()


def test_what_was_forgotten_counts_again_once_that_is_undone(repo: Repo):
    run(repo)
    forget_task(repo, "leaf")
    found = repo.backend.remembered("task", repo.backend.known_tasks(["forget.leaf"])["forget.leaf"])
    assert not still_remembered(repo.backend, found)
    assert len(remember(repo.backend, found)) == 2
    assert not remember(repo.backend, found)
    assert run(repo) == set()
    history = repo.backend.tag_history(found[0].entity)
    assert [one.tag.value is None for one in history] == [False, True]


def test_of_another_result_the_old_one_stays_forgotten(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    run(repo)
    (old,) = {one.entity for one in repo.backend.remembered("call", [calls_of(repo, "leaf")[0]])}
    forget_task(repo, "leaf")
    monkeypatch.setenv("OTHER_LEAF", "7")
    assert {name for name, _ in run(repo, [[7, 7], [7, 7]])} == {"leaf", "awaited"}
    assert run(repo, [[7, 7], [7, 7]]) == set()
    assert old in forgotten_of(repo.backend, [old])
    forget_task(repo, "leaf")
    assert {name for name, _ in run(repo, [[7, 7], [7, 7]])} == {"leaf", "awaited"}


@task
def reads(path: str) -> File:
    ran.append("reads")
    return File(path)


def test_an_older_forgotten_result_does_not_stand_in_for_one_that_became_invalid(repo: Repo, tmp_path: Path):
    path = tmp_path / "file"
    for text in ("one", "two"):
        path.write_text(text)
        assert run(repo, File(str(path)), reads(str(path))) == {"reads"}
    forget_task(repo, "reads")
    path.write_text("three")
    assert run(repo, File(str(path)), reads(str(path))) == {"reads"}
    path.write_text("one")
    assert run(repo, File(str(path)), reads(str(path))) == {"reads"}
    path.write_text("three")
    assert run(repo, File(str(path)), reads(str(path))) == set()


def test_an_execution_forgotten_is_what_ran_in_it(repo: Repo):
    run(repo, [10, 20], middle(1))
    run(repo)
    (newest,) = repo.backend.executions(1)
    found = repo.backend.remembered("execution", [newest.id])
    assert {one.fullname for one in found} == {"forget.top", "forget.awaited", "forget.shallow"}
    forget(repo.backend, found, "ada")
    assert {name for name, _ in run(repo)} == {"top", "awaited", "shallow"}


def test_without_the_cache_what_is_made_anew_counts_too(repo: Repo):
    run(repo)
    forget_task(repo, "leaf")
    assert run(repo, use_cache=False) == EVERYTHING
    assert not repo.backend.tags_of([FORGOTTEN])
    assert run(repo) == set()


def test_a_dry_run_changes_nothing_of_what_is_forgotten(repo: Repo):
    run(repo)
    forget_task(repo, "leaf")
    before = repo.backend.tags_of([FORGOTTEN])
    ran.clear()
    would = Scheduler(repo).dry_run(top(1)).would_run
    assert {one.reason.kind for one in would} == {MissKind.FORGOTTEN, MissKind.FORGOTTEN_BELOW}
    assert repo.backend.tags_of([FORGOTTEN]) == before


def test_who_is_at_it_meanwhile_makes_no_forgotten_result_count(repo: Repo):
    run(repo)
    found = repo.backend.remembered("task", repo.backend.known_tasks(["forget.leaf"])["forget.leaf"])
    forget(repo.backend, found, "ada")
    entities = [one.entity for one in found]
    first = {one: tags[0].tag for one, tags in forgotten_of(repo.backend, entities).items()}
    forget(repo.backend, found, "bob")
    # Whoever began before bob takes ada's word back, and his alone.
    for one in found:
        _record(repo, Tag("call", one.entity, FORGOTTEN, None, (first[one.entity],)))
    assert {name for name, _ in run(repo)} == {"leaf", "awaited"}
    assert run(repo) == set()


def _record(repo: Repo, tag: Tag) -> None:
    repo.backend.record(Batch(tags=[tag]))


def test_what_others_say_under_the_key_is_left_alone(repo: Repo):
    run(repo)
    (one, _) = calls_of(repo, "leaf")
    numbers = ["1" + 400 * "0", "-1", "NaN", "Infinity"]
    for value in ("null", "[1]", "{", '{"until": "x"}', '{"until": true}', *(f'{{"until": {one}}}' for one in numbers)):
        _record(repo, Tag("call", one, FORGOTTEN, value))
    assert run(repo) == set()


# -- real processes ------------------------------------------------------------------------------------

SLOW = """\
import os, signal
from redux import task
redux_namespace = "slow"

@task
def leaf(x):
    print("leaf", x, flush=True)
    return x

@task
def dies(x):
    if os.path.exists("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    return x

@task
async def above(x):
    return await leaf(x)

@task
def main(n: int = 1):
    return [above(n), dies(leaf(n))]
"""


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return commands.redux(folder, *words)


def test_a_run_killed_on_the_way_leaves_forgotten_what_it_did_not_record(tmp_path: Path):
    (tmp_path / "flow.py").write_text(SLOW)
    assert redux(tmp_path, "run", "flow.py", "main").stdout == "[1, 1]\n"
    assert redux(tmp_path, "forget", "slow.leaf", "slow.dies", "--yes").returncode == 0
    (tmp_path / "die").touch()
    assert redux(tmp_path, "run", "flow.py", "main").returncode == -signal.SIGKILL
    (tmp_path / "die").unlink()
    repo = open_repo(f"sqlite:///{tmp_path}/.redux/redux.db", str(tmp_path / ".redux" / "values"), 4096)
    left = {tag.entity for tag in repo.backend.tags_of([FORGOTTEN])}
    repo.close()
    again = redux(tmp_path, "run", "flow.py", "main")
    assert again.stdout == "[1, 1]\n"
    # What the killed run recorded whole counts; what it did not is made anew.
    assert ("leaf 1" in again.stderr) == (len(left) == 2)
    assert redux(tmp_path, "run", "--dryrun", "flow.py", "main").returncode == 0
    assert redux(tmp_path, "fsck").returncode == 0


def test_commands_ask_count_and_take_back(tmp_path: Path):
    (tmp_path / "flow.py").write_text(SLOW)
    redux(tmp_path, "run", "flow.py", "main")
    unasked = redux(tmp_path, "forget", "leaf")
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    counted = redux(tmp_path, "forget", "leaf", "--dry-run")
    assert (counted.returncode, counted.stdout.split(",")[0]) == (3, "slow.leaf  1 call")
    assert redux(tmp_path, "run", "--dryrun", "flow.py", "main").returncode == 0
    assert "1 call forgotten" in redux(tmp_path, "forget", "leaf", "--yes").stderr
    assert redux(tmp_path, "forget", "leaf", "--dry-run").returncode == 0
    would = redux(tmp_path, "run", "--dryrun", "flow.py", "main")
    assert would.returncode == 3
    assert "forgotten by" in would.stderr + would.stdout
    assert "1 call remembered" in redux(tmp_path, "forget", "--undo", "leaf", "--yes").stderr
    assert redux(tmp_path, "run", "--dryrun", "flow.py", "main").returncode == 0


def test_it_goes_with_the_records_to_another_repository(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "flow.py").write_text(SLOW)
        assert redux(folder, "init").returncode == 0
    redux(here, "run", "flow.py", "main")
    redux(here, "forget", "leaf", "--yes")
    assert redux(there, "repo", "add", "other", str(here)).returncode == 0
    pulled = redux(there, "pull", "other")
    assert pulled.returncode == 0, pulled.stderr
    ran = redux(there, "run", "flow.py", "main")
    assert "leaf 1" in ran.stderr
    assert redux(there, "run", "--dryrun", "flow.py", "main").returncode == 0
    pushed = redux(there, "push", "other")
    assert pushed.returncode == 0, pushed.stderr
    assert redux(here, "run", "--dryrun", "flow.py", "main").returncode == 0


def test_one_job_is_told_by_whom_it_was_forgotten_once(tmp_path: Path):
    (tmp_path / "flow.py").write_text(SLOW)
    redux(tmp_path, "run", "flow.py", "main")
    redux(tmp_path, "forget", "leaf", "--yes")
    redux(tmp_path, "run", "flow.py", "main")
    said = redux(tmp_path, "explain-miss", "leaf")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("forgotten by") == 1
    assert "forgotten by it" not in said.stdout
