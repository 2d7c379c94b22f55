"""Who runs: told by the process itself on its own machine, by the lease and the database's clock from any other."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from redux.cli.main import dispatch
from redux_backends import liveness
from redux_backends.backend import Backend
from redux_backends.liveness import LEASE_SECONDS
from redux_backends.records import JobStatus, Lease
from redux_backends.sample import ELSEWHERE, Story, execution, started
from redux_backends.sql import open_backend

from . import commands

WORKFLOW = """\
import os
import time
from redux import task
from redux.scheduler import run_loop

redux_namespace = "live"
run_loop.LEASE_SECONDS = 0.02
real = time.time
time.time = lambda: real() + float(os.environ["CLOCK"])


@task
def hold(fifo: str) -> str:
    with open(fifo) as held:
        return held.read()


@task
def main() -> list:
    return [hold("fifo"), hold("fifo").strip()]
"""
RUNNING, DIED, DONE = JobStatus.RUNNING, JobStatus.DIED, JobStatus.DONE
THERE = Lease(host="there", boot="their boot", pid=os.getpid(), process_started="1")


class Held:
    """A run, in a process of its own, that goes on until it is let go."""

    def __init__(self, folder: Path, url: str, executor: str, clock: int) -> None:
        self.folder, self.url = folder, url
        (folder / "flow.py").write_text(WORKFLOW)
        os.mkfifo(folder / "fifo")
        run = [*commands.REDUX, "run", "--quiet", "--executor", executor, "flow.py", "main"]
        self.process = commands.start(run, folder, REDUX_DB_URL=url, CLOCK=str(clock))
        # Opened once the job reads there.
        self._letting_go = (folder / "fifo").open("w")
        self.backend = open_backend(url)
        self.backend.load()

    def status(self) -> JobStatus:
        """How the execution stands, as it is seen from here."""
        return self.backend.executions(1)[0].status

    def let_go(self) -> tuple[int, str, str]:
        """How the run ends: its code, and what it says."""
        self._letting_go.write("held")
        self._letting_go.close()
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, out, errors

    def expire(self, suspend: bool = False) -> None:
        """Have its lease run out long ago, by the database's clock; with `suspend`, the process is stopped as well."""
        change = f"UPDATE execution SET lease_until = lease_until - {2 * LEASE_SECONDS}"
        with self.writing() as run:
            # It is in no transaction of its own now that would keep others waiting while it is stopped.
            run(change)
            if suspend:
                self.process.send_signal(signal.SIGSTOP)
                os.waitpid(self.process.pid, os.WUNTRACED)

    @contextmanager
    def writing(self) -> Iterator[Callable[[str], object]]:
        """What runs a statement, in a transaction."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30)) as connection, connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection.execute
        else:
            with psycopg.connect(self.url) as server:
                yield lambda statement: server.execute(statement.encode())

    def end(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.communicate()
        self._letting_go.close()
        self.backend.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/redux.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def hold(tmp_path: Path, url: str) -> Iterator[Callable[..., Held]]:
    """Begins a run that is held."""
    begun: list[Held] = []

    def begin(executor: str = "threads", clock: int = 0) -> Held:
        begun.append(Held(tmp_path, url, executor, clock))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


@pytest.fixture
def from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process looks as one of another machine does."""
    monkeypatch.setattr(liveness, "this_process", lambda: THERE)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that a process does by itself."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came"


# Inline, the one thread of the run is in the job all the time.
@pytest.mark.parametrize(("executor", "clock"), [("threads", -3600), ("inline", 3600)])
def test_a_lease_is_kept_by_the_databases_clock_whatever_the_jobs_are_at(
    hold: Callable[..., Held], from_elsewhere: None, executor: str, clock: int
):
    run = hold(executor, clock)
    assert run.status() is RUNNING
    run.expire()
    until(lambda: run.status() is RUNNING)  # it said so again
    run.expire(suspend=True)
    assert run.status() is DIED
    (only,) = run.backend.executions(1)
    counted = {(one.status, one.count) for one in run.backend.count_jobs(only.id)}
    assert {status for status, _ in counted} <= {DIED, JobStatus.CACHED}
    run.process.send_signal(signal.SIGCONT)
    until(lambda: run.status() is RUNNING)
    assert run.let_go() == (0, "['held', 'held']\n", "")
    assert run.status() is DONE


