"""The work, remembered by diskcache's `memoize`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
import stage


def inc(i: int) -> int:
    return i + 1  # the line that a code change edits


def array_sum(array: Any) -> float:
    return float(array.sum())


def counted(i: int, folder: str) -> int:
    stage.leave_mark(folder)
    return i + 1  # the line that a code change edits


class DiskCache:
    def __init__(self, cache: diskcache.Cache, folder: Path) -> None:
        self._folder = str(folder)
        self._inc = cache.memoize()(inc)
        self._array_sum = cache.memoize()(array_sum)
        self._big_result = cache.memoize()(stage.build_array)
        self._counted = cache.memoize()(counted)

    def touch(self) -> None:
        self._inc(-1)

    def fan_out(self, n: int) -> int:
        return sum(self._inc(i) for i in range(n))

    def chain(self, n: int) -> int:
        x = 0
        for _ in range(n):
            x = self._inc(x)
        return x

    def small_call(self, i: int) -> int:
        return self._inc(i)

    def array_call(self, array: Any) -> float:
        return self._array_sum(array)

    def big_result(self, megabytes: int) -> Any:
        return self._big_result(megabytes, self._folder)

    def counted(self, n: int) -> int:
        return sum(self._counted(i, self._folder) for i in range(n))


@contextmanager
def open_engine(folder: Path) -> Iterator[DiskCache]:
    with diskcache.Cache(str(folder / "store")) as cache:
        yield DiskCache(cache, folder)


if __name__ == "__main__":
    stage.main(stage.measures_of(open_engine))
