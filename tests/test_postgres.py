"""PostgreSQL under what happens to servers: crowds, lost connections, crashes, locked doors, full disks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from sqlalchemy import text

from redux import Scheduler, task
from redux.cli.main import dispatch
from redux.fsck.check import Check
from redux.fsck.findings import Kind
from redux.fsck.repair import Repair
from redux.repo import Repo
from redux_backends import calls, passwords, postgres_database, postgres_session, schema, texts
from redux_backends.backend import (
    Backend,
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendOlder,
    BackendUnavailable,
    MissingDriver,
    UnknownDatabase,
)
from redux_backends.postgres_errors import in_words
from redux_backends.postgres_schema import LOCK_TO_WRITE
from redux_backends.records import Batch, JobStatus
from redux_backends.sample import Story, value
from redux_backends.sample import task as sample_task
from redux_backends.session import Session
from redux_backends.sql import SqlBackend, open_backend

from . import commands, postgres_server
from .commands import finish, start_python
from .postgres_server import GUARDED

LOCKED = LOCK_TO_WRITE.replace(b"pg_advisory_xact_lock", b"pg_try_advisory_xact_lock")
COMMON = """
import os, sys
from redux_backends.sample import Story
from redux_backends.sql import open_backend

def story(first, count):
    return Story(*(f"{n}" for n in range(first, first + count)), name=f"run {first}")

backend = open_backend(sys.argv[1])
"""
CONNECTIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'redux'"


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    return start_python(COMMON + code, *arguments)


def ask(url: str, statement: str, *values: object) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def assert_sound(url: str) -> None:
    """Every reference leads somewhere, and every digest and text is there once."""
    for name, column in (("value", "hash"), ("evaluation", "hash"), ("call_node", "hash"), ("job", "uuid")):
        assert ask(url, f"SELECT {column} FROM {name} GROUP BY {column} HAVING count(*) > 1") == []
    assert ask(url, "SELECT text FROM word GROUP BY text HAVING count(*) > 1") == []
    for table in schema.metadata.tables.values():
        for reference in table.foreign_keys:
            here, there = reference.parent.name, reference.column.table.name
            lost = f"SELECT {here} FROM {table.name} WHERE {here} NOT IN (SELECT id FROM {there}) LIMIT 1"
            assert ask(url, lost) == [], (table.name, here)


def record(backend: Backend, story: Story) -> None:
    backend.record_execution(story.execution)
    backend.record(story.batch)


@pytest.fixture
def backend(postgres_url: str) -> Iterator[SqlBackend]:
    backend = open_backend(postgres_url)
    assert isinstance(backend, SqlBackend)
    backend.load()
    yield backend
    backend.close()


@pytest.fixture
def empty_url() -> Iterator[str]:
    """A database without tables."""
    with postgres_server.shared().empty_database() as url:
        yield url


# -- many at once ----------------------------------------------------------------------------------


CROWD = """
from tests.forked import at_once

workers, rounds, count = map(int, sys.argv[2:])

def play(worker):
    for at in range(rounds):
        # Every other call is one that each of the others makes too.
        names = (f"{n}" if n % 2 else f"{n} of {worker}" for n in range(at * count, (at + 1) * count))
        one = Story(*names, name=f"run {worker}/{at}")
        backend.record_execution(one.execution)
        backend.record(one.batch)
        assert len(backend.check_cache([each.eval_hash for each in one.add_keys])) == count
    backend.close()

assert at_once(workers, play) == [0] * workers
"""


def play_at_once(url: str, workers: int, rounds: int, count: int) -> None:
    finish(child(CROWD, url, workers, rounds, count))
    assert_sound(url)
    assert ask(url, "SELECT count(*) FROM job") == [(workers * rounds * (count + 1),)]
    assert ask(url, "SELECT count(*) FROM argument") == [(rounds * count // 2 * (workers + 1),)]


def test_processes_that_begin_and_record_the_same_at_once_make_each_record_once(empty_url: str) -> None:
    play_at_once(empty_url, workers=8, rounds=5, count=30)


@pytest.mark.faults
def test_a_crowd_records_a_hundred_thousand_calls(empty_url: str) -> None:
    play_at_once(empty_url, workers=32, rounds=7, count=450)


def test_a_forked_process_has_connections_of_its_own(postgres_url: str) -> None:
    code = """
