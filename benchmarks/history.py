"""A large history in a database, as many runs would have left it: `python -m benchmarks.history URL --jobs 1000000`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from redux_backends.backend import Backend
from redux_backends.records import Batch, Execution, Job, JobId, JobStatus, MissKind, Outcome, Reason, new_id
from redux_backends.sample import (
    EPOCH,
    call,
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


def runs(width: int) -> Iterator[Run]:
    """Executions of `width` jobs, one an hour, without end."""
    number = 0
    while True:
        yield _run(number, width)
        number += 1


def _run(number: int, width: int) -> Run:
    at = 3600.0 * number
    ran = execution(f"history {number}", at)
    of, leaf_set = _VERSIONS[number // 50 % 5], task_set(_VERSIONS[number // 50 % 5])
    first = number * (width // 2)
    inputs = [_input(first + each) for each in range(width - 1)]
    keys = [key(_RARE if each == 0 else of, one, _SCALE) for each, one in enumerate(inputs)]
    results = [value(f"result {number // 50 % 5} {first + each}") for each in range(width - 1)]
    calls = [call(one, result, leaf_set, at=at) for one, result in zip(keys, results, strict=True)]
    main_key, total = key(_MAIN, value(f"run {number}")), value(f"total {number}")
    main_call = call(main_key, total, task_set(_MAIN, of), children=calls, at=at + 9)
    root = done(started(f"history {number}", ran, main_key, at=at), main_call, seconds=99.0)
    known = range(1, 1 if number % 50 == 0 else width // 2 - 1)
    jobs = [
        Job(
            id=JobId(new_id()),
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
        task_sets=[leaf_set, task_set(_MAIN, of)],
        calls=[*calls, main_call],
        new_jobs=[root, *jobs],
    )
    return Run(ran, root, jobs, batch)


def _input(number: int):
    return value(f"input {number}") if number % SEVENTH else file_value(f"/data/{number}", "content")


def fill(backend: Backend, jobs: int, width: int = 1000) -> Run:
    """Record a history of about so many jobs, `width` in each execution; the last run of it."""
    run = None
    for run in islice(runs(width), max(1, jobs // width)):
        backend.record_execution(run.execution)
        backend.record(run.batch)
        backend.record_execution(ended(run.execution))
    assert run is not None
    return run


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
