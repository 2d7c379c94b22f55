"""The work, done by redun."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redun_flow as flow
import stage
from redun import Scheduler, task
from redun.config import Config

redun_namespace = "bench"


@task()
def array_sum(array: Any) -> float:
    return float(array.sum())


@task()
def big_result(megabytes: int, folder: str) -> Any:
    return stage.build_array(megabytes, folder)


@task()
def counted(i: int, folder: str) -> int:
    stage.leave_mark(folder)
    return i + 1  # the line that a code change edits


class Redun:
    def __init__(self, scheduler: Scheduler, folder: Path) -> None:
        self._folder = str(folder)
        self._run = scheduler.run

    def touch(self) -> None:
        self._run(flow.inc(-1))

    def fan_out(self, n: int) -> int:
        return self._run(flow.fan_out(n))

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
def open_engine(folder: Path) -> Iterator[Redun]:
    """redun with a value store, as its documentation advises for large values; its log is off."""
    logging.disable(logging.CRITICAL)
    store = folder / "store"
    store.mkdir(exist_ok=True)
    settings = {"db_uri": f"sqlite:///{store}/redun.db", "value_store_path": str(store / "values")}
    scheduler = Scheduler(config=Config({"backend": settings}))
    scheduler.load()
    yield Redun(scheduler, folder)


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine))
