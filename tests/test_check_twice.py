"""Recorded calls are made again, and those that give something else are told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from redux import Scheduler
from redux.amending.forgetting import forget
from redux.repo import Repo
from redux.scheduler.opening import read_code
from redux.task import get_task_registry
from redux.twice import Again, Sample, Skipped, Verdict, check_twice, comparing, take_sample
from redux_valuestore.store import MemoryStore

from . import commands

FLOW = """
import os
import random
import time
from pathlib import Path

from redux import File, Handle, task
from redux.scheduler import JobInfo

class Conn(Handle):
    def __init__(self, name):
        self.name = name

@task
def pure(number):
    return number + 1

@task
def calls(number):
    return [pure(number), pure(number + 1)]

@task
def roll(sides, *, note="x"):
    return {"rolled": random.random(), "sides": sides}

@task
def large(size):
    return os.urandom(size)

@task
def stays(number):
    if Path("changed").exists():
        raise ValueError(f"{number} is no longer good")
    return number

@task
def hangs(number):
    while Path("stuck").exists():
        time.sleep(0.05)
    return number

@task
def dies(number):
    if Path("changed").exists():
        os._exit(3)
    return number

@task
def write(name):
    file = File(name)
    with file.open("w") as stream:
        stream.write(name)
    return file

@task
def read(file):
    return file.read()

@task
def names(number):
    return [number, read(File("b.txt"))]

@task(cache=False)
def moment():
    return time.time()

@task
async def later(number):
    return await pure(number)

@task
def told(number, info=JobInfo()):
    return number

@task
def query(conn):
    return 1

@task
def edited(number):
    return number

@task
def main():
    return [
        calls(1), roll(6), large(3000), stays(1), hangs(1), dies(1), read(write("a.txt")), read(File("b.txt")),
        moment(), later(5), told(1), query(Conn("c")), edited(1), names(1),
    ]
"""


@pytest.fixture
def project(workflow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    path = workflow(FLOW)
    monkeypatch.chdir(path.parent)
    monkeypatch.syspath_prepend(path.parent)
    (path.parent / "b.txt").write_text("b")
    return path


def test_what_differs_raises_or_cannot_be_made_is_told(
    sqlite_repo: Repo, project: Path, load: Callable[[Path], ModuleType]
):
    Scheduler(sqlite_repo, folder=project.parent).run(load(project).main())
    before = sqlite_repo.backend.jobs(limit=1000), sqlite_repo.backend.executions(9)
    project.write_text(
        FLOW.replace("def edited(number):\n    return number", "def edited(number):\n    return +number")
    )
    (project.parent / "b.txt").write_text("another b")
    (project.parent / "changed").touch()
    load(project)
    sample = sample_of(sqlite_repo, project)
    assert sample.skipped == {Skipped.FILES: 1, Skipped.CHANGED_FILES: 2, Skipped.HANDLES: 2}
    assert sample.left_out == {
        Skipped.NOT_REMEMBERED: ("moment",),
        Skipped.ASYNC: ("later",),
        Skipped.TOLD: ("told",),
        Skipped.CODE: ("edited",),
    }
    found = again(sqlite_repo, sample, project)
    assert {name: each.verdict for name, each in found.items()} == {
        "calls": Verdict.SAME,
        "pure": Verdict.SAME,
        "read": Verdict.SAME,
        "roll": Verdict.DIFFERS,
        "large": Verdict.DIFFERS,
        "stays": Verdict.RAISED,
        "hangs": Verdict.SAME,
        "dies": Verdict.UNKNOWN,
    }
    assert found["stays"].shown == "ValueError: 1 is no longer good"
    assert (sqlite_repo.backend.jobs(limit=1000), sqlite_repo.backend.executions(9)) == before


def test_what_takes_too_long_is_ended(
    sqlite_repo: Repo, project: Path, load: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
):
    Scheduler(sqlite_repo, folder=project.parent).run(load(project).hangs(1))
    (project.parent / "stuck").touch()
    monkeypatch.setattr(comparing, "_START_SECONDS", 0.0)
    found = again(sqlite_repo, sample_of(sqlite_repo, project), project, timeout=0.2)
    assert [(each.verdict, each.shown) for each in found.values()] == [(Verdict.UNKNOWN, "it took longer than it may")]


def test_a_seed_draws_the_same_calls_again_and_files_are_made_where_that_is_asked(
    sqlite_repo: Repo, project: Path, load: Callable[[Path], ModuleType]
):
    Scheduler(sqlite_repo, folder=project.parent).run(load(project).main())
    drawn = [[call.key.eval_hash for call in sample_of(sqlite_repo, project, 4, seed).calls] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(each) for each in drawn] == [4, 4, 4]
    with_files = sample_of(sqlite_repo, project, with_files=True)
    assert "write" in {call.task.fullname for call in with_files.calls}
    assert Skipped.FILES not in with_files.skipped


def test_what_is_forgotten_is_not_made_again_until_it_was_given_anew(
    sqlite_repo: Repo, project: Path, load: Callable[[Path], ModuleType]
):
    flow = load(project)
    Scheduler(sqlite_repo, folder=project.parent).run([flow.roll(6), flow.stays(1)])
    known = sqlite_repo.backend.known_tasks(["roll"])["roll"]
    forget(sqlite_repo.backend, sqlite_repo.backend.remembered("task", known), "ada")
    sample = sample_of(sqlite_repo, project)
    assert ([call.task.fullname for call in sample.calls], sample.known) == (["stays"], 1)
    assert sample.skipped == {Skipped.FORGOTTEN: 1}
    Scheduler(sqlite_repo, folder=project.parent).run(flow.roll(6))
    assert {call.task.fullname for call in sample_of(sqlite_repo, project).calls} == {"roll", "stays"}


def sample_of(repo: Repo, path: Path, size: int = 100, seed: int = 1, *, with_files: bool = False) -> Sample:
    book = read_code(path.parent, repo)
    hashed = {book.hash_of(task.fullname): task for task in get_task_registry()}
    tasks = {digest: task for digest, task in hashed.items() if digest is not None and task.namespace == ""}
    return take_sample(repo, tasks, size, seed, with_files=with_files)


def again(repo: Repo, sample: Sample, path: Path, timeout: float | None = None) -> Mapping[str, Again]:
    found = check_twice(repo, sample.calls, path.parent, workers=2, store=MemoryStore(), timeout=timeout)
    return {each.call.task.fullname: each for each in found}


# -- the command -------------------------------------------------------------------------------------

SMALL = """
import random
from redux import task

