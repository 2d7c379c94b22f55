"""`redux repo`, `push` and `pull`: what is on one side goes to the other, whole, and answers the same there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from redux.cli.main import dispatch
from redux.exchange.transfer import Transfer
from redux.repo import Repo, open_repo
from redux_backends.backend import Backend
from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Place
from redux_backends.sample import Story, done, ended, large_value, started, value
from redux_backends.sql import SQLiteBackend
from redux_valuestore.digest import digest_bytes
from redux_valuestore.store import MemoryStore

WORKFLOW = """\
import sqlite3

from redux import File, Handle, catch, task

redux_namespace = "exchanged"


class Conn(Handle):
    def __init__(self, name, path):
        self.instance = sqlite3.connect(path)


@task(tags=[("kind", "reader")])
def read(source: File) -> int:
    return len(source.read())


@task
def write(path: str, n: int) -> File:
    written = File(path)
    written.write(str(n))
    return written


@task
def large(n: int) -> bytes:
    return bytes([n]) * 40_000


@task
def measure(data: bytes, extra: list[str]) -> int:
    return len(data) + len(extra)


@task
def fails(n: int) -> int:
    raise ValueError(f"no {n}")


@task
def recover(error: Exception) -> str:
    return str(error)


@task
def fill(conn: Conn, n: int) -> Conn:
    conn.execute("CREATE TABLE IF NOT EXISTS line (n)")
    conn.execute("INSERT INTO line VALUES (?)", (n,))
    conn.commit()
    return conn


@task
def count(conn: Conn) -> int:
    return conn.execute("SELECT count(*) FROM line").fetchone()[0]


@task
def leaf(n: int) -> int:
    return n + 1


@task(check_valid="shallow")
def trusting(n: int) -> list[int]:
    return [leaf(i) for i in range(n)]


@task
def main(source: File, database: str) -> dict[str, object]:
    filled = fill(fill(Conn("line", database), 1), 2)
    return {
        "read": read(source),
        "written": write("out.txt", read(source)),
        "sizes": [measure(large(n), ["a", "b"]) for n in range(3)],
        "caught": catch(fails(3), ValueError, recover),
        "rows": count(filled),
        "trusting": trusting(4),
    }


@task
def breaks() -> int:
    return fails(7)
"""
LARGE = 3
"""How many values of that workflow are in the store."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a repository of these tests is, and the words that a command needs to look at it."""

    words: tuple[str, ...]
    database: str
    store: Path

    def open(self) -> Repo:
        return open_repo(self.database, str(self.store))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the workflow, in which it ran twice, once after its file changed; and one run failed."""
    for variable in [name for name in os.environ if name.startswith("REDUX_")]:
        monkeypatch.delenv(variable)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "flow.py").write_text(WORKFLOW)
    (folder / "in.txt").write_text("one")
    run("main", "in.txt", "line.db", where=("--tag", "project=x"))
    (folder / "in.txt").write_text("two and three")
    run("main", "in.txt", "line.db")
    run("breaks", code=1)
    return folder


def run(*words: str, where: Sequence[str] = (), code: int = 0) -> str:
    """What `redux run` of the workflow says, in a process of its own."""
    command = [sys.executable, "-P", "-m", "redux", "run", *where, "flow.py", *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture
def redux(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command in this process and gives what it printed; `code` is how it is to exit."""

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert dispatch(words) == code, capsys.readouterr().err
        printed = capsys.readouterr()
        return printed.out + printed.err

    return call


def here(project: Path) -> Where:
    folder = project / ".redux"
    return Where(("--project", str(folder)), f"sqlite:///{folder / 'redux.db'}", folder / "values")


def beside(project: Path, name: str) -> Where:
    """An empty project beside the workflow's."""
    folder = project.parent / name
    folder.mkdir()
    assert dispatch(["init", str(folder)]) == 0
    return here(folder)


def every_view(place: Where, redux: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """All that `redux log` and `redux explain-miss` say of what is in a repository, at one moment."""
    still = SimpleNamespace(time=lambda: 1.9e9)
    monkeypatch.setattr("redux.cli.log.time", still)
    asked: list[tuple[str, ...]] = [("log",), ("log", "--failed"), ("log", "in.txt"), ("log", "out.txt")]
    repo = place.open()
    for each in repo.backend.iter_record_ids():
        if each.kind in (RecordKind.EXECUTION, RecordKind.JOB, RecordKind.CALL, RecordKind.VALUE, RecordKind.TASK):
            asked.append(("log", each.id.hex()))
        if each.kind is RecordKind.EXECUTION:
            asked += [("explain-miss", each.id.hex()), ("explain-miss", each.id.hex(), "--json")]
    repo.close()
    return {" ".join(words): redux(*words, *place.words) for words in sorted(set(asked))}


def test_what_goes_over_and_over_again_says_the_same_and_is_reused(
    project: Path, redux: Callable[..., str], monkeypatch: pytest.MonkeyPatch, postgres_url: str
):
    team = Where(
        ("--db", postgres_url, "--store", str(project.parent / "shared")), postgres_url, project.parent / "shared"
    )
    redux("repo", "add", "team", postgres_url, "--store", str(team.store))
    pushed = redux("push", "team")
    assert re.fullmatch(r"pushed to team: 3 executions, \d+ jobs, .*large values\)\n", pushed)
    assert redux("push", "team") == "team has all of it already\n"
    laptop = beside(project, "laptop")
    redux("repo", "add", "team", postgres_url, "--store", str(team.store), *laptop.words[:2])
    pulled = redux("pull", "team", *laptop.words)
    assert pulled == pushed.replace("pushed to", "pulled from")

    views = every_view(here(project), redux, monkeypatch)
    assert len(views) > 60
    for place in (team, laptop):
        assert every_view(place, redux, monkeypatch) == views
        assert "sound" in redux("fsck", "--read-data", *place.words)
        said = run("main", "in.txt", "line.db", where=place.words)
        print(said)
