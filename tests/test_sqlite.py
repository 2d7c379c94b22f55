"""SQLite under what happens to files: other processes, kills, damage, full and read-only disks, network mounts."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from redux_backends import schema, sqlite_database
from redux_backends.backend import (
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendOlder,
    BackendUnavailable,
    TagFilter,
    UnknownDatabase,
)
from redux_backends.records import Batch, Execution, ExecutionId, new_id
from redux_backends.sample import Story, digest, evaluation, key, task, value
from redux_backends.sql import SQLiteBackend, open_backend
from redux_backends.sqlite_session import SQLiteSession
from redux_valuestore.digest import Digest

from .commands import finish, start_python

COMMON = """
import os, sys
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend

def story(first, count):
    return Story(*(f"{n}" for n in range(first, first + count)), name=f"run {first}")

backend = SQLiteBackend(sys.argv[1])
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    return start_python(COMMON + code, *arguments)


def assert_sound(path: Path) -> None:
    """The file is whole, every reference leads somewhere, and every digest is there once."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for name, column in (("value", "hash"), ("evaluation", "hash"), ("call_node", "hash"), ("job", "uuid")):
            twice = f"SELECT {column} FROM {name} GROUP BY {column} HAVING count(*) > 1"
            assert connection.execute(twice).fetchall() == []


def record(backend: SQLiteBackend, story: Story) -> None:
    backend.record_execution(story.execution)
    backend.record(story.batch)


def statements(backend: SQLiteBackend) -> list[str]:
    """The list to which every statement that the backend runs is added from now on."""
    heard: list[str] = []
    with backend._database.driver() as driver:
        driver.set_trace_callback(heard.append)
    return heard


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "redux.db"


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    backend = SQLiteBackend(path)
    backend.load()
    yield backend
    backend.close()


@pytest.fixture
def filled(path: Path) -> Story:
    """What is in a closed database."""
    backend, story = SQLiteBackend(path), Story(*(f"{n}" for n in range(300)))
    record(backend, story)
    backend.close()
    return story


# -- other processes -------------------------------------------------------------------------------


def test_processes_that_record_the_same_at_once_make_each_record_once(path: Path) -> None:
    code = """
print("ready", flush=True)
sys.stdin.readline()
for first in range(0, 200, 5):
    one = story(first, 30)
    backend.record_execution(one.execution)
    backend.record(one.batch)
    assert len(backend.check_cache([each.eval_hash for each in one.add_keys])) == 30
backend.close()
"""
    writers = [child(code, path) for _ in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    assert_sound(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM job").fetchone() == (40 * 31,)
        assert connection.execute("SELECT count(*) FROM argument").fetchone() == (225,)


def test_killed_in_a_transaction_nothing_of_it_is_there(path: Path) -> None:
    code = """
from redux_backends import calls, rowids
backend.record_execution(story(0, 3).execution)
backend.record(story(0, 3).batch)
def closure(session):
    calls.record(session, rowids.Ledger(session, rowids.Memory()), story(0, 50).batch)
    print("in the middle", flush=True)
    sys.stdin.read()
backend._database.run_tx(closure)
"""
    writer = child(code, path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "in the middle\n"
    writer.kill()
    writer.communicate()
    backend = SQLiteBackend(path)
    assert len(backend.jobs()) == 4
    record(backend, Story("after"))
    backend.close()
    assert_sound(path)


def test_killed_at_any_moment_what_was_recorded_is_there(path: Path) -> None:
    code = """
for first in range(0, 100_000, 3):
    one = story(first, 3)
    backend.record_execution(one.execution)
    backend.record(one.batch)
    print(first, flush=True)
"""
    chance = random.Random(5)
    for _ in range(5):
        writer = child(code, path)
        assert writer.stdout is not None
        last = 0
        for _ in range(chance.randrange(1, 40)):
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        last = max([last, *(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n"))])
        backend = SQLiteBackend(path)
        wanted = [f"{n}" for n in range(last + 3)]
        assert len(backend.jobs(task="sample.add", limit=10**6)) >= len(wanted)
        asked = [key(task("add"), value(each)).eval_hash for each in wanted]
        assert len(backend.check_cache(asked)) == len(asked)
        backend.close()
    assert_sound(path)


def test_a_forked_process_has_a_connection_of_its_own(path: Path) -> None:
    code = """
backend.load()
backend.record(story(0, 1).batch.__class__(values=story(0, 1).batch.values))
pid = os.fork()
one = story(10 if pid else 20, 5)
backend.record_execution(one.execution)
for _ in range(20):
    backend.record(one.batch)
