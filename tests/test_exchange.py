"""`redux repo`, `push` and `pull`: what is on one side goes to the other, whole, and answers the same there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redux.cli.main import dispatch
from redux.exchange.transfer import Transfer
from redux.repo import Repo, open_repo
from redux_backends.backend import Backend
from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, JobStatus, Place, Rollback
from redux_backends.sample import Story, large_value, value, version
from redux_backends.sql import SQLiteBackend
from redux_backends.sqlite_session import SQLiteSession
from redux_valuestore.store import MemoryStore, StoreUnavailable

from . import commands

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
    ran = commands.redux(Path.cwd(), "run", *where, "flow.py", *words)
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


def latest(place: Where) -> str:
    """The id of the newest execution."""
    repo = place.open()
    id = repo.backend.executions(1)[0].id.hex()
    repo.close()
    return id


def every_view(place: Where, redux: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """All that `redux log` and `redux explain-miss` say of what is in a repository, at one moment."""
    still = SimpleNamespace(time=lambda: 1.9e9)
    for module in ("log", "lists"):
        monkeypatch.setattr(f"redux.cli.{module}.time", still)
    asked: list[tuple[str, ...]] = [("log",), ("log", "--failed"), ("log", "in.txt"), ("log", "out.txt")]
    repo = place.open()
    for each in repo.backend.iter_record_ids():
        if each.kind in (RecordKind.EXECUTION, RecordKind.JOB, RecordKind.CALL, RecordKind.VALUE, RecordKind.TASK):
            asked.append(("log", each.id.hex()))
        if each.kind is RecordKind.EXECUTION:
            asked += [("explain-miss", each.id.hex()), ("tag", "log", each.id.hex(), "--json")]
    repo.close()
    return {" ".join(words): unmarked(redux(*words, *place.words)) for words in sorted(set(asked))}


def unmarked(said: str) -> str:
    """What was said but for where it came from, which is true of one place only."""
    if "redux.from" not in said:
        return said
    told = json.loads(said)
    told["tags"] = [pair for pair in told["tags"] if pair[0] != "redux.from"]
    told["history"] = [one for one in told["history"] if one["key"] != "redux.from"]
    return json.dumps(told) + "\n"


def test_what_goes_over_and_over_again_says_the_same_and_is_reused(
    project: Path, redux: Callable[..., str], monkeypatch: pytest.MonkeyPatch, postgres_url: str
):
    team = Where(
        ("--db", postgres_url, "--store", str(project.parent / "shared")), postgres_url, project.parent / "shared"
    )
    redux("repo", "add", "team", postgres_url, "--store", str(team.store))
    tagged = latest(here(project))
    redux("tag", "add", tagged, "note=first")
    redux("tag", "update", tagged, "note=second")
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
        # A call that failed runs again wherever it is asked for.
        assert "15 cached, 1 failed" in run("main", "in.txt", "line.db", where=place.words)
    monkeypatch.undo()


def test_a_shallow_check_sees_changed_code_where_records_were_pulled(project: Path, redux: Callable[..., str]):
    laptop = beside(project, "laptop")
    redux("repo", "add", "home", ".redux", *laptop.words)
    redux("pull", "home", *laptop.words)
    (project / "flow.py").write_text(WORKFLOW.replace("return n + 1", "return n + 2"))
    said = run("main", "in.txt", "line.db", where=laptop.words)
    assert "'trusting': [2, 3, 4, 5]" in said
    assert re.search(r"exchanged.leaf +4 ", said)


# -- what is cut -------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from redux.cli.main import dispatch
from redux.exchange import transfer
from redux_backends import sql, sqlite_session
from redux_valuestore import local

folder, points = sys.argv[1], int(sys.argv[2])
transfer.GROUP = 9
steps = 0
die_at = 0

def counted(of, name):
    method = getattr(of, name)
    def step():
        global steps
        steps += 1
        if steps == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
    def call(*args, **named):
        step()
        given = method(*args, **named)
        step()
        return given
    setattr(of, name, call)

def in_child(*words):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = dispatch(words)
        sys.stdout.flush()
        os._exit(code)
    return os.waitpid(child, 0)[1]

counted(sql.SqlBackend, "put_records")
counted(sqlite_session.SQLiteSession, "write")
counted(local.LocalStore, "put")
where = lambda number: ("--project", f"{folder}/{number}/.redux")
for number in range(points + 1):
    assert dispatch(["init", f"{folder}/{number}"]) == 0
    assert dispatch(["repo", "add", "home", ".redux", *where(number)]) == 0
assert dispatch(["pull", "home", *where(0)]) == 0
every = steps
for number in range(1, points + 1):
    steps, die_at = 0, max(1, number * every // points - number % 3)
    assert in_child("pull", "home", *where(number)) == signal.SIGKILL, number
    die_at = 0
    assert in_child("fsck", "--read-data", *where(number)) == 0, number
    assert in_child("pull", "home", *where(number)) == 0, number
    assert in_child("pull", "home", "--dry-run", *where(number)) == 0, number
print("steps", every)
"""


