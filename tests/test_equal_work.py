"""Equal and overlapping work that processes record at once leaves the records that one of them alone would leave."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, select

from redux_backends import schema
from redux_backends.sql import SqlBackend, open_backend

from . import postgres_server

WORKER = """
import json, sys
from redux_backends.records import Batch
from redux_backends.sample import Story, evaluation, file_value, value, version
from redux_backends.sql import open_backend

for line in sys.stdin:
    url, parts = json.loads(line)
    backend = open_backend(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for inputs, drawn in parts:
        story = Story(*inputs, name=f"of {inputs}")
        results = [value(f"drawn {n}") for n in drawn] + [file_value("/f", f"{n}") for n in drawn]
        given = [evaluation(story.main_key, each, 200 + at) for at, each in enumerate(results)]
        backend.record_execution(story.execution)
        backend.record(story.batch)
        handles = [version(f"{one} of {inputs}", *inputs) for one in "xy"]
        backend.record(Batch(values=results, evaluations=given, handles=handles))
    backend.close()
    print("done", flush=True)
"""
WORKERS = 4
OF_ITS_OWN = {
    "execution": {"host", "boot", "pid", "process_started", "lease_until"},
    "tag": {"recorded"},
    "call_node": {"duration", "recorded"},  # those of whoever was first
}
"""What is not the same whoever writes it: by which process, and when by the clock."""

Part = tuple[Sequence[str], Sequence[int]]


class Workers:
    """Processes that record at the same moment what they are told."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def record(self, url: str, shares: Sequence[Sequence[Part]]) -> None:
        """Have each share recorded by a process of its own."""
        busy = self._processes[: len(shares)]
        for process, share in zip(busy, shares, strict=True):
            self._tell(process, json.dumps((url, share)))
        for words in ("ready", "done"):
            for process in busy:
                assert process.stdout is not None
                assert process.stdout.readline() == f"{words}\n"
            for process in busy if words == "ready" else ():
                self._tell(process, "go")

    @staticmethod
    def _tell(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with ExitStack() as stack:
        command = [sys.executable, "-W", "error", "-c", WORKER]
        begun = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(WORKERS)
        ]
        yield Workers(begun)
        for process in begun:
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'redux.db'}"
    else:
        with postgres_server.shared().database() as url:
            yield url


def contents(url: str) -> Mapping[str, Sequence[Any]]:
    """All rows of all tables, each row named by what it says and not by its number, in no order."""
    backend = open_backend(url)
    assert isinstance(backend, SqlBackend)
    backend.load()
    try:
        return backend._database.view(_contents)
    finally:
        backend.close()


def _contents(connection: Connection) -> Mapping[str, Sequence[Any]]:
    names: dict[tuple[str, int | None], object] = {}
    for table in schema.metadata.sorted_tables:
        if "id" in table.c:
            name = next(table.c[one] for one in ("hash", "uuid", "text") if one in table.c)
            rows = connection.execute(select(table.c.id, name)).all()
            assert len({row[1] for row in rows}) == len(rows), f"{table.name} has a record twice"
            names.update(((table.name, row[0]), row[1]) for row in rows)
    return {table.name: _rows(connection, table, names) for table in schema.metadata.sorted_tables}


def _rows(connection: Connection, table: Table, names: Mapping[tuple[str, int | None], object]) -> Sequence[Any]:
    shown = [column for column in table.c if column.name != "id" and column.name not in OF_ITS_OWN.get(table.name, ())]
    targets = [next((key.column.table.name for key in column.foreign_keys), None) for column in shown]

    def said(target: str | None, value: Any) -> object:
        return value if target is None or value is None else names[target, value]

    rows = [tuple(map(said, targets, row)) for row in connection.execute(select(*shown))]
    return sorted(rows, key=repr)


_parts = st.tuples(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map(sorted),
    st.lists(st.integers(0, 2), max_size=3, unique=True),
)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shares=st.lists(st.lists(_parts, min_size=1, max_size=4), min_size=2, max_size=WORKERS))
@example(shares=[[("abcd", [0, 1])]] * WORKERS)
@example(shares=[[(name, [0]) for name in ("abc", "bcd", "cda")]] * WORKERS)
def test_the_records_are_those_of_one_writer(workers: Workers, kind: str, shares: list[list[Part]]):
    with new_database(kind) as together, new_database(kind) as alone:
        workers.record(together, shares)
        workers.record(alone, [[part for share in shares for part in share]])
        assert contents(together) == contents(alone)