backend.close()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""
    finish(child(code, path))
    backend = SQLiteBackend(path)
    assert len(backend.jobs()) == 12
    backend.close()
    assert_sound(path)


def test_a_transaction_is_played_again_when_another_was_in_the_way(backend: SQLiteBackend) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    played: list[int] = []

    def closure(session: SQLiteSession) -> int:
        session.driver.execute("INSERT INTO word VALUES (1, 'once')")
        played.append(1)
        if len(played) < 3:
            raise busy
        return len(played)

    assert backend._database.run_tx(closure) == 3

    def never(session: SQLiteSession) -> None:
        raise busy

    with pytest.raises(BackendUnavailable, match="has held its lock for too long"):
        backend._database.run_tx(never)


# -- what is not a good file -----------------------------------------------------------------------


def test_a_database_of_a_newer_redux_is_refused(path: Path, filled: Story) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(BackendNewer, match=r"redux\.db was written by a newer redux .*; upgrade redux"):
        SQLiteBackend(path).load()


def test_a_database_that_is_too_old_is_refused_and_left_alone(path: Path, filled: Story) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(BackendOlder, match=r"redux\.db was written by an older redux .*; .*move it away"):
        SQLiteBackend(path).load()


def test_a_file_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(BackendCorrupt, match=r"redux\.db is not a redux database; .* move it away"):
        SQLiteBackend(path).load()
    assert path.read_bytes() == before
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackendCorrupt, match=r"redux\.db is damaged .*; move it away"):
        SQLiteBackend(path).load()
    assert path.read_bytes() == b"no database at all" * 1000


def test_a_file_that_has_lost_a_table_is_damaged(path: Path, filled: Story) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE job")
    backend = SQLiteBackend(path)
    with pytest.raises(BackendCorrupt, match=r"redux\.db lacks tables of redux \(no such table: job\); bring a backup"):
        backend.jobs()
    backend.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT no_such FROM value",
        "INSERT INTO word (id, text) SELECT id, text FROM word",
        "SELECT zeroblob(1 << 40)",
        "SELECT ?",
    ],
)
def test_a_statement_that_sqlite_refuses_is_no_damage(path: Path, filled: Story, statement: str) -> None:
    backend = SQLiteBackend(path)
    with pytest.raises(
        BackendError, match=r"redux\.db refused what redux asked \(.+\); .* please report it"
    ) as refused:
        backend._database.run_tx(lambda session: session.driver.execute(statement))
    assert type(refused.value) is BackendError
    backend.close()


@pytest.mark.parametrize("how", ["garbage", "zeroes", "cut"])
def test_a_damaged_file_is_named_with_the_remedy(path: Path, filled: Story, how: str) -> None:
    sound = path.read_bytes()
    chance = random.Random(how)
    refused = 0
    for _ in range(12):
        at = chance.randrange(0, len(sound), schema.PAGE_SIZE)
        filling = chance.randbytes(schema.PAGE_SIZE) if how == "garbage" else bytes(schema.PAGE_SIZE)
        path.write_bytes(sound[:at] if how == "cut" else sound[:at] + filling + sound[at + schema.PAGE_SIZE :])
        backend = SQLiteBackend(path)
        try:
            backend.get_values([each.hash for each in filled.batch.values])
            backend.check_cache([each.eval_hash for each in filled.batch.keys])
            backend.jobs(limit=1000)
            backend.record(Story(*(f"{n}" for n in range(290, 340))).batch)
        except BackendError as error:
            refused += str(path) in str(error) and "move it away" in str(error)
        finally:
            backend.close()
    assert refused >= 6


def test_an_empty_file_and_the_log_of_a_lost_one_are_no_hindrance(path: Path) -> None:
    path.touch()
    path.with_name("redux.db-wal").write_bytes(b"left behind")
    path.with_name("redux.db.new").write_bytes(b"half made")
    backend = SQLiteBackend(path)
    record(backend, Story("one"))
    backend.close()
    assert_sound(path)
    assert sorted(each.name for each in path.parent.iterdir()) == ["redux.db", "redux.db.lock"]


def test_a_file_that_cannot_be_made_whole_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(BackendUnavailable, match="No space left on device"):
        SQLiteBackend(path).load()
    assert [each.name for each in path.parent.iterdir()] == ["redux.db.lock"]


# -- disks -----------------------------------------------------------------------------------------


