"""The work, done by redux: every call recorded with its arguments, children and job."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redux_flow as flow
import stage

from redux import Scheduler, open_scheduler, task


@task
def array_sum(array: Any) -> float:
    return float(array.sum())


@task
def big_result(megabytes: int, folder: str) -> Any:
    return stage.build_array(megabytes, folder)


@task
def counted(i: int, folder: str) -> int:
    stage.leave_mark(folder)
    return i + 1  # the line that a code change edits


class Redux:
    def __init__(self, scheduler: Scheduler, folder: Path) -> None:
        self._folder = str(folder)
        self._run: Any = scheduler.run

    def touch(self) -> None:
        self._run(flow.inc(-1))

    def fan_out(self, n: int) -> int:
        return self._run(flow.fan_out(n))

    def shallow_fan_out(self, n: int) -> int:
        return self._run(flow.shallow_fan_out(n))

    def chain(self, n: int) -> int:
        return self._run(flow.chain(n))

    def small_call(self, i: int) -> int:
        return self._run(flow.inc(i))

    def array_call(self, array: Any) -> float:
        return self._run(array_sum(array))

    def big_result(self, megabytes: int) -> Any:
        return self._run(big_result(megabytes, self._folder))

    def counted(self, n: int) -> int:
        return sum(self._run([counted(i, self._folder) for i in range(n)]))


@contextmanager
def open_engine(folder: Path) -> Iterator[Redux]:
    store = folder / "store"
    store.mkdir(exist_ok=True)
    with open_scheduler(store) as scheduler:
        yield Redux(scheduler, folder)


def shallow(folder: Path, n: int) -> stage.Figures:
    """A finished fan-out asked for again at its root, beside a run of one remembered call that made nothing."""
    with open_engine(folder) as engine:
        engine.shallow_fan_out(0)
        began = time.perf_counter()
        result = engine.shallow_fan_out(n)
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        engine.shallow_fan_out(0)
        empty = time.perf_counter() - began
    assert result == n * (n + 1) // 2
    return {"seconds": seconds, "empty_seconds": empty}


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine) | {"shallow": shallow})
