"""An upgrade under what happens: kills at every step, several at once, full disks, places that cannot be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from redux.cli.main import dispatch
from redux_backends.backend import BackendUnavailable, UpgradeFailed
from redux_backends.migrations import sqlite_copy
from redux_backends.mounts import MOUNT_TABLE
from redux_backends.sql import SQLiteBackend
from redux_backends.sqlite_file import Connected
from redux_backends.upkeep import upkeep_of
from redux_backends.versions import Version

from . import postgres_server, version_2
from .commands import ROOT
from .version_2 import ask, rows_of

V2, V3 = Version(2), Version(3)

COMMON = """
import os, signal, sys, warnings
from redux_backends.upkeep import upkeep_of
from redux_backends.versions import Version
from redux_backends.migrations import postgres_change, revisions, sqlite_change
from sqlalchemy import event, Engine

warnings.simplefilter("ignore")
revisions.known_revisions()
left, met = 0, {}

def step(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

def trace(frame, event, arg):
    if "redux_backends/migrations" not in frame.f_code.co_filename or not LINES:
        return None
    place = frame.f_code.co_filename, frame.f_lineno, event
    met[place] = met.get(place, 0) + 1
    if met[place] <= 2:
        step()
    return trace

def play(url, steps):
    '''Whether an upgrade that is killed at this step came to its end before it.'''
    global left
    child = os.fork()
    if not child:
        left = steps
        event.listen(Engine, "before_cursor_execute", step)
        event.listen(Engine, "after_cursor_execute", step)
        sys.settrace(trace)
        try:
            upkeep_of(url).change(Version(3))
        finally:
            sys.settrace(None)
            os._exit(0)
    return os.waitpid(child, 0)[1] == 0
"""


def finish(code: str, *arguments: object, **options: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COMMON + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **{"cwd": ROOT, **options},  # pyright: ignore[reportArgumentType]
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "redux.db"
    version_2.make_sqlite(path)
    return path


@pytest.fixture
def old_server() -> Iterator[str]:
    with postgres_server.shared().empty_database() as url:
        version_2.make_postgres(url)
        yield url


def assert_whole(path: Path, version: Version) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA user_version").fetchall() == [(version.header,)]


# -- kills -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.faults), 7])
def test_killed_at_any_step_an_sqlite_file_is_the_old_one_or_the_new_one_whole(
    path: Path, tmp_path: Path, every: int
) -> None:
    code = """
import shutil
from pathlib import Path
LINES = True
path, url = Path(sys.argv[1]), f"sqlite:///{sys.argv[1]}"
aside = path.parent / "aside"
aside.mkdir()
shutil.copy(path, aside)
steps = 0
while True:
    steps += int(sys.argv[2])
    done = play(url, steps)
    found = upkeep_of(url).version()
    print(steps, found, "done" if done else "killed", flush=True)
    kept = path.parent / "kept" / str(steps)
    kept.mkdir(parents=True)
    for file in path.parent.glob("redux.db*"):
        shutil.copy(file, kept)
    if done:
        break
    if found == Version(3):
        for file in path.parent.glob("redux.db*"):
            file.unlink()
        shutil.copy(aside / "redux.db", path)
"""
    before, after = rows_of(f"sqlite:///{path}"), None
    told = [line.split() for line in finish(code, path, every).splitlines()]
    assert told[-1][1:] == ["3", "done"]
    assert int(told[-1][0]) > 150
    assert {(version, how) for _, version, how in told} == {("2", "killed"), ("3", "killed"), ("3", "done")}
    for steps, version, how in told:
        kept = tmp_path / "kept" / steps / "redux.db"
        backups = sorted(each.name for each in kept.parent.glob("*.backup"))
        assert backups in ([], ["redux.db.v2.backup"]), "one state has one backup, however often it is begun"
        assert_whole(kept, Version.of_header(int(version)))
        if version == "2":
            assert rows_of(f"sqlite:///{kept}") == before
            if int(steps) % (3 * every):
                continue
            upkeep_of(f"sqlite:///{kept}").change(V3)
            assert_whole(kept, V3)
        else:
            assert backups, "what was changed has a backup"
            assert_whole(kept.with_name(backups[0]), V2)
        after = after or rows_of(f"sqlite:///{kept}")
        assert rows_of(f"sqlite:///{kept}") == after, how
        assert sorted(each.name for each in kept.parent.glob("*.backup*")) == ["redux.db.v2.backup"]


def test_killed_at_any_statement_tables_on_a_server_are_the_old_ones_or_the_new_ones(old_server: str) -> None:
    code = """
LINES = False
url, steps = sys.argv[1], 0
while True:
    steps += 1
    done = play(url, steps)
    found = upkeep_of(url).version()
    print(found, "done" if done else "killed", flush=True)
    if found == Version(3):
        break
"""
    before = rows_of(old_server)
    told = finish(code, old_server).splitlines()
    assert set(told[:-1]) == {"2 killed"}
    assert len(told) > 30
    assert told[-1].startswith("3 ")
    upkeep_of(old_server).change(V2)
    assert rows_of(old_server) == before


# -- several at once ---------------------------------------------------------------------------------

AT_ONCE = """
from tests.forked import at_once

def upgrade(number):
    changed = upkeep_of(sys.argv[1]).change(Version(3))
    os.write(1, f"{'found it done' if changed is None else changed.in_words()}\\n".encode())

assert at_once(6, upgrade) == [0] * 6
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_of_several_who_upgrade_at_once_one_does_it(kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('path')}"
    else:
        url = request.getfixturevalue("old_server")
    told = finish(AT_ONCE, url).splitlines()
    assert sorted(told)[:5] == ["found it done"] * 5
    assert " from version 2 to 3" in sorted(told)[5]
    assert upkeep_of(url).version() == V3


def test_runs_that_begin_at_once_in_an_older_file_are_all_recorded(path: Path) -> None:
    code = """
from redux_backends.sample import Story
from redux_backends.sql import open_backend
from tests.forked import at_once

def run(number):
    backend, story = open_backend(f"sqlite:///{sys.argv[1]}"), Story(str(number), name=f"run {number}")
    backend.load()
    backend.record_execution(story.execution)
    backend.record(story.batch)
    backend.close()

assert at_once(6, run) == [0] * 6
"""
    finish(code, path)
    assert_whole(path, V3)
    assert ask(f"sqlite:///{path}", "SELECT count(*) FROM execution") == [(9,)]
    assert [each.name for each in path.parent.glob("*.backup*")] == ["redux.db.v2.backup"]


# -- full disks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["backup", "change"])
def test_on_a_full_disk_an_upgrade_is_refused_and_all_is_as_it_was(path: Path, when: str) -> None:
    rows = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
    ask(
        f"sqlite:///{path}",
        "INSERT INTO tag "
        + rows
        + "SELECT i, 'execution', X'D1F8C90242BA08C9F5DD164462A212B9', 'k' || i, 'null' FROM n",
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before, size = rows_of(f"sqlite:///{path}"), path.stat().st_size
    code = """
import resource
from redux_backends.backend import BackendError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    upkeep_of(f"sqlite:///{sys.argv[1]}").change(Version(3))
except BackendError as error:
    print(type(error).__name__, error.exit_code, error)
"""
    limit = size // 2 if when == "backup" else size + 8192
    told = finish(code, path, limit)
    assert told.startswith(f"UpgradeFailed 4 {path} could not be changed to version 3, and is as it was: ")
    assert "free some space" in told or "see to the disk: it is full" in told
    assert_whole(path, V2)
    assert rows_of(f"sqlite:///{path}") == before
    assert [each.name for each in path.parent.iterdir() if "backup" in each.name] == []
    assert upkeep_of(f"sqlite:///{path}").change(V3) is not None
    assert_whole(path, V3)


def test_a_run_on_a_full_disk_gives_its_result_and_the_next_one_upgrades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flow.py").write_text("from redux import task\n\n@task\ndef main():\n    return 6 * 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    dispatch(("init",))
    path = tmp_path / ".redux" / "redux.db"
    version_2.make_sqlite(path)

    def full(self: object, *_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        capfd.readouterr()
        assert dispatch(("run", "--quiet", "flow.py", "main")) == 4
    told = capfd.readouterr()
    assert told.out == "42\n"
    assert told.err == (
        f"redux: nothing of this run will be kept: {path} could not be changed to version 3, and is as it was: "
        "No space left on device; see to the disk and its permissions\n"
    )
    assert_whole(path, V2)
    assert dispatch(("run", "--quiet", "flow.py", "main")) == 0
    assert_whole(path, V3)


# -- places that are somebody else's -----------------------------------------------------------------


def test_an_older_file_that_is_somebody_elses_is_read_from_a_copy_and_stays() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "redux.db"
        version_2.make_sqlite(path)
        path.chmod(0o444)
        folder.chmod(0o555)
        code = """
from redux_backends.backend import BackendError
from redux_backends.sql import SQLiteBackend
from redux_backends.sqlite_file import Connected
from redux_backends.sample import Story
import redux_backends.migrations.sqlite_copy, sqlalchemy.dialects.sqlite, tempfile
tempfile.gettempdir()
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
backend = SQLiteBackend(sys.argv[1])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    backend.load()
print(*(each.message for each in said))
print(len(backend.executions(9)), backend.executions(1)[0].user)
for refused in (lambda: backend.record(Story("1").batch), lambda: upkeep_of(f"sqlite:///{sys.argv[1]}").change(Version(3))):
    try:
        refused()
    except BackendError as error:
        print(type(error).__name__, error)
backend.close()
tempfile.tempdir = "/proc"
try:
    SQLiteBackend(sys.argv[1]).load()
except BackendError as error:
    print(type(error).__name__, error)
"""
        notice, read, recorded, changed, nowhere = finish(code, path, cwd="/").splitlines()
        assert notice.endswith(
            "was written by an older redux and is read-only here; what it holds now is read from a copy, and nothing "
            "is recorded"
        )
        assert read == "3 ann"
        assert "BackendUnavailable" in recorded
        assert "is read-only here; make it and its folder writable" in recorded
        assert changed.startswith("BackendUnavailable cannot open the database")
        assert nowhere.startswith("BackendOlder")
        assert "who may write it upgrades it by `redux db upgrade --db sqlite:///" in nowhere
        assert [each.name for each in folder.iterdir()] == ["redux.db"]
        assert upkeep_of(f"sqlite:///{path}").version() == V2
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("trouble", [None, sqlite3.DatabaseError("database disk image is malformed")])
def test_what_is_written_while_an_older_file_is_looked_at_is_in_the_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    look = sqlite_copy.connect_to_look

    def look_and_be_overtaken(at: Path) -> Connected:
        seen = look(at)
        with closing(sqlite3.connect(at)) as other, other:
            other.execute("UPDATE execution SET user = 'bob'")
        if trouble is not None:
            raise trouble
        return seen

    monkeypatch.setattr(sqlite_copy, "connect_to_look", look_and_be_overtaken)
    copy = sqlite_copy.open_copy(path, V3)
    assert copy.driver.execute("SELECT DISTINCT user FROM execution").fetchall() == [("bob",)]
    copy.engine.dispose()
    assert upkeep_of(f"sqlite:///{path}").version() == V2


def test_a_role_without_the_tables_is_told_whom_to_ask(old_server: str) -> None:
    ask(old_server, "CREATE ROLE redux_reader LOGIN")
    try:
        ask(old_server, "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO redux_reader")
        as_reader = old_server.replace("postgres@", "redux_reader@")
        with pytest.raises(
            UpgradeFailed, match=r"must be owner of .*; ask the owner of its tables to say `redux db up"
        ):
            upkeep_of(as_reader).change(V3)
        assert upkeep_of(old_server).version() == V2
    finally:
        ask(old_server, "DROP OWNED BY redux_reader; DROP ROLE redux_reader")


def test_who_reads_without_end_is_not_waited_for_without_end(old_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from redux_backends.migrations import postgres_change

    monkeypatch.setattr(postgres_change, "_PATIENCE_MS", 200)
    with psycopg.connect(old_server) as reader:
        reader.execute("SELECT count(*) FROM tag")
        with pytest.raises(UpgradeFailed, match=r"somebody reads them all the time: end that, and try again"):
            upkeep_of(old_server).change(V3)
        assert reader.execute("SELECT count(*) FROM tag").fetchall() == [(16,)]
    assert upkeep_of(old_server).change(V3) is not None


def test_an_older_file_on_a_network_is_left_alone(path: Path, tmp_path: Path) -> None:
    from redux_backends.sqlite_upkeep import SQLiteUpkeep

    table = tmp_path / "mounts"
    table.write_text(f"server:/export {tmp_path} nfs rw 0 0\n")
    with pytest.raises(BackendUnavailable, match=r"on a network filesystem \(nfs\), where SQLite's locks"):
        SQLiteUpkeep(path, table).change(V3)
    assert SQLiteUpkeep(path, table).info().cannot_write.startswith("it is on a network filesystem")
    assert SQLiteUpkeep(path, MOUNT_TABLE).change(V3) is not None
    backend = SQLiteBackend(path)
    backend.load()
    backend.close()