def test_on_a_full_disk_a_batch_is_refused_whole_and_later_ones_are_not(backend: SQLiteBackend) -> None:
    story = Story(*(f"{n}" for n in range(300)))
    backend.record_execution(story.execution)
    limit_pages = "PRAGMA max_page_count = {}"
    (pages,) = backend._database.run_tx(lambda session: session.driver.execute("PRAGMA page_count").fetchone())
    backend._database.run_tx(lambda session: session.driver.execute(limit_pages.format(pages + 3)))
    with pytest.raises(BackendUnavailable, match=r"redux\.db: database or disk is full; free some space"):
        backend.record(story.batch)
    assert backend.jobs() == []
    backend._database.run_tx(lambda session: session.driver.execute(limit_pages.format(100_000)))
    backend.record(story.batch)
    assert len(backend.jobs(limit=1000)) == 301


def test_a_read_only_folder_can_be_read_and_says_so_when_written() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "redux.db"
        backend = SQLiteBackend(path)
        record(backend, Story("0", "1", "2", name="run 0"))
        backend.close()
        path.chmod(0o444)
        folder.chmod(0o555)
        code = """
from redux_backends.backend import BackendUnavailable
import sqlalchemy, tempfile
warm = SQLiteBackend(os.path.join(tempfile.mkdtemp(), "redux.db"))
warm.load(); warm.resolve; warm.jobs(); warm.close()
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(len(backend.jobs()))
for refused in (lambda: backend.record(story(5, 2).batch), SQLiteBackend(sys.argv[1] + "2").load):
    try:
        refused()
    except BackendUnavailable as error:
        print(error)
backend.close()
"""
        jobs, record_error, load_error = finish(child(code, path)).splitlines()
        assert jobs == "4"
        assert "is read-only here; make it and its folder writable" in record_error
        assert "redux.db2" in load_error
        assert "Permission denied" in load_error
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"there is no folder .*nowhere; make it"):
        SQLiteBackend(tmp_path / "nowhere" / "redux.db").load()


def test_a_url_of_a_database_nobody_knows_is_asked_wrongly_and_keeps_its_password() -> None:
    with pytest.raises(
        UnknownDatabase, match=r"'oracle://me:…@host/x'; the known schemes are sqlite, as in"
    ) as refused:
        open_backend("oracle://me:secret@host/x")
    assert refused.value.exit_code == 2


def test_the_url_of_sqlites_memory_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    backend, story = open_backend("sqlite:///:memory:"), Story()
    backend.load()
    backend.record_execution(story.execution)
    backend.record(story.batch)
    assert list(backend.get_values([each.hash for each in story.batch.values]))
    backend.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "lustre", "ceph", "fuse.sshfs", "fuse.s3fs"])
def test_a_network_filesystem_is_refused_with_the_remedy(tmp_path: Path, kind: str) -> None:
    table, share = tmp_path / "mounts", tmp_path / "a share"
    local = share / "local"
    local.mkdir(parents=True)
    mount = str(share).replace(" ", "\\040")
    table.write_text(
        f"/dev/vda / ext4 rw 0 0\nserver:/export {mount} {kind} rw 0 0\n/dev/vdb {mount}/local xfs rw 0 0\nodd\n"
    )
    with pytest.raises(BackendUnavailable, match=rf"is on a network filesystem \({kind}\).* local disk .*REDUX_DB_URL"):
        SQLiteBackend(share / "redux.db", table).load()
    assert list(share.iterdir()) == [local]
    for fine in (local, tmp_path):
        backend = SQLiteBackend(fine / "redux.db", table)
        backend.load()
        backend.close()


# -- what it costs ---------------------------------------------------------------------------------


def test_the_log_is_brought_into_the_file_on_the_way_and_at_the_end(
    path: Path, backend: SQLiteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "_WAL_LIMIT", 200_000)
    wal = path.with_name("redux.db-wal")

    def play(first: int) -> int:
        sizes = []
        for start in range(first, first + 200, 20):
            record(backend, Story(*(f"{n}" for n in range(start, start + 20)), name=f"run {start}"))
            sizes.append(wal.stat().st_size)
        return max(sizes)

    assert 0 < play(0) < 600_000
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM job").fetchone() == (210,)
        assert play(1000) > 600_000
    assert play(2000) > 0
    assert wal.stat().st_size < 600_000
    backend.close()
    assert not wal.exists()


def test_a_view_takes_as_many_statements_for_many_jobs_as_for_few(backend: SQLiteBackend) -> None:
    story = Story(*(f"{n}" for n in range(90)))
    record(backend, story)
    heard = statements(backend)

    def count(limit: int) -> int:
        heard.clear()
        assert len(backend.jobs(execution=story.execution.id, limit=limit)) == limit
        return len(heard)

    assert count(2) == count(90) <= 6


