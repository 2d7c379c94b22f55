"""`redux plan` says what a run would do and why, runs nothing, and leaves no trace."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from . import commands

FLOW = """
from pathlib import Path
from redux import task

def note(name):
    with open("ran", "a") as stream:
        stream.write(name)

@task
def fetch(name):
    note("f")
    return name * 2

@task
def count(text):
    note("c")
    return len(text)

@task
def total(numbers):
    note("t")
    return sum(numbers)

@task
def main(names: list[str]):
    note("m")
    return total([count(fetch(name)) for name in names])
"""
EDITED = FLOW.replace("name * 2", "name * 3")
NAMES = ("--names", '["a", "bb"]')


@pytest.fixture
def folder(workflow: Callable[[str], Path]) -> Path:
    folder = workflow(FLOW).parent
    (folder / ".git").mkdir()
    return folder


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.redux(folder, *words)


def plan(folder: Path, *words: str, options: tuple[str, ...] = ()) -> str:
    """What the command says, times but for their words; it leaves all files as they were."""
    before = files(folder)
    done = redux(folder, "plan", *options, "flow.py", "main", *words)
    assert done.stderr == ""
    assert files(folder) == before
    return re.sub(r"[\d.]+ (ms|s)\b", "… ms", done.stdout)


def files(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def test_where_nothing_ran_yet_nothing_is_made(folder: Path):
    assert plan(folder, *NAMES) == (
        "task  reused  runs\n"
        "main       ·     1\n"
        "1 call: 1 to run\n"
        "what main will call and give is not known yet; more may run after that\n"
        "\n"
        "never run before\n"
        "  makes main run\n"
        "\n"
        "no time to tell; how long main will take nobody knows\n"
    )
    assert not (folder / ".redux").exists()
    assert not (folder / "ran").exists()


def test_what_is_known_is_reused(folder: Path):
    assert redux(folder, "run", "flow.py", "main", *NAMES).returncode == 0
    assert plan(folder, *NAMES) == (
        "task   reused  runs\n"
        "main        1     ·\n"
        "fetch       2     ·\n"
        "count       2     ·\n"
        "total       1     ·\n"
        "6 calls, all reused: nothing would run\n"
    )
    assert redux(folder, "plan", "--exit-code", "flow.py", "main", *NAMES).returncode == 0
    assert redux(folder, "plan", "--exit-code", "--no-cache", "flow.py", "main", *NAMES).returncode == 1


def test_an_edit_is_followed_to_what_it_makes_run_and_may_make_run(folder: Path):
    assert redux(folder, "run", "flow.py", "main", *NAMES).returncode == 0
    (folder / "flow.py").write_text(EDITED)
    assert plan(folder, *NAMES, options=("--list", "--workers", "2")) == (
        "task   reused  runs  may run\n"
        "main        1     ·        ·\n"
        "fetch       ·     2        ·\n"
        "count       ·     ·       ~2\n"
        "total       ·     ·       ~1\n"
        "\n"
        "  reused main(names=['a', 'bb'])\n"
        "  runs fetch(name='a'): its code changed\n"
        "  runs fetch(name='bb'): its code changed\n"
        "  may run count(text=…): its argument comes from fetch, and it is reused if that gives the same aga…\n"
        "  may run count(text=…): its argument comes from fetch, and it is reused if that gives the same aga…\n"
        "  may run total(numbers=[2, 4]): its argument comes from fetch, and it is reused if that gives the …\n"
        "\n"
        "6 calls: 1 reused, 2 to run, 3 that may run\n"
        "~ is expected: calls that run are taken to make the same calls again, and to give the same\n"
        "what may run is reused where the calls before it give the same again\n"
        "\n"
        "task fetch changed\n"
        "  makes fetch ×2 run\n"
        "\n"
        "    --- fetch (before)\n"
        "    +++ fetch (now)\n"
        "    @@ -2,3 +2,3 @@\n"
        "     def fetch(name):\n"
        '         note("f")\n'
        "    -    return name * 2\n"
        "    +    return name * 3\n"
        "\n"
        "about … ms of task time, and up to … ms more, about … ms with 2 workers; from 5 earlier runs of these tasks\n"
    )
    assert (folder / "ran").read_text().count("f") == 2
    assert redux(folder, "plan", "--exit-code", "flow.py", "main", *NAMES).returncode == 1


def test_another_argument_is_named_with_what_differs_inside(folder: Path):
    assert redux(folder, "run", "flow.py", "main", *NAMES).returncode == 0
    said = plan(folder, "--names", '["a", "bb", "c"]')
    assert said.splitlines()[:7] == [
        "task   reused  runs",
        "main        ·     1",
        "fetch      ~2     ·",
        "count      ~2     ·",
        "total      ~1     ·",
        "6 calls: 5 reused (0 of them for certain), 1 to run",
        "~ is expected: calls that run are taken to make the same calls again, and to give the same",
    ]
    assert "main is given something else (names: ['a', 'bb'] → ['a', 'bb', 'c']), so it may make other calls" in said
    assert "      names[2]: added 'c'\n" in said


def test_it_is_told_as_json(folder: Path):
    assert redux(folder, "run", "flow.py", "main", *NAMES).returncode == 0
    (folder / "flow.py").write_text(EDITED)
    plain = json.loads(redux(folder, "plan", "--json", "flow.py", "main", *NAMES).stdout)
    assert (plain["schema"], plain["would_run"], plain["complete"], plain["trouble"]) == (
        "redux.plan/1", True, True, None,
    )  # fmt: skip
    assert plain["tasks"][1] == {
        "task": "fetch",
        "reused": {"certain": 0, "expected": 0},
        "runs": {"certain": 2, "expected": 0},
        "may_run": {"certain": 0, "expected": 0},
    }
    fetched = [call["id"] for call in plain["calls"] if call["task"] == "fetch"]
    (total,) = [call for call in plain["calls"] if call["task"] == "total"]
    assert (total["verdict"], total["certain"], sorted(total["sources"])) == ("may run", False, sorted(fetched))
    (cause,) = plain["causes"]
    assert (cause["cause"]["words"], cause["count"]) == ("task fetch changed", 2)
    assert plain["estimate"]["runs"] == 5


def test_it_is_asked_as_a_run_is(folder: Path):
    asked = redux(folder, "plan", "flow.py", "main", "--help")
    assert asked.stdout.startswith("Usage: redux plan flow.py main")
    unknown = redux(folder, "plan", "flow.py", "nothing")
    assert unknown.returncode == 2
    assert unknown.stderr == "redux: flow.py has no task 'nothing'; it has fetch, count, total, main\n"
    assert redux(folder, "plan", "flow.py", "main").returncode == 2
    misplaced = redux(folder, "plan", "flow.py", "main", "--list")
    assert misplaced.stderr.startswith("redux: --list is an option of `redux plan` and goes before the file: ")
