"""A PostgreSQL server that is killed during a run: the run goes on or says so, and nothing is lost or there twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.repo import Repo, open_repo
from redux_backends import postgres_database
from redux_backends.records import JobStatus

from . import commands, postgres_server
from .postgres_server import OwnServer
from .test_killed import assert_nothing_is_damaged, assert_nothing_runs, content
from .test_postgres import assert_sound

WORKFLOW = """
import os, signal, time
from redux import task

redux_namespace = "crashes"

@task
def double(n: int) -> int:
    time.sleep(0.01)
    return n * 2

@task
def text(n: int) -> str:
    return f"{n}" * 10_000

@task
def total(numbers: list[int], texts: list[str]) -> list[int]:
    return [sum(numbers), sum(map(len, texts))]

@task
def main(count: int) -> list[int]:
    return total([double(n) for n in range(count)], [text(n) for n in range(count // 10)])

@task(version="1")
def crash(processes: str, after: list[int]) -> list[int]:
    for process in processes.split():
        os.kill(int(process), signal.SIGKILL)
    return after

@task
def struck(processes: str) -> list[int]:
    return crash(processes, main(20))
"""
COUNT = 120
ANSWER = f"[{COUNT * (COUNT - 1)}, {10_000 * (10 + 2 * 2)}]\n"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with postgres_server.own_server(synchronous_commit="on") as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(WORKFLOW)
    return tmp_path


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    words = ["run", "--quiet", "--db", url, "--store", str(folder / "values"), "flow.py", "main", str(COUNT)]
    return commands.start([*commands.REDUX, *words], folder)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    answer, errors = process.communicate(timeout=100)
    return process.returncode, answer, errors


def opened(folder: Path, url: str) -> closing[Repo]:
    return closing(open_repo(url, str(folder / "values")))


@pytest.mark.parametrize("rounds", [pytest.param(2, id="short"), pytest.param(30, id="long", marks=pytest.mark.faults)])
@pytest.mark.timeout(600)
def test_a_server_killed_and_started_again_at_any_moment_costs_time_only(
    server: OwnServer, folder: Path, rounds: int
) -> None:
    with server.database() as url:
        began = time.monotonic()
        assert finish(start(folder, url)) == (0, ANSWER, "")
        seconds = time.monotonic() - began
        with opened(folder, url) as repo:
            whole = content(repo)
    dice = random.Random(rounds)
    went_on = 0
    for at in range(rounds):
        with server.database() as url:
            run = start(folder, url)
            with suppress(subprocess.TimeoutExpired):  # it may have been faster than the first
                run.wait(dice.uniform(0.3, 0.8) * seconds)
            server.kill()
            server.start()
            code, answer, errors = finish(run)
            _check_end(code, answer, errors)
            went_on += code == 0
            again = finish(start(folder, url))
            assert again == (0, ANSWER, ""), at
            assert_sound(url)
            with opened(folder, url) as repo:
                if code == 0:
                    newest = repo.backend.executions(1)[0].id
                    assert repo.backend.jobs(execution=newest, missed=True) == []
                assert content(repo) == whole
                assert_nothing_runs(repo)
                assert_nothing_is_damaged(repo)
    sys.stderr.write(f"\nserver killed: {rounds} times, {went_on} runs went on, 0 records lost or there twice\n")


def _check_end(code: int, answer: str, errors: str) -> None:
    """It went on, or said in one line that what it did is not recorded, and gave its result if it had come to run."""
    assert "Traceback" not in errors
    if code == 0:
        assert (answer, errors) == (ANSWER, "")
    else:
        assert code == 4, errors
        assert answer in (ANSWER, "")
        # It stayed away, or was still going over what the crash had left.
        assert "see that the server runs" in errors or "wait a moment, and run it again" in errors


def test_a_server_that_stays_away_is_told_in_one_line_and_costs_no_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgres_database, "_PAUSES", (0.0, 0.05))
    monkeypatch.chdir(folder)
    with postgres_server.own_server(synchronous_commit="on") as server:
        words = ["--db", server.url, "--store", str(folder / "values")]
        struck = ["run", "--quiet", *words, "flow.py", "struck"]
        assert dispatch([*struck, " ".join(map(str, server.processes()))]) == 4
        said = capsys.readouterr()
        assert said.out == "[380, 20000]\n"
        assert said.err.count("\n") == 1
        assert "see that the server runs" in said.err
        assert dispatch(["log", *words]) == 4
        assert capsys.readouterr().err.count("\n") == 1
        server.kill()  # what is left of it
        server.start()
        assert dispatch(["run", "--quiet", *words, "flow.py", "main", "20"]) == 0
        assert capsys.readouterr().out == "[380, 20000]\n"
        with opened(folder, server.url) as repo:
            assert_nothing_is_damaged(repo)
            statuses = {execution.status for execution in repo.backend.executions(10)}
            assert statuses <= {JobStatus.DONE, JobStatus.RUNNING}  # this process, which ran it, lives on
