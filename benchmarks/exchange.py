"""How long a push to PostgreSQL takes, beside copying the same rows with COPY: `python -m benchmarks.exchange [CALLS]`.

The calls are those of a fan-out, made by a run on SQLite. COPY takes all tables of the database that was pushed into,
as binary, and puts them into an empty one with the same indexes, in one transaction. Each measurement has a database of
its own on the server that REDUX_TEST_PG_URL names, else on one started for it with its disk's syncs off. Both ways take
turns, and the median counts: of wall time, and of CPU time, the server's included where it is our own.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from operator import add
from pathlib import Path
from statistics import median

import psycopg

from redux.exchange.transfer import Moved, Transfer
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends import schema
from tests import postgres_server

_ROUNDS = 5


@task(namespace="bench")
def inc(i: int) -> int:
    """One call."""
    return i + 1


@task(namespace="bench")
def total(n: int) -> int:
    """The fan-out."""
    return add_up([inc(i) for i in range(n)])  # pyright: ignore[reportReturnType, reportArgumentType] - lazy


@task(namespace="bench")
def add_up(numbers: list[int]) -> int:
    """Their sum."""
    return sum(numbers)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that something took: by the wall's clock, and of CPU here and on the server."""

    wall: float
    cpu: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


@contextmanager
def _timed(spent: list[Spent]) -> Iterator[None]:
    cpu, wall = _cpu_seconds(), time.perf_counter()
    yield
    wall = time.perf_counter() - wall
    spent.append(Spent(wall, _cpu_seconds() - cpu))


def _cpu_seconds() -> float:
    """Of this process, and of the server's with those that have ended, where it is our own."""
    server = postgres_server.shared()
    ticks = 0
    if isinstance(server, postgres_server.OwnServer):
        first, *others = server.processes()
        ticks = sum(_ticks(first, 4))
        for process in others:
            with suppress(FileNotFoundError):
                ticks += sum(_ticks(process, 2))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _ticks(process: int, count: int) -> list[int]:
    """CPU time of a process, by user and system; then that of its children that have ended."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return [int(word) for word in words[11 : 11 + count]]


def _push(source: Repo, url: str, folder: Path, spent: list[Spent]) -> Moved:
    with closing(open_repo(url, str(folder / "values"))) as target, _timed(spent):
        return Transfer(source, target, one_store=False).run(None)


def _copy_rows(url: str, other: str, out: list[Spent], into: list[Spent]) -> int:
    """Copy all rows by COPY, out of one database and into an empty one that has the same indexes."""
    tables = list(schema.metadata.tables)
    rows: dict[str, bytes] = {}
    with psycopg.connect(url) as source, _timed(out):
        for name in tables:
            kept = BytesIO()
            with source.cursor().copy(f'COPY "{name}" TO STDOUT (FORMAT binary)'.encode()) as copy:
                for block in copy:
                    kept.write(block)
            rows[name] = kept.getvalue()
    with psycopg.connect(other) as target:
        with _timed(into):
            for name in tables:
                with target.cursor().copy(f'COPY "{name}" FROM STDIN (FORMAT binary)'.encode()) as copy:
                    copy.write(rows[name])
            target.commit()
    return sum(map(len, rows.values()))


def measure(calls: int, profile: bool) -> dict[str, object]:
    """Seconds of each way, and the records that went over."""
    pushes: list[Spent] = []
    again: list[Spent] = []
    out: list[Spent] = []
    into: list[Spent] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = stack.enter_context(closing(open_repo(f"sqlite:///{folder / 'redux.db'}", str(folder / "own"))))
        Scheduler(source).run(total(calls))
        moved = Moved()
        size = 0
        for _ in range(_ROUNDS):
            first, second = (stack.enter_context(postgres_server.shared().database()) for _ in range(2))
            moved = _push(source, first, folder, pushes)
            _push(source, first, folder, again)
            size = _copy_rows(first, second, out, into)
        if profile:
            third = stack.enter_context(postgres_server.shared().database())
            profiler = cProfile.Profile()
            profiler.runcall(_push, source, third, folder, [])
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    postgres_server.stop()
    copies = list(map(add, out, into))
    return {
        "calls": calls,
        "records": moved.records.total(),
        "bytes_of_rows": size,
        "push": _median(push.wall for push in pushes),
        "push_cpu": _median(push.cpu for push in pushes),
        "push_nothing_new": _median(push.wall for push in again),
        "copy_out_and_in": _median(copy.wall for copy in copies),
        "copy_cpu": _median(copy.cpu for copy in copies),
        "copy_in": _median(copy.wall for copy in into),
        "push_by_copy": _median(push.wall / copy.wall for push, copy in zip(pushes, copies, strict=True)),
        "push_by_copy_cpu": _median(push.cpu / copy.cpu for push, copy in zip(pushes, copies, strict=True)),
    }


def _median(seconds: Iterable[float]) -> float:
    return round(median(seconds), 3)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--profile"]
    print(json.dumps(measure(int(words[0]) if words else 10_000, "--profile" in sys.argv)))