def test_a_pull_killed_at_any_point_is_finished_by_the_next(project: Path, tmp_path: Path):
    points = 20
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-P", "-c", KILLED, str(tmp_path / "killed"), str(points)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout[-500:] + ran.stderr
    assert int(ran.stdout.split()[-1]) > 5 * points
    ids = set(SQLiteBackend(project / ".redux/redux.db").iter_record_ids())
    for number in range(points + 1):
        assert set(SQLiteBackend(tmp_path / f"killed/{number}/.redux/redux.db").iter_record_ids()) == ids


# -- one transfer after another ----------------------------------------------------------------------


def memory(backend: Backend | None = None) -> Repo:
    return Repo(backend or MemoryBackend(), MemoryStore())


def test_what_is_recorded_while_it_goes_over_comes_before_what_names_it(tmp_path: Path):
    class Busy(MemoryBackend):
        """Ends a job of a new call at the moment in which its start is on its way."""

        def get_records(self, ids: Sequence[RecordId]) -> Records:
            if any(each.kind is RecordKind.JOB for each in ids) and not self.jobs()[0].job.ended:
                self.record(late.batch)
            return super().get_records(ids)

    source, late = Busy(), Story("one", "two")
    begun = replace(late.root, status=JobStatus.RUNNING, ended=None, call_hash=None, eval_hash=None)
    source.record_execution(late.execution)
    source.record(Batch(tasks=[late.main], jobs=[begun]))
    target = SQLiteBackend(tmp_path / "redux.db")
    target.load()
    moved = Transfer(memory(source), memory(target), one_store=False).run(None)
    assert moved.records[RecordKind.CALL] == 3
    assert {each.job for each in target.jobs()} == {late.root, *late.jobs}
    target.close()


def test_values_without_sound_bytes_are_missing_there_too_and_said_once():
    source, target = memory(), memory()
    whole, gone, forgotten = (large_value(name) for name in ("whole", "gone", "forgotten"))
    bent = replace(value("bent"), data=b"?")
    source.backend.record(Batch(values=[whole, gone, forgotten, bent, value("sound")]))
    source.store.put(whole.hash, [b"whole"])
    source.backend.forget_value(forgotten.hash)
    moved = Transfer(source, target, one_store=False).run(None)
    assert set(moved.lost) == {gone.hash, forgotten.hash, bent.hash}
    places = {each.place for each in target.backend.get_values(moved.lost).values()}
    assert places == {Place.MISSING}
    assert target.store.get(whole.hash) == b"whole"
    source.store.put(gone.hash, [b"gone"])
    again = Transfer(source, target, one_store=False).run(None)
    assert (again.lost, target.store.get(gone.hash)) == ([bent.hash], b"gone")


def test_where_both_have_one_store_no_bytes_are_copied():
    source, target = memory(), memory()
    source.backend.record_value(large_value("large"))
    assert Transfer(source, target, one_store=True).run(None).lost == []
    assert list(target.store.iterate()) == []


