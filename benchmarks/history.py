"""A large history in a database, as many runs would have left it: `python -m benchmarks.history URL --jobs 1000000`."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

from redux_backends.backend import Backend
from redux_backends.records import (
    Batch,
    CallNode,
    Execution,
    Job,
    JobId,
    JobStatus,
    MissKind,
    Outcome,
    Reason,
    ValueRecord,
)
from redux_backends.sample import (
    EPOCH,
    call,
    digest,
    done,
    ended,
    evaluation,
    execution,
    file_value,
    key,
    started,
    task,
    task_set,
    value,
)
from redux_backends.sql import open_backend

COMMON, SEVENTH = "common", 7
"""Most calls are of one task with several versions, and all have an argument in common; each seventh has a file."""

_NEW = Reason(MissKind.NEW_ARGUMENTS)
_VERSIONS = [task(COMMON, f"return {each}") for each in range(5)]
_RARE, _MAIN = task("rare"), task("main")
_SCALE = value("scale")


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: a root, and jobs below it, half of which were known from the run before."""

    execution: Execution
    root: Job
    jobs: list[Job]
    batch: Batch


def run_of(number: int, width: int) -> Run:
    """The execution of this number, with `width` jobs; they begin one an hour."""
    at = 3600.0 * number
    ran = execution(f"history {number}", at)
    of = _VERSIONS[number // 50 % 5]
    rare_set, leaf_set, all_tasks = task_set(_RARE), task_set(of), task_set(_MAIN, _RARE, of)
    first = number * (width // 2)
    inputs = [_input(first + each) for each in range(width - 1)]
    keys = [key(_RARE if each == 0 else of, one, _SCALE) for each, one in enumerate(inputs)]
    results = [value(f"result {number // 50 % 5} {first + each}") for each in range(width - 1)]
    calls: list[CallNode] = []
    for one, result in zip(keys, results, strict=True):
        calls.append(call(one, result, leaf_set if calls else rare_set, upstreams=calls[-1:], at=at))
    main_key, total = key(_MAIN, value(f"run {number}")), value(f"total {number}")
    main_call = call(main_key, total, all_tasks, children=calls, at=at + 9)
    root = done(started(f"history {number}", ran, main_key, at=at), main_call, seconds=99.0)
    known = range(1, 1 if number % 50 == 0 else width // 2 - 1)
    jobs = [
        Job(
            id=JobId(digest(f"history {number}/{each}")[:16]),
            execution=ran.id,
            parent=root.id,
            task_hash=asked.task_hash,
            eval_hash=asked.eval_hash,
            status=JobStatus.CACHED if each in known else JobStatus.DONE,
            outcome=Outcome.SINGLE if each in known else Outcome.RAN,
            started=EPOCH + at + each / 1000,
            ended=EPOCH + at + each / 1000 + 0.5,
            call_hash=made.call_hash,
            reason=None if each in known else _NEW,
            place="threads",
        )
        for each, (asked, made) in enumerate(zip(keys, calls, strict=True))
    ]
    batch = Batch(
        values=[_SCALE, *inputs, *results, value(f"run {number}"), total],
        tasks=[*_VERSIONS, _RARE, _MAIN],
        keys=[main_key, *keys],
        evaluations=[evaluation(one, result, at) for one, result in zip(keys, results, strict=True)],
        task_sets=[rare_set, leaf_set, all_tasks],
        calls=[*calls, main_call],
        new_jobs=[root, *jobs],
    )
    return Run(ran, root, jobs, batch)


def _input(number: int) -> ValueRecord:
    return value(f"input {number}") if number % SEVENTH else file_value(f"/data/{number}", "content")


def fill(backend: Backend, jobs: int, width: int = 1000) -> Run:
    """Record a history of about so many jobs, `width` in each execution; the last run of it."""
    last = max(1, jobs // width) - 1
    for number in range(last + 1):
        run = run_of(number, width)
        backend.record_execution(run.execution)
        backend.record(run.batch)
        backend.record_execution(ended(run.execution))
    return run_of(last, width)


def main() -> None:
    """Fill the database at a URL and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of an empty database, as in sqlite:////tmp/large.db")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="how many, over all executions")
    parser.add_argument("--width", type=int, default=1_000, help="how many in each execution")
    given = parser.parse_args()
    backend = open_backend(given.url)
    began = time.monotonic()
    fill(backend, given.jobs, given.width)
    backend.close()
    sys.stdout.write(f"{given.jobs:,} jobs in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