def test_a_suspended_run_whose_connections_the_server_ended_comes_back(hold: Callable[..., Held], from_elsewhere: None):
    run = hold()
    run.expire(suspend=True)
    assert run.status() is DIED
    if run.url.startswith("postgres"):
        with psycopg.connect(run.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    run.process.send_signal(signal.SIGCONT)
    until(lambda: run.status() is RUNNING)
    assert run.let_go() == (0, "['held', 'held']\n", "")
    assert run.status() is DONE


def test_a_run_that_was_killed_shows_as_died_in_every_view(
    hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    run = hold()
    until(lambda: bool(run.backend.jobs(status=RUNNING)))
    (only,) = run.backend.executions(1)
    jobs = [view.job for view in run.backend.jobs(execution=only.id)]
    assert run.status() is RUNNING
    monkeypatch.chdir(run.folder)
    monkeypatch.setenv("REDUX_DB_URL", run.url)

    def said(*words: str) -> str:
        assert dispatch(("log", *words)) == 0
        return capsys.readouterr().out

    def asked(*words: str) -> Any:
        return json.loads(said(*words, "--json"))

    assert "running" in said()
    run.process.kill()
    run.process.wait()
    # At once on its own machine; elsewhere once its lease has run out.
    seen = [said(), said(only.id.hex()), *(said(job.id.hex()) for job in jobs), said("--status", "died")]
    monkeypatch.setattr(liveness, "this_process", lambda: THERE)
    assert run.status() is RUNNING
    run.expire()
    seen += [said(), said(only.id.hex()), *(said(job.id.hex()) for job in jobs), said("--status", "died")]
    for text in seen:
        assert "died" in text
        assert "running" not in text
    assert said("--status", "running") == said("--status", "running", only.id.hex()) == "no job fits\n"
    assert {one["job"]["status"] for one in asked("--task", "live.hold")["jobs"]} == {"died"}
    assert len(asked("--status", "died", only.id.hex())["jobs"]) == len(jobs)
    page = asked(only.id.hex())
    assert page["execution"]["status"] == "died"
    assert {one["job"]["status"] for one in page["jobs"]} == {"died"}
    assert sum(row["other"] for row in page["tasks"]) == len(jobs)
    assert asked(jobs[0].id.hex())["job"]["job"]["status"] == "died"
    assert asked()["executions"][0]["execution"]["status"] == "died"


def test_a_number_that_another_process_got_and_one_of_another_container_are_not_taken_for_it(url: str):
    backend: Backend = open_backend(url)
    backend.load()
    here = liveness.this_process()
    reused = replace(here, process_started="1")
    contained = replace(here, boot=f"{here.boot} of a container")
    runs = [execution(f"{at}", at, lease) for at, lease in enumerate((here, reused, contained, ELSEWHERE))]
    for each in runs:
        backend.record_execution(each)
    assert [one.status for one in reversed(backend.executions(9))] == [RUNNING, DIED, RUNNING, RUNNING]
    backend.close()


def test_a_process_that_the_system_hides_is_judged_by_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "self").mkdir()
    monkeypatch.setattr(liveness, "_PROC", tmp_path)
    there = replace(liveness.this_process(), pid=12345)

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert liveness.is_running(there, 2.0, 1.0)
    assert not liveness.is_running(there, 1.0, 2.0)

    def miss(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", miss)
    assert not liveness.is_running(there, 2.0, 1.0)


def test_those_that_died_long_ago_cost_whoever_looks_nothing(url: str, monkeypatch: pytest.MonkeyPatch):
    backend = open_backend(url)
    backend.load()
    story = Story("one")
    backend.record_execution(story.execution)
    backend.record(story.batch)
    for at in range(30):
        gone = execution(f"gone {at}", at, ELSEWHERE)
        backend.record_execution(gone)
        backend.record_job_start(started(f"job of {at}", gone, story.main_key, at=at))
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("UPDATE execution SET lease_until = 0 WHERE host = 'elsewhere'")
    else:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE execution SET lease_until = 0 WHERE host = 'elsewhere'")
    judged: list[Lease] = []
    judge = liveness.is_running

    def counted(lease: Lease, *clock: float) -> bool:
        judged.append(lease)
        return judge(lease, *clock)

    monkeypatch.setattr(liveness, "is_running", counted)
    assert len(backend.jobs(status=DIED)) == 30
    assert [lease.host for lease in judged] == [liveness.this_process().host]
    backend.close()
