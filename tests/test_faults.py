"""Promises 2, 3 and 4: nothing recorded is missing or wrong, a crash costs only time, and many work at once.

Each campaign runs a short round with the tests and a long one by `make faults`.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redux.fsck.check import Check
from redux.fsck.findings import Finding
from redux.repo import Repo
from redux_backends.records import JobStatus
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import ValueMissing

from . import storm

ROOT = Path(__file__).resolve().parent.parent
JOBS = 60
"""calls of numbers in the killed and the damaged workflow; each makes three more"""


def _rounds(short: int, long: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "rounds", [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.faults)]
    )


def _start(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storm", str(folder), str(first), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _all_values(folder: Path) -> Iterator[Digest]:
    with sqlite3.connect(folder / "redux.db") as connection:
        rows = connection.execute("select hash from value").fetchall()
    connection.close()
    yield from (Digest(row[0]) for row in rows)


def _unsound(repo: Repo, folder: Path) -> list[str]:
    """The values that the database names and whose bytes are not there or not theirs."""
    bad: list[str] = []
    for digest in _all_values(folder):
        try:
            if digest_bytes(bytes(repo.fetch_by_hash(digest))) != digest:
                bad.append(digest.hex())
        except ValueMissing:
            bad.append(digest.hex())
    return bad


def _call_graph(repo: Repo) -> dict[Digest, tuple[Digest, ...]]:
    """All calls below the newest execution's root, with their children."""
    root = repo.backend.jobs(execution=repo.backend.executions(1)[0].id, roots=True)[0].job.call_hash
    assert root is not None
    graph: dict[Digest, tuple[Digest, ...]] = {}
    waiting = [root]
    while waiting:
        digest = waiting.pop()
        if digest not in graph:
            call = repo.backend.get_call(digest)
            assert call is not None
            graph[digest] = call.children
            waiting += call.children
    return graph


def _check_database(folder: Path) -> None:
    connection = sqlite3.connect(folder / "redux.db")
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    assert connection.execute("pragma foreign_key_check").fetchall() == []
    connection.close()


# -- kill -9 -----------------------------------------------------------------------------------------


@_rounds(short=6, long=200)
@pytest.mark.timeout(900)
def test_after_kill_9_at_any_moment_one_more_run_makes_everything_whole(tmp_path: Path, rounds: int):
    whole = tmp_path / "whole"
    whole.mkdir()
    seconds = _seconds_of_a_run(whole)
    repo = storm.open_storm(whole)
    graph = _call_graph(repo)
    repo.close()
    dice = random.Random(rounds)
    runs = struck = 0
    while struck < rounds:
        folder = tmp_path / str(runs)
        folder.mkdir()
        struck += _kill_a_run(folder, dice.uniform(0, seconds))
        _check_after_kill(folder, graph)
        runs += 1
    sys.stderr.write(f"\nkill -9: {struck} runs struck before their end (of {runs}), 0 harmed\n")


