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
from redux.settings.layers import Layer

STRETCHES = 10
"""An even number, so that both kinds go first equally often."""


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
        self.run: Any = scheduler.run

    def touch(self) -> None:
        self.run(flow.inc(-1))

    def fan_out(self, n: int) -> int:
        return self.run(flow.fan_out(n))

    def shallow_fan_out(self, n: int) -> int:
        return self.run(flow.shallow_fan_out(n))

    def chain(self, n: int) -> int:
        return self.run(flow.chain(n))

    def small_call(self, i: int) -> int:
        return self.run(flow.inc(i))

    def array_call(self, array: Any) -> float:
        return self.run(array_sum(array))

    def big_result(self, megabytes: int) -> Any:
        return self.run(big_result(megabytes, self._folder))

    def counted(self, n: int) -> int:
        return sum(self.run([counted(i, self._folder) for i in range(n)]))


@contextmanager
def open_engine(folder: Path, flags: Layer | None = None) -> Iterator[Redux]:
    store = folder / "store"
    store.mkdir(exist_ok=True)
    with open_scheduler(store, flags=flags) as scheduler:
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


def options(folder: Path, n: int) -> stage.Figures:
    """Calls of a task with ten options, beside as many of one without; each goes first in every other stretch."""
    both = flow.stretch_with_options, flow.plain_stretch
    seconds = dict.fromkeys(both, 0.0)
    with open_engine(folder, Layer(limits=(("lanes", n),))) as engine:
        engine.touch()
        for start in range(0, n, n // STRETCHES):
            for stretch in both if (start * STRETCHES // n) % 2 else reversed(both):
                began = time.perf_counter()
                engine.run(stretch(start, start + n // STRETCHES))
                seconds[stretch] += time.perf_counter() - began
    return {"seconds": seconds[flow.stretch_with_options], "plain_seconds": seconds[flow.plain_stretch]}


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine) | {"shallow": shallow, "options": options})
