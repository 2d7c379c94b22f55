"""The work, remembered by diskcache's `memoize`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
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
    with diskcache.Cache(str(folder / "store")) as cache:
        yield Memoized(lambda function: cache.memoize()(function), Functions(inc, array_sum, counted), folder)


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine))
