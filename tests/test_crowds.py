"""Many processes write one SQLite file at once: nobody sees an error, and each call is there once."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from .commands import finish, start_python
from .test_sqlite import assert_sound

CROWD = """
import json, os, sys, time
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend
from tests.forked import at_once

path, processes, transactions = sys.argv[1], *map(int, sys.argv[2:])

def play(which):
    backend = SQLiteBackend(path)
    longest = 0.0
    for at in range(0, transactions, 2):
        # Every other call is one that each of the others makes too.
        one = Story(f"{at}", f"{at} of {which}", name=f"run {which}/{at}")
        for write in (lambda: backend.record_execution(one.execution), lambda: backend.record(one.batch)):
            began = time.monotonic()
            write()
            longest = max(longest, time.monotonic() - began)
        assert len(backend.check_cache([each.eval_hash for each in one.add_keys])) == 2
    backend.close()
    os.write(saying, f"{longest}\\n".encode())

hearing, saying = os.pipe()
began = time.monotonic()
codes = at_once(processes, play)
os.close(saying)
with os.fdopen(hearing) as said:
    longest = max(map(float, said))
print(json.dumps({"codes": codes, "longest": longest, "seconds": time.monotonic() - began}))
"""


@pytest.mark.parametrize(
    ("processes", "transactions"),
    [pytest.param(12, 20, id="some"), pytest.param(64, 200, id="many", marks=pytest.mark.faults)],
)
@pytest.mark.timeout(900)
def test_a_crowd_of_writers_sees_no_error_and_loses_nothing(tmp_path: Path, processes: int, transactions: int) -> None:
    path = tmp_path / "redux.db"
    told = json.loads(finish(start_python(CROWD, path, processes, transactions), patience=600))
    assert told["codes"] == [0] * processes
    assert_sound(path)
    runs = transactions // 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM job").fetchone() == (processes * runs * 3,)
        assert connection.execute("SELECT count(*) FROM argument").fetchone() == (runs * (processes + 1),)
    sys.stderr.write(
        f"\n{processes} processes × {transactions} transactions: 0 errors in {told['seconds']:.1f} s, "
        f"longest wait {told['longest']:.2f} s\n"
    )
