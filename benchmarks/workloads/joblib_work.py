"""The work, remembered by `joblib.Memory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import stage
from memoized import Functions, Memoized


def inc(i: int) -> int:
    return i + 1  # the line that a code change edits


def array_sum(array: Any) -> float:
    return float(array.sum())


def counted(i: int, folder: str) -> int:
    stage.leave_mark(folder)
    return i + 1  # the line that a code change edits


@contextmanager
def open_engine(folder: Path) -> Iterator[Memoized]:
    memory = joblib.Memory(folder / "store", verbose=0)
    yield Memoized(memory.cache, Functions(inc, array_sum, counted), folder)


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine))