def _seconds_of_a_run(folder: Path) -> float:
    process = _start(folder, 0, JOBS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return time.monotonic() - began


def _kill_a_run(folder: Path, delay: float) -> bool:
    process = _start(folder, 0, JOBS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.kill()
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


def _damage_found(folder: Path) -> list[Finding]:
    repo = storm.open_storm(folder)
    try:
        return [one for one in Check(repo, 1.0).findings() if one.is_damage]
    finally:
        repo.close()


def _check_after_kill(folder: Path, graph: dict[Digest, tuple[Digest, ...]]) -> None:
    assert _damage_found(folder) == []
    assert storm.run(folder, 0, JOBS).value == storm.expected(0, JOBS)
    repo = storm.open_storm(folder)
    assert _call_graph(repo) == graph
    assert _unsound(repo, folder) == []
    for execution in repo.backend.executions(10):
        assert execution.status in (JobStatus.DONE, JobStatus.DIED)
        statuses = {view.job.status for view in repo.backend.jobs(execution=execution.id, limit=1000)}
        assert JobStatus.RUNNING not in statuses
    repo.close()
    assert _damage_found(folder) == []
    _check_database(folder)


# -- many at once ------------------------------------------------------------------------------------


@_rounds(short=1, long=10)
@pytest.mark.timeout(900)
def test_eight_processes_on_one_fresh_database_see_no_error_and_record_each_call_once(tmp_path: Path, rounds: int):
    for index in range(rounds):
        folder = tmp_path / str(index)
        folder.mkdir()
        processes = [_start(folder, 20 * which, 160) for which in range(8)]
        for process in processes:
            _, errors = process.communicate()
            assert (process.returncode, errors) == (0, "")
        _check_database(folder)
        repo = storm.open_storm(folder)
        assert _unsound(repo, folder) == []
        repo.close()
        _check_each_call_once(folder)
    sys.stderr.write(f"\neight at once: {rounds} times 8 processes with 500 overlapping calls each, no error\n")


def _check_each_call_once(folder: Path) -> None:
    connection = sqlite3.connect(folder / "redux.db")
    counted = """
        select word.text, count(*), count(distinct evaluation.hash)
        from evaluation join task on task.id = task_id join word on word.id = name_id group by 1
    """
    counts = {name: (rows, distinct) for name, rows, distinct in connection.execute(counted)}
    (calls,) = connection.execute("select count(*) - count(distinct hash) from call_node").fetchone()
    connection.close()
    numbers = 20 * 7 + 160
    assert counts["storm.number"] == (numbers, numbers)
    assert counts["storm.block"] == (numbers // 10, numbers // 10)
    assert calls == 0


# -- damage ------------------------------------------------------------------------------------------


@_rounds(short=60, long=2000)
@pytest.mark.timeout(900)
def test_damaged_values_are_never_returned_and_the_next_run_heals_them(tmp_path: Path, rounds: int):
    answer = storm.run(tmp_path, 0, 20).value
    assert answer == storm.expected(0, 20)
    dice = random.Random(rounds)
    for _ in range(rounds):
        _damage(tmp_path, dice)
        assert storm.run(tmp_path, 0, 20).value == answer
        repo = storm.open_storm(tmp_path)
        assert _unsound(repo, tmp_path) == []
        repo.close()
    sys.stderr.write(f"\ndamage: {rounds} mutations, 0 wrong values, all healed by the next run\n")


_RESULTS = """
select v.hash from value v
where v.id in (select value_id from evaluation_result union select value_id from call_node)
"""


def _damage(folder: Path, dice: random.Random) -> None:
    """Harm one value that is a result of some call: in its file, or in its row."""
    connection = sqlite3.connect(folder / "redux.db")
    if dice.random() < 0.5:
        (digest,) = dice.choice(connection.execute(f"{_RESULTS} and v.data is null order by 1").fetchall())
        connection.close()
        path = folder / "values" / digest.hex()[:2] / digest.hex()[2:]
        harmed = _harm(path.read_bytes(), dice)
        path.chmod(0o600)
        if harmed is None:
            path.unlink()
        else:
            path.write_bytes(harmed)
        return
    (digest,) = dice.choice(connection.execute(f"{_RESULTS} and v.data is not null order by 1").fetchall())
    (data,) = connection.execute("select data from value where hash = ?", (digest,)).fetchone()
    harmed = _harm(data, dice)
    connection.execute("update value set data = ? where hash = ?", (b"" if harmed is None else harmed, digest))
    connection.commit()
    connection.close()


def _harm(data: bytes, dice: random.Random) -> bytes | None:
    position = dice.randrange(len(data))
    kind = dice.choice(("flip", "cut", "extend", "gone", "other"))
    if kind == "flip":
        return data[:position] + bytes([data[position] ^ (1 << dice.randrange(8))]) + data[position + 1 :]
    if kind == "cut":
        return data[:position]
    if kind == "extend":
        return data + b"\0"
    return None if kind == "gone" else dice.randbytes(len(data) + 1)
