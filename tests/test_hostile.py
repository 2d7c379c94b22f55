"""Databases that evil people wrote: looking at them runs nothing, imports nothing, and prints nothing that steers."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.repo import open_repo
from redux.scheduler import Scheduler
from redux.settings.folder import make_project

from .conftest import load_workflow
from .hostile import FLOW, do_harm, harms

HARMS = list(harms())
CODES = {0, 1, 2, 4}
FORMATS = ("json", "mermaid", "dot", "graphml", "prov", "openlineage", "ro-crate")


def _record(folder: Path) -> None:
    """A history with something of every kind in it."""
    make_project(folder / ".redux")
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("a")
    (folder / "in.txt").write_text("one")
    repo = open_repo(f"sqlite:///{folder}/.redux/redux.db", str(folder / ".redux" / "values"), 200)
    for factor, content, n in ((1, "one", 2), (2, "one", 2), (2, "two", 3)):
        (folder / "in.txt").write_text(content)
        (folder / "hostile_flow.py").write_text(FLOW.format(space="hostile", factor=factor))
        flow = load_workflow(folder / "hostile_flow.py")
        report = Scheduler(repo, folder=folder, workers=1).execute(flow.main(n), tags={"author": "me"})
        assert report.failure is None
    Scheduler(repo, folder=folder).execute(flow.bad(1))
    repo.close()


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the history, as it was recorded."""
    folder = tmp_path_factory.mktemp("hostile")
    before = Path.cwd()
    os.chdir(folder)
    try:
        _record(folder)
    finally:
        os.chdir(before)
    with closing(sqlite3.connect(folder / ".redux" / "redux.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    return folder


def _commands(path: Path) -> list[list[str]]:
    """Views of records of every kind, by the ids that the healthy history has."""

    def ids(statement: str) -> list[str]:
        with closing(sqlite3.connect(path)) as connection:
            return [row[0].hex() for row in connection.execute(statement)]

    executions = ids("SELECT uuid FROM execution ORDER BY id")
    jobs = ids("SELECT uuid FROM job WHERE id % 7 = 1")[:3]
    failed = ids("SELECT uuid FROM job WHERE status = 3 LIMIT 1")
    calls = ids("SELECT hash FROM call_node ORDER BY id DESC LIMIT 2")
    tasks = ids("SELECT hash FROM task LIMIT 1")
    values = ids("SELECT hash FROM value WHERE id % 5 = 1")[:3]
    one, call = executions[-2], calls[0]
    return [
        ["log"], ["log", "--json"], ["log", one], ["log", one, "--json"],
        *(["log", id] for id in (*jobs, *failed, *calls, *tasks, *values)),
        *(["log", id, "--json"] for id in (jobs[0], calls[0], tasks[0], values[0])),
        ["log", "hostile.clean"], ["log", "in.txt"], ["log", "--failed"], ["log", "--task", "hostile.main"],
        ["log", "--tag", "author"], ["log", "--nondeterministic"], ["log", "--status", "cached", "--json"],
        ["log", call, "--upstream"], ["log", call, "--downstream", "--json"], ["log", "out.txt", "--upstream"],
        ["explain-miss", one], ["explain-miss", one, "--json"], ["explain-miss", jobs[-1]],
        ["explain-miss", "hostile.clean"], ["tag", "list"], ["tag", "list", "--json"], ["tag", "list", "author"],
        ["tag", "log", one], ["tag", "log", one, "--json"],
        *(["export", one, "--format", format] for format in FORMATS),
        ["export", call, "--upstream"], ["du"], ["du", "--json"], ["fsck"], ["fsck", "--json"],
        ["db", "info"], ["diff", executions[0], one], ["diff", executions[0], one, "--json"], ["accept", "--list"],
        ["report", one, "-o", "-"], ["report", one, "--json"], ["explain-miss", "~1"],
        *(["log", "--list", kind] for kind in ("jobs", "calls", "tasks", "values", "files", "tags")),
    ]  # fmt: skip


def _steers(text: str) -> list[str]:
    """What in a text is no character to read: all but ends of lines and tabs."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return sorted({ascii(one) for one in set(text) - {"\n", "\t"} if unicodedata.category(one) in kinds})


def _troubles(command: list[str]) -> list[str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = dispatch(command)
    said, told = out.getvalue(), err.getvalue()
    found = [f"ended with {code}"] if code not in CODES else []
    found += [f"prints {one}" for one in _steers(said + told)]
    if "inside redux" in told or "Traceback" in told:
        found.append(told.strip()[-300:])
    if not told + said and code:
        found.append(f"ends with {code} without a word")
    if len(told) > 20_000:
        found.append(f"says {len(told)} characters")
    return [f"redux {' '.join(command)}: {one}" for one in found]


@pytest.fixture
def evil(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the history, in a folder with a module that tells when it is imported."""
    folder = tmp_path / "evil"
    shutil.copytree(healthy, folder)
    (folder / "evil_canary.py").write_text("open(__file__ + '.fired', 'w').close()\nclass Boom: ...\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in ("hostile_flow", "evil_canary"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delenv("REDUX_DEBUG", raising=False)
    return folder


def test_the_commands_show_the_healthy_history(evil: Path):
    commands = _commands(evil / ".redux" / "redux.db")
    assert [one for command in commands for one in _troubles(command)] == []


@pytest.mark.parametrize("part", range(8))
def test_looking_at_what_evil_people_wrote_is_safe(evil: Path, part: int):
    path = evil / ".redux" / "redux.db"
    commands, healthy = _commands(path), path.read_bytes()
    troubles: list[str] = []
    for number, harm in list(enumerate(HARMS))[part::8]:
        path.write_bytes(healthy)
        do_harm(path, harm)
        for look in range(harm.looks):
            command = commands[(number * 5 + look * 11) % len(commands)]
            troubles += [f"{harm.name}: {one}" for one in _troubles(command)]
    assert not {"hostile_flow", "evil_canary"} & set(sys.modules)
    assert sorted(one.name for one in evil.glob("*fired*")) == []
    assert troubles == []


LOOK = """
import sys
from redux.cli.main import dispatch
for words in {commands!r}:
    dispatch(words)
assert not {{"hostile_flow", "evil_canary", "cloudpickle"}} & set(sys.modules), sorted(sys.modules)
"""


def test_a_fresh_process_imports_nothing_that_records_name(evil: Path):
    path = evil / ".redux" / "redux.db"
    commands = [one for one in _commands(path) if "--format" not in one]
    for harm in HARMS:
        if harm.name in ("word.text: evil name", "value: own class", "value: reduce"):
            do_harm(path, harm)
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(commands=commands)], cwd=evil, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(one.name for one in evil.glob("*fired*")) == []