def test_what_cannot_be_written_there_is_one_error_and_the_next_goes_on():
    class Full(MemoryStore):
        def put(self, digest, chunks) -> None:
            raise StoreUnavailable("the disk is full", "memory")

    source, target = memory(), Repo(MemoryBackend(), Full())
    source.backend.record_value(large_value("large"))
    source.store.put(large_value("large").hash, [b"large"])
    with pytest.raises(StoreUnavailable, match="full"):
        Transfer(source, target, one_store=False).run(None)
    assert list(target.backend.iter_record_ids()) == []
    target.store = MemoryStore()
    assert Transfer(source, target, one_store=False).run(None).stored == 1


# -- commands ----------------------------------------------------------------------------------------


def test_ids_and_names_of_tasks_choose_what_goes(project: Path, redux: Callable[..., str]):
    laptop = beside(project, "laptop")
    redux("repo", "add", "laptop", str(laptop.store.parent.parent))
    failed = latest(here(project))
    assert redux("push", "laptop", "exchanged.leaf").startswith("pushed to laptop: 4 calls, 5 values, 1 task, 4 eval")
    with closing(laptop.open()) as repo:
        assert not repo.backend.executions(1), "the calls alone are wanted there"
    would = redux("push", "laptop", failed[:8], "--dry-run", code=3)
    assert would.startswith("would push to laptop: 1 execution, 2 jobs, 2 calls")
    told = json.loads(redux("push", "laptop", failed[:8], "--json"))
    assert (told["schema"], told["records"]["executions"], told["lost"]) == ("redux.push/1", 1, [])
    assert redux("push", "laptop", failed[:8], "--dry-run") == "laptop has all of it already\n"
    assert failed[:8] in redux("log", *laptop.words)
    assert redux("log", "exchanged.breaks") == redux("log", "exchanged.breaks", *laptop.words)


def test_repositories_are_named_in_the_settings_and_passwords_not_shown(project: Path, redux: Callable[..., str]):
    settings = project / ".redux/redux.toml"
    before = settings.read_text()
    assert "git sees" in redux("repo", "add", "team", "postgresql://me:secret@host/x", "--store", "s3://bucket/redux")
    beside(project, "laptop")
    told = redux("repo", "add", "laptop", "../laptop")
    where = project.parent / "laptop"
    assert told == f"laptop is {where} from now on; there is no database yet: the first push makes it\n"
    shown = redux("repo", "list")
    assert shown == (
        f"laptop  {project.parent / 'laptop'}\nteam    postgresql://me:…@host/x  (large values in s3://bucket/redux)\n"
    )
    assert "secret" not in redux("repo", "list", "--json") + redux("config")
    redux("repo", "rm", "team")
    told = redux("repo", "rm", "laptop")
    assert told == "laptop is the name of no repository any more; the records there stay\n"
    assert settings.read_text() == before
    assert redux("repo", "list").startswith("no repository has a name here")


def test_a_version_of_a_handle_is_read_with_its_parents_as_of_one_moment(tmp_path, monkeypatch):
    with closing(SQLiteBackend(tmp_path / "redux.db")) as backend:
        backend.load()
        backend.record(Batch(handles=[version("1", "0"), version("2", "1"), version("3", "2")]))
        rollbacks = [Batch(rollbacks=[Rollback(version("0").hash)])]
        read = SQLiteSession.read

        def read_and_roll_back(session: SQLiteSession, *asked: Any) -> list[tuple]:
            rows = list(read(session, *asked))
            if rows and rollbacks:
                batch = rollbacks.pop()
                with closing(SQLiteBackend(tmp_path / "redux.db")) as beside:
                    beside.load()
                    beside.record(batch)
            return rows

        monkeypatch.setattr(SQLiteSession, "read", read_and_roll_back)
        (record,) = backend.get_records([RecordId(RecordKind.HANDLE, version("3").hash)]).handles
        assert (record.valid, record.on) in ((True, (version("2").hash,)), (False, ()))
