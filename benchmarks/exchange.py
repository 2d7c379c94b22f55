"""How long a push to PostgreSQL takes, beside copying the same rows with COPY: `python -m benchmarks.exchange [CALLS]`.

The calls are those of a fan-out, made by a run on SQLite. Each measurement has a database of its own on the server
that REDUX_TEST_PG_URL names, else on one started for it with its disk's syncs off; the best of three counts.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path

import psycopg

from redux.exchange.transfer import Moved, Transfer
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends import schema
from tests import postgres_server

_ROUNDS = 3


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


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)


def _push(source: Repo, url: str, folder: Path, seconds: list[float]) -> Moved:
    with closing(open_repo(url, str(folder / "values"))) as target, _timed(seconds):
        return Transfer(source, target, one_store=False).run(None)


def _copy_rows(url: str, other: str, out: list[float], into: list[float]) -> int:
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
    pushes: list[float] = []
    again: list[float] = []
    out: list[float] = []
    into: list[float] = []
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
    copied = min(map(sum, zip(out, into, strict=True)))
    return {
        "calls": calls,
        "records": moved.records.total(),
        "bytes_of_rows": size,
        "push": round(min(pushes), 3),
        "push_nothing_new": round(min(again), 3),
        "copy_out_and_in": round(copied, 3),
        "copy_in": round(min(into), 3),
        "push_by_copy": round(min(pushes) / copied, 2),
    }


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--profile"]
    print(json.dumps(measure(int(words[0]) if words else 10_000, "--profile" in sys.argv)))