@task
def pure(number):
    return number + 1

@task
def roll(sides):
    return {"rolled": random.random(), "sides": sides}

@task
def main():
    return [pure(1), roll(6)]
"""


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.redux(folder, *words)


def test_the_command_names_what_differs_and_records_only_where_it_is_asked(
    workflow: Callable[[str], Path],
):
    folder = workflow(SMALL).parent
    (folder / ".git").mkdir()
    assert redux(folder, "run", "flow.py", "main").returncode == 0
    database = (folder / ".redux" / "redux.db").read_bytes()
    done = redux(folder, "check", "--twice", "flow.py", "--seed", "1")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "roll(sides=6) gave something else"
    assert lines[1].startswith("  was: {'rolled': 0.")
    assert lines[2].startswith("  now: {'rolled': 0.")
    assert lines[3].startswith('  result["rolled"]: 0.')
    assert lines[5:] == ["3 calls made again: 2 gave the same, 1 gave something else", _drawn(1, 3)]
    assert (folder / ".redux" / "redux.db").read_bytes() == database

    fine = redux(folder, "check", "--twice", "flow.py", "--task", "pure", "--seed", "2")
    assert (fine.returncode, fine.stdout) == (0, f"1 call made again: 1 gave the same\n{_drawn(2, 1)}\n")
    plain = json.loads(redux(folder, "check", "--twice", "flow.py", "--task", "roll", "--json").stdout)
    assert (plain["schema"], plain["made"], plain["differing"], plain["recorded"]) == ("redux.check/1", 1, 1, 0)
    assert redux(folder, "log", "--nondeterministic", "--json").stdout.count("roll") == 0
    recorded = redux(folder, "check", "--twice", "flow.py", "--task", "roll", "--record")
    assert "recorded 1 result beside the old" in recorded.stdout
    assert "roll" in redux(folder, "log", "--nondeterministic").stdout


def _drawn(seed: int, known: int) -> str:
    return f"drawn by --seed {seed} from {known} recorded call{'' if known == 1 else 's'}"


def test_it_says_what_it_needs(workflow: Callable[[str], Path]):
    folder = workflow(SMALL).parent
    (folder / ".git").mkdir()
    asked = redux(folder, "check", "flow.py")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr == (
        "redux: say what is to be checked: redux check --twice flow.py makes recorded calls again\n"
    )
    nothing = redux(folder, "check", "--twice", "flow.py")
    assert (nothing.returncode, nothing.stdout) == (0, "no recorded call could be made again\n")
    assert not (folder / ".redux").exists()
