"""What runs and `redux log` ask of a large history, and how it is answered: `python -m benchmarks.questions URL`.

The database is one that `benchmarks.history` filled. Each question is timed, and each of its statements explained; what
reads a large table whole is marked, and then the exit code is 3.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks.history import COMMON, Run, run_of
from redux_backends.backend import Backend
from redux_backends.records import Batch, JobStatus, Traits
from redux_backends.sample import key, value
from redux_backends.sql import SqlBackend, open_backend

_TABLES = "argument call_edge call_node call_upstream evaluation evaluation_result held_file job value"
LARGE = frozenset(_TABLES.split())
"""The tables that grow with every call."""

_OF_FEW = {"job_went_wrong", "value_missing"}
"""Indexes of few rows."""

_WAVE = 500

Question = Callable[[], object]


def questions(backend: Backend, run: Run) -> Mapping[str, Question]:
    """What is asked while a run goes on, and then what people ask, by name; `run` is one that the history holds."""
    return {**_of_runs(backend, run), **_of_jobs(backend, run), **_of_people(backend, run)}


def _of_runs(backend: Backend, run: Run) -> dict[str, Question]:
    batch = run.batch
    evals = [each.eval_hash for each in batch.keys[:_WAVE]]
    values = [each.hash for each in batch.values[:_WAVE]]
    known = Batch(batch.values, batch.tasks, batch.keys, batch.evaluations, batch.task_sets, batch.calls, run.jobs)
    return {
        "check_cache": lambda: backend.check_cache(evals),
        "find_calls": lambda: backend.find_calls(evals),
        "known_evaluations": lambda: backend.known_evaluations(evals),
        "known_tasks": lambda: backend.known_tasks([f"sample.{COMMON}", "sample.main"]),
        "get_values": lambda: backend.get_values(values),
        "get_held": lambda: backend.get_held(values),
        "get_task_sets": lambda: backend.get_task_sets([each.hash for each in batch.task_sets]),
        "values_below": lambda: backend.values_below(batch.calls[-1].call_hash, Traits.FILES),
        "renew_lease": lambda: backend.renew_lease(run.execution.id),
        "record again": lambda: backend.record(known),
    }


def _of_jobs(backend: Backend, run: Run) -> dict[str, Question]:
    batch, jobs, id = run.batch, backend.jobs, run.execution.id
    called, made = batch.keys[-1].arguments[0].value, batch.calls[-2]
    return {
        "jobs of an execution": lambda: jobs(execution=id, limit=100),
        "failed jobs of an execution": lambda: jobs(execution=id, status=JobStatus.FAILED),
        "jobs of a task in an execution": lambda: jobs(execution=id, task="sample.rare"),
        "jobs below a job": lambda: jobs(parent=run.root.id, limit=100),
        "newest jobs": lambda: jobs(limit=20),
        "newest jobs that were cached": lambda: jobs(status=JobStatus.CACHED, limit=20),
        "newest jobs that failed": lambda: jobs(status=JobStatus.FAILED, limit=20),
        "newest jobs that run": lambda: jobs(status=JobStatus.RUNNING, limit=20),
        "newest jobs of a common task": lambda: jobs(task=f"sample.{COMMON}", limit=20),
        "newest jobs of a rare task": lambda: jobs(task="sample.rare", limit=20),
        "newest failed jobs of a task": lambda: jobs(task=f"sample.{COMMON}", status=JobStatus.FAILED),
        "newest miss of a task": lambda: jobs(task=f"sample.{COMMON}", missed=True, limit=1),
        "jobs of a call": lambda: jobs(call=made.call_hash, limit=20),
        "jobs of a result": lambda: jobs(value=made.result, limit=20),
        "jobs with an argument": lambda: jobs(argument=called, limit=20),
    }


def _of_people(backend: Backend, run: Run) -> dict[str, Question]:
    batch, id, call = run.batch, run.execution.id, run.batch.calls[-1]
    of = next(one for one in batch.tasks if one.hash == batch.keys[-1].task_hash)
    miss = key(of, value("never seen"), batch.values[0])
    file = next(each.files[0].path for each in batch.values if each.files)
    before = backend.executions(1, 1)
    return {
        "executions": lambda: backend.executions(20),
        "get_execution": lambda: backend.get_execution(id),
        "count_jobs": lambda: backend.count_jobs(id),
        "miss_groups": lambda: backend.miss_groups(id),
        "get_job": lambda: backend.get_job(run.root.id),
        "get_call": lambda: backend.get_call(call.call_hash),
        "name_calls": lambda: backend.name_calls([each.call_hash for each in batch.calls[:_WAVE]]),
        "get_key": lambda: backend.get_key(batch.keys[-1].eval_hash),
        "get_task": lambda: backend.get_task(of.hash),
        "task_versions": lambda: backend.task_versions(of.fullname),
        "describe_values": lambda: backend.describe_values([each.hash for each in batch.values[:_WAVE]]),
        "find_files": lambda: backend.find_files(file),
        "get_tags": lambda: backend.get_tags([call.call_hash, run.root.id]),
        "resolve": lambda: backend.resolve(call.call_hash.hex()[:12]),
        "explain_cache_miss": lambda: backend.explain_cache_miss(miss, id),
        "jobs_that_ran": lambda: backend.jobs_that_ran(id),
        "jobs_before": lambda: backend.jobs_before([before[0].id], [of.fullname, "sample.main"], id),
        "newest_before": lambda: backend.newest_before([of.fullname, "sample.main"], run.execution.started),
        "get_tasks": lambda: backend.get_tasks([each.hash for each in batch.tasks]),
    }


# -- how they are answered -------------------------------------------------------------------------


@contextmanager
def explained(backend: SqlBackend) -> Iterator[list[str]]:
    """The list to which is added, of what is asked from now on, each step of a plan that reads a large table whole."""
    database: Any = backend._database
    whole: list[str] = []
    database.open()
    if hasattr(database, "path"):
        yield from _sqlite(database, whole)
    else:
        yield from _postgres(whole)


def _sqlite(database: Any, whole: list[str]) -> Iterator[list[str]]:
    drivers = [each.driver for each in (database._opened.reader, database._opened.writer)]
    aside = sqlite3.connect(database.path)

    def explain(statement: str) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            plan = [row[3] for row in aside.execute(f"EXPLAIN QUERY PLAN {statement}")]
            whole.extend(f"{line}: {statement}" for line in plan if _scans(line))

    for driver in drivers:
        driver.set_trace_callback(explain)
    try:
        yield whole
    finally:
        for driver in drivers:
            driver.set_trace_callback(None)
        aside.close()


def _scans(line: str) -> bool:
    words = line.split()
    return words[0] == "SCAN" and words[1] in LARGE | {"one", "mine", "theirs"} and not _OF_FEW & set(words)


def _postgres(whole: list[str]) -> Iterator[list[str]]:
    import psycopg

    plain: Any = psycopg.Cursor.execute

    def execute(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        said = query.decode() if isinstance(query, bytes) else str(query)
        if said.lstrip().startswith(("SELECT", "WITH", "UPDATE", "INSERT")):
            aside = psycopg.Cursor(cursor.connection)
            plain(aside, f"EXPLAIN (FORMAT JSON) {said}".encode(), params)
            (plan,) = aside.fetchone() or ((),)
            whole.extend(f"{line}: {said}" for line in _whole_reads(plan[0]["Plan"]))
        return plain(cursor, query, params, **options)

    psycopg.Cursor.execute = execute  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield whole
    finally:
        psycopg.Cursor.execute = plain


def _whole_reads(node: dict[str, Any]) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name")
    by_index = "Index Cond" in node or kind == "Bitmap Heap Scan" or node.get("Index Name") in _OF_FEW
    if table in LARGE and not by_index and kind != "ModifyTable":
        yield f"{kind} of {table}"
    for below in node.get("Plans", ()):
        yield from _whole_reads(below)


# -- as a command ----------------------------------------------------------------------------------


def main() -> int:
    """Ask, and say how long each answer took and what was read whole for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of a database that benchmarks.history filled")
    parser.add_argument("--width", type=int, default=1_000, help="of its executions")
    given = parser.parse_args()
    backend = open_backend(given.url)
    assert isinstance(backend, SqlBackend)
    run = run_of(int(backend.executions(1)[0].argv[-1].split()[-1]), given.width)
    any_whole = False
    for name, ask in questions(backend, run).items():
        ask()
        began = time.perf_counter()
        ask()
        seconds = time.perf_counter() - began
        with explained(backend) as whole:
            ask()
        any_whole |= bool(whole)
        sys.stdout.write(f"{name:32}{seconds * 1000:9.1f} ms  {'reads whole: ' + whole[0][:60] if whole else ''}\n")
    backend.close()
    return 3 if any_whole else 0


if __name__ == "__main__":
    sys.exit(main())