backend.load()
backend.record(story(0, 1).batch.__class__(values=story(0, 1).batch.values))
pid = os.fork()
one = story(10 if pid else 20, 5)
backend.record_execution(one.execution)
for _ in range(20):
    backend.record(one.batch)
    assert len(backend.jobs(execution=one.execution.id)) == 6
backend.close()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""
    finish(child(code, postgres_url))
    assert ask(postgres_url, "SELECT count(*) FROM job") == [(12,)]
    assert_sound(postgres_url)


def test_who_reads_does_not_wait_for_who_writes(backend: SqlBackend) -> None:
    record(backend, Story("one"))

    def closure(session: Session) -> int:
        return len(backend.jobs()) + len(backend.known_tasks(["sample.add"]))

    assert backend._database.run_tx(closure) == 3


# -- what is lost on the way -----------------------------------------------------------------------


def test_a_run_goes_on_when_the_server_ends_its_connections(postgres_repo: Repo, postgres_url: str) -> None:
    @task(name="lost_step")
    def step(n: int) -> int:
        if n % 20 == 7:
            ask(postgres_url, f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
        return n + 1

    @task(name="lost_total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    scheduler = Scheduler(postgres_repo)
    assert scheduler.run(total([step(n) for n in range(100)])) == 5050
    postgres_repo.backend.executions(1)
    ask(postgres_url, f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
    jobs = postgres_repo.backend.jobs(limit=1000)
    assert [view.job.status for view in jobs] == [JobStatus.DONE] * 101
    assert_sound(postgres_url)


def test_what_was_committed_unheard_is_not_recorded_twice(
    backend: SqlBackend, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, heard = Story(*"abc"), []
    record_well = calls.record

    def record_and_lose(session: Session, *rest: object) -> None:
        record_well(session, *rest)  # pyright: ignore
        heard.append(session.again)
        if len(heard) == 1:
            driver = session.driver  # pyright: ignore
            driver.execute("COMMIT")
            driver.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(calls, "record", record_and_lose)
    backend.record_execution(story.execution)
    backend.record(replace(story.batch, jobs=(), new_jobs=[story.root, *story.jobs]))
    assert heard == [False, True]
    assert ask(postgres_url, "SELECT count(*) FROM job") == [(4,)]
    assert_sound(postgres_url)


def test_a_transaction_is_played_again_when_another_was_in_the_way(backend: SqlBackend) -> None:
    played: list[bool] = []

    def closure(session: Session) -> int:
        session.run(text("INSERT INTO word VALUES (1, 'once')"))
        played.append(session.again)
        if len(played) < 3:
            raise (errors.SerializationFailure, errors.DeadlockDetected)[len(played) - 1]("in the way")
        return len(played)

    assert backend._database.run_tx(closure) == 3
    assert played == [False, True, True]

    def never(session: Session) -> None:
        raise errors.SerializationFailure("in the way")

    with pytest.raises(BackendUnavailable, match="run it again"):
        backend._database.run_tx(never)


def test_who_stops_while_writing_keeps_others_waiting_for_a_while_only(
    backend: SqlBackend, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = postgres_session.SETTINGS.replace("'60s'", "'200ms'")
    monkeypatch.setattr(postgres_session, "SETTINGS", quick)
    stopped, other = open_backend(postgres_url), threading.Thread(target=record, args=(backend, Story("one")))
    assert isinstance(stopped, SqlBackend)
    played: list[bool] = []

    def closure(session: Session) -> int:
        played.append(session.again)
        if not session.again:
            other.start()
            other.join()  # it has the lock that was held here
        (count,) = session.first(text("SELECT count(*) FROM job"))
        return count

    assert stopped._database.run_tx(closure) == 2
    assert played == [False, True]
    stopped.close()


def test_a_server_that_crashes_and_starts_again_is_waited_for() -> None:
    with postgres_server.own_server(synchronous_commit="on") as server:
        backend, stories = open_backend(server.url), [Story(*(f"{n}" for n in range(9)), name=f"{n}") for n in range(6)]
        for story in stories[:2]:
            record(backend, story)
        server.stop()
        again = threading.Timer(0.5, server.start)
        again.start()
        for story in stories[2:]:
            record(backend, story)
        again.join()
        assert len(backend.jobs(limit=1000)) == 60
        backend.close()
        assert_sound(server.url)


def test_a_server_that_stays_away_is_named(backend: SqlBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_database, "_PAUSES", (0.0, 0.01))
    record(backend, Story("one"))
    backend._database._target["port"] = "1"  # pyright: ignore
    with backend._database._opened.pool.connect() as proxy:  # pyright: ignore
        proxy.driver_connection.close()
    with pytest.raises(BackendUnavailable, match=r"cannot use the database .*; see that the server runs"):
        backend.record(Story("two").batch)


# -- locked doors ----------------------------------------------------------------------------------


def refused(url: str, password_command: str | None = None) -> str:
    with pytest.raises(BackendUnavailable) as trouble:
        open_backend(url, password_command).load()
    assert "\n" not in str(trouble.value)
    return str(trouble.value)


def test_what_is_wrong_at_the_door_is_said_with_its_remedy(postgres_url: str) -> None:
    server = postgres_server.shared()
    assert "make it (createdb, createuser), or give another URL" in refused(server.url_of("no_such_database"))
    assert "see that the server runs and can be reached" in refused("postgresql://me:secret@127.0.0.1:1/x")
    assert "see to the name of the host in the URL" in refused("postgresql://me:secret@no.such.host.invalid/x")
    assert "see to the service file" in refused("postgresql:///?service=no_such_service")


def test_a_role_is_let_in_by_its_password_alone_and_needs_its_rights(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = postgres_server.shared()
    secret = "p/s:s@ %w"
    server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{secret}'")
    try:
        head, _, tail = empty_url.partition("://")[2].partition("@")
        url, spelt = f"postgresql://{GUARDED}@{tail}", f"postgresql://{GUARDED}:{quote(secret, '')}@{tail}"
        assert head
        ask(empty_url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        wrong = refused(spelt.replace("%25w", "wrong"))
        assert "give the right one in the URL, in PGPASSWORD, in ~/.pgpass or by database.password_command" in wrong
        assert "wrong@" not in wrong
        assert "ask its owner for the right: GRANT USAGE, CREATE" in refused(spelt)
        assert quote(secret, "") not in refused(spelt)
        ask(empty_url, f"GRANT CREATE ON SCHEMA public TO {GUARDED}")
        monkeypatch.setenv("PGPASSWORD", secret)
        backend = open_backend(url.replace("postgresql://", "postgres://"))
        record(backend, Story("one"))
        backend.close()
    finally:
        ask(empty_url, f"DROP OWNED BY {GUARDED}")
        server.execute(f"DROP ROLE {GUARDED}")


def test_a_command_gives_the_password_of_each_connection(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, secret, asked = postgres_server.shared(), "p/s:s@ %w", tmp_path / "asked"
    server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{secret}'")
    ask(empty_url, f"GRANT CREATE ON SCHEMA public TO {GUARDED}")
    url = f"postgresql://{GUARDED}@{empty_url.partition('@')[2]}"
    give = tmp_path / "give it"
    give.write_text(f"#!/bin/sh\necho asked >> '{asked}'\necho '{secret}'\necho noise >&2\n")
    give.chmod(0o700)
    command = f"'{give}' --now"
    try:
        backend = open_backend(url, command)
        record(backend, Story("one"))
        assert len(backend.jobs()) == 2
        connected = ask(empty_url, f"SELECT count(*) {CONNECTIONS}")
        assert [(len(asked.read_text().splitlines()),)] == connected == [(2,)]
        backend.close()
        # One in the URL goes before it.
        before = asked.read_text()
        assert "give the right one" in refused(url.replace("@", ":wrong@", 1), command)
        assert asked.read_text() == before
        slow = tmp_path / "slow"
        os.mkfifo(slow)
        for said, why in {
            f"sh -c 'echo {secret}; echo {secret} >&2; exit 3'": "'sh', .*, failed with status 3; run the command",
            f"/no/such/{secret[0]} --of me": r"cannot be run \(No such file or directory\)",
            "true": "'true', .* gave none;",
            f"cat {slow}": "gave none within 0 s",
            "sh 'unclosed": r"cannot be run \(ValueError\)",
            " ": r"cannot be run \(",
        }.items():
            monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01 if "cat" in said else 60.0)
            wrong = refused(url, said)
            assert re.search(why, wrong), wrong
            assert secret not in wrong
    finally:
        ask(empty_url, f"DROP OWNED BY {GUARDED}")
        server.execute(f"DROP ROLE {GUARDED}")


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret%zz@host/x", "postgres://me:sec@ret@host/x", "postgresql://me:secret@[::1/x"]
)
def test_a_url_that_cannot_be_read_keeps_its_password(url: str) -> None:
    with pytest.raises(
        UnknownDatabase, match=r"'postgres(ql)?://me:…@.* is no URL of a PostgreSQL database"
    ) as trouble:
        open_backend(url)
    assert "sec" not in str(trouble.value)
    assert trouble.value.__suppress_context__


def test_without_its_driver_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "redux_backends.postgres_database")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDriver, match=r"me:…@host/x needs psycopg, .*: pip install 'redux-cache\[postgres\]'"):
        open_backend("postgresql://me:secret@host/x")


# -- what is not a good database -------------------------------------------------------------------


def test_tables_of_another_redux_are_refused(postgres_url: str) -> None:
    ask(postgres_url, "UPDATE redux_schema SET version = version + 1")
    with pytest.raises(BackendNewer, match=r"was written by a newer redux .*; upgrade redux"):
        open_backend(postgres_url).load()
    ask(postgres_url, "UPDATE redux_schema SET version = version - 2")
    with pytest.raises(BackendOlder, match=r"was written by an older redux .*; say `redux db upgrade`"):
        open_backend(postgres_url).load()


def test_tables_of_something_else_are_left_alone(empty_url: str) -> None:
    ask(empty_url, "CREATE TABLE job (theirs int)")
    with pytest.raises(BackendCorrupt, match=r"holds tables of something else \(job\); give redux a database"):
        open_backend(empty_url).load()
    assert ask(empty_url, "SELECT count(*) FROM pg_class WHERE relname = 'word'") == [(0,)]


def test_a_database_that_does_not_hold_every_text_is_refused() -> None:
    server = postgres_server.shared()
    server.execute("CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "redux_latin")
    try:
        assert "keeps texts as LATIN1, which does not hold every one" in refused(server.url_of("redux_latin"))
    finally:
        server.execute("DROP DATABASE {}", "redux_latin")


def test_a_server_that_takes_no_writes_is_read_and_says_so(backend: SqlBackend, postgres_url: str) -> None:
    record(backend, Story("one"))
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    postgres_server.shared().execute("ALTER DATABASE {} SET default_transaction_read_only = on", str(name))
    reading = open_backend(postgres_url)
    assert len(reading.jobs()) == 2
    with pytest.raises(BackendUnavailable, match="the server takes no writes: give the URL of the one that does"):
        reading.record(Story("two").batch)
    reading.close()


def test_a_statement_that_is_cancelled_or_refused_says_so(backend: SqlBackend) -> None:
    with pytest.raises(BackendUnavailable, match="somebody cancelled it, or it took longer"):
        backend._database.run_tx(lambda session: session.run(text("SELECT pg_cancel_backend(pg_backend_pid())")))
    with pytest.raises(BackendError, match=r"refused what redux asked \(.*no_such.*\); .* please report it"):
        backend._database.run_tx(lambda session: session.run(text("SELECT no_such FROM value")))
    record(backend, Story("after"))


@pytest.mark.parametrize(
    ("trouble", "kind", "remedy"),
    [
        (errors.DiskFull("could not extend file"), BackendUnavailable, "free some space on the server's disk"),
        (errors.TooManyConnections("sorry"), BackendUnavailable, "raise max_connections"),
        (errors.DataCorrupted("invalid page"), BackendCorrupt, "bring its backup back"),
        (errors.UndefinedTable('relation "job" does not exist'), BackendCorrupt, "lacks tables of redux"),
    ],
)
def test_a_servers_trouble_is_one_line_with_its_remedy(
    trouble: psycopg.Error, kind: type[BackendError], remedy: str
) -> None:
    said = in_words(trouble, "postgresql://host/x")
    assert type(said) is kind
    assert remedy in str(said)
    assert "\n" not in str(said)


def test_the_tables_of_one_schema_have_one_lock_whatever_the_path_to_them(postgres_url: str) -> None:
    ask(postgres_url, "CREATE SCHEMA mine")

    def along(path: str) -> str:
        return f"{postgres_url}&options=-csearch_path%3D{path}"

    one, other = open_backend(postgres_url), open_backend(along("mine,public"))
    assert isinstance(one, SqlBackend)
    assert isinstance(other, SqlBackend)
    record(one, Story("one"))
    record(other, Story("two", name="another"))
    assert len(one.jobs()) == 4

    def closure(session: Session) -> bool:
        return ask(along("mine,public"), LOCKED.decode()) == [(False,)]

    assert one._database.run_tx(closure)
    one.close()
    other.close()
    assert "make the schema that search_path names: CREATE SCHEMA" in refused(along("none"))


# -- texts -----------------------------------------------------------------------------------------


@given(st.text(st.characters() | st.sampled_from("\0\ud800\udcff\ufdd0\ufdd1f0")))
def test_every_text_comes_back_as_it_was(said: str) -> None:
    kept = texts.to_postgres(said)
    assert "\0" not in kept
    kept.encode()
    assert texts.from_postgres(kept) == said
    assert texts.are_plain([said]) == (kept == said)
    assert texts.from_sqlite(texts.to_sqlite(said)) == said


def test_texts_that_look_like_kept_ones_are_told_apart(backend: SqlBackend) -> None:
    odd = ["\0", "\ufdd00000", "\ud800", "\ufdd0d800", "\ufdd0", "\ufdd0fdd0", "", " ", "x" * 100_000]
    tasks = [sample_task(f"named {n}") for n in range(len(odd))]
    named = [replace(each, fullname=name) for each, name in zip(tasks, odd, strict=True)]
    backend.record(Batch(tasks=named))
    backend.record(Batch(tasks=named))
    assert backend.known_tasks(odd) == {each.fullname: [each.hash] for each in named}
    for each in named:
        assert backend.task_versions(each.fullname) == [each]


# -- what it costs ---------------------------------------------------------------------------------


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The list to which every statement that any session runs is added."""
    said: list[object] = []
    for name in ("execute", "copy"):
        plain = getattr(psycopg.Cursor, name)

        def noted(cursor, query, *rest, plain=plain, **options):
            said.append(query)
            return plain(cursor, query, *rest, **options)

        monkeypatch.setattr(psycopg.Cursor, name, noted)
    return said


def test_a_fan_out_takes_few_statements_cold_and_warm(postgres_repo: Repo, heard: list[object]) -> None:
    @task(name="counted_inc")
    def inc(n: int) -> int:
        return n + 1

    @task(name="counted_main")
    def main(n: int) -> list[int]:
        return [inc(i) for i in range(n)]  # pyright: ignore

    scheduler = Scheduler(postgres_repo)
    for most in (100, 40):
        heard.clear()
        assert len(scheduler.run(main(2_000))) == 2_000
        assert len(heard) < most


def test_a_view_takes_as_many_statements_for_many_jobs_as_for_few(backend: SqlBackend, heard: list[object]) -> None:
    story = Story(*(f"{n}" for n in range(90)))
    record(backend, story)
    backend.jobs(limit=1)

    def count(limit: int) -> int:
        heard.clear()
        assert len(backend.jobs(execution=story.execution.id, limit=limit)) == limit
        return len(heard)

    assert count(2) == count(90) <= 6


def test_the_server_knows_soon_how_much_there_is(backend: SqlBackend, postgres_url: str) -> None:
    believed = "SELECT reltuples FROM pg_class WHERE relname = 'evaluation'"
    record(backend, Story("one"))
    assert ask(postgres_url, believed) == [(-1.0,)]
    record(backend, Story(*(f"{n}" for n in range(800)), name="many"))
    ((counted,),) = ask(postgres_url, believed)
    assert counted > 800


def test_large_data_come_with_the_rest(backend: SqlBackend, heard: list[object]) -> None:
    large = [replace(value(f"{n}"), data=os.urandom(100_000), size=100_000) for n in range(20)]
    backend.record(Batch(values=large))
    heard.clear()
    found = backend.get_values([each.hash for each in large])
    assert {found[each.hash].data for each in large} == {each.data for each in large}
    assert len(heard) == 1


# -- the command line ------------------------------------------------------------------------------

WORKFLOW = """
from redux import task

@task
def double(x: int) -> int:
    return x * 2

@task
def main() -> list[int]:
    return [double(n) for n in range(3)]
"""


SUBRUN = """
from redux import task
from redux.functools import subrun
from flow import main


@task
def outer():
    return subrun(main(), executor="processes")
"""


def test_a_team_runs_and_looks_through_the_url_alone(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(WORKFLOW)
    url = postgres_url.replace("postgres@", "postgres:hush@")

    def redux(*words: str) -> str:
        done = commands.redux(tmp_path, *words, REDUX_DB_URL=url)
        assert done.returncode == 0, done.stderr
        assert "hush" not in done.stdout + done.stderr
        return done.stdout

    assert redux("run", "flow.py", "main") == redux("run", "--db", url, "flow.py", "main") == "[0, 2, 4]\n"
    listed = redux("log")
    assert "4 jobs: 4 cached" in listed
    assert "4 jobs: 4 ran" in listed
    (tmp_path / "flow.py").write_text(WORKFLOW.replace("x * 2", "x * 3"))
    assert redux("run", "flow.py", "main") == "[0, 3, 6]\n"
    assert "x * 3" in redux("explain-miss", "double")
    assert "postgres:…@" in redux("config")
    assert ask(postgres_url, "SELECT count(*) FROM execution") == [(3,)]
    (tmp_path / "sub.py").write_text(SUBRUN)
    assert redux("run", "sub.py", "outer") == "[0, 3, 6]\n"
    held = "SELECT count(*) FROM value WHERE position('hush' IN preview || encode(data, 'escape')) > 0"
    assert ask(postgres_url, held) == [(0,)]
    assert ask(postgres_url, "SELECT count(*) FROM execution WHERE argv LIKE '%%hush%%'") == [(0,)]


# -- looked at as a whole --------------------------------------------------------------------------


def test_a_bent_record_is_found_mended_and_made_again(postgres_repo: Repo, postgres_url: str) -> None:
    @task(name="bent_step")
    def step(n: int) -> int:
        return n + 1

    @task(name="bent_total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    def run() -> int:
        return Scheduler(postgres_repo, workers=2).run(total([step(n) for n in range(20)]))

    assert run() == 210
    assert list(Check(postgres_repo, 1.0).findings()) == []
    ask(postgres_url, "UPDATE argument SET value_id = value_id + 1 WHERE evaluation_id = 3")
    ask(postgres_url, "UPDATE call_node SET children = children + 1 WHERE id = 5")
    ask(postgres_url, "DELETE FROM execution")
    found = [one for one in Check(postgres_repo, 1.0).findings() if one.is_damage]
    assert {one.kind for one in found} == {Kind.EVALUATION, Kind.CALL, Kind.DANGLING}
    repair = Repair(postgres_repo)
    for one in found:
        repair.mend(one)
    assert run() == 210
    assert {one.kind for one in Check(postgres_repo, 1.0).findings() if one.is_damage} <= {Kind.DANGLING}


def test_the_reading_commands_look_at_a_server_too(
    postgres_repo: Repo,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @task(name="looked_at")
    def step(n: int) -> int:
        return n + 1

    assert Scheduler(postgres_repo, workers=1).run(step(1)) == 2
    monkeypatch.chdir(tmp_path)
    places = ["--db", postgres_url, "--store", str(tmp_path / "values")]
    for words in (["fsck", "--read-data"], ["du", "--by", "task"], ["doctor"]):
        assert dispatch([*words, *places]) == 0, words
    said = capsys.readouterr().out
    assert "sound" in said
    assert "looked_at" in said
    assert "clock of the database: agrees with this process's" in said