def test_a_wave_is_written_and_asked_in_few_statements(backend: SQLiteBackend) -> None:
    story = Story(*(f"{n}" for n in range(999)))
    backend.record_execution(story.execution)
    heard = statements(backend)
    backend.record(story.batch)
    assert len(heard) < 40
    took: list[int] = []
    for _ in range(5):  # a machine that is busy looks like a thread in the way, and then it asks once more
        heard.clear()
        assert len(backend.check_cache([each.eval_hash for each in story.add_keys])) == 999
        took.append(len(heard))
    assert min(took) == 1


def test_what_is_asked_of_jobs_and_tags_is_found_by_indexes(backend: SQLiteBackend) -> None:
    record(backend, Story("one"))
    heard = statements(backend)
    stage = TagFilter("stage", "1")
    backend.executions(5, tags=[stage])
    backend.find_tagged([stage, TagFilter("n")])
    backend.jobs(tags=[stage])
    backend.jobs(execution=Story("one").execution.id, tags=[TagFilter("stage")])
    assert len(heard) >= 4
    with closing(sqlite3.connect(backend.path)) as connection:
        for asked in heard:
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}"))
            assert "SCAN job" not in plan, asked
            assert "SCAN tag" not in plan, asked


# -- digests ---------------------------------------------------------------------------------------


def test_digests_that_begin_alike_are_told_apart(backend: SQLiteBackend) -> None:
    of, result, other = task("add"), value("result"), value("other")
    twin = replace(other, hash=Digest(result.hash[:-1] + bytes([result.hash[-1] ^ 1])))
    first = key(of, result)
    second = replace(first, eval_hash=Digest(first.eval_hash[: schema.PREFIX] + bytes(27)))
    third = replace(first, eval_hash=Digest(first.eval_hash[: schema.PREFIX] + bytes([1] * 27)))
    backend.record(
        Batch(
            values=[result, twin],
            tasks=[of],
            keys=[first, second],
            evaluations=[evaluation(first, result), evaluation(second, twin)],
        )
    )
    assert backend.get_value(twin.hash) is not None
    assert [each.value.hash for each in backend.check_cache([second.eval_hash])[second.eval_hash]] == [twin.hash]
    assert backend.check_cache([third.eval_hash]) == {}
    assert backend.known_evaluations([first.eval_hash, third.eval_hash]) == {first.eval_hash}
    backend.forget_value(twin.hash)
    stored = backend.get_value(result.hash)
    assert stored is not None
    assert stored.data == result.data


def test_the_lease_of_one_execution_is_renewed_alone(backend: SQLiteBackend) -> None:
    def until(execution: Execution) -> float:
        with backend._database.driver() as driver:
            row = driver.execute("SELECT lease_until FROM execution WHERE uuid = ?", (execution.id,)).fetchone()
        return row[0]

    one, two = Story("one", name="one").execution, Story("two", name="two").execution
    for each in (one, two):
        backend.record_execution(each)
    with backend._database.driver() as driver:
        driver.execute("UPDATE execution SET lease_until = 5.0")
    backend.renew_lease(one.id)
    assert until(one) > 5.0
    assert until(two) == 5.0


def test_a_line_is_for_one_execution_in_all_its_processes(tmp_path):
    mine, theirs = ExecutionId(new_id()), ExecutionId(new_id())
    one, other = (SQLiteBackend(tmp_path / "redux.db") for _ in range(2))
    one.load()
    assert one.claim_line(digest("line"), mine) is None
    assert other.claim_line(digest("line"), theirs) == mine
    assert other.claim_line(digest("line"), mine) is None
    other.release_lines(mine)
    assert other.claim_line(digest("line"), theirs) == mine
    one.close()
    assert other.claim_line(digest("line"), theirs) is None
    assert one.claim_line(digest("line"), mine) == theirs
    other.close()


@pytest.mark.parametrize("first", [0, 1])
def test_a_line_is_free_when_the_last_process_of_its_execution_has_let_go(tmp_path, first):
    mine, theirs = ExecutionId(new_id()), ExecutionId(new_id())
    *ours, other = (SQLiteBackend(tmp_path / "redux.db") for _ in range(3))
    for each in ours:
        each.load()
        assert each.claim_line(digest("line"), mine) is None
    ours[first].close()
    assert other.claim_line(digest("line"), theirs) == mine
    ours[not first].close()
    assert other.claim_line(digest("line"), theirs) is None
    other.close()


def test_a_line_that_cannot_be_had_is_told(tmp_path):
    backend = SQLiteBackend(tmp_path / "redux.db")
    (tmp_path / "redux.db.lines").write_text("in the way")
    with pytest.raises(BackendUnavailable, match=r"cannot be had for this run alone: .*; give write access to"):
        backend.claim_line(digest("line"), ExecutionId(new_id()))
