"""The work of an engine that remembers plain functions and nothing else: one wrapper each, called at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stage

Memoize = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Functions:
    """The functions to remember; each engine has its own, in the file that a code change edits."""

    inc: Callable[[int], int]
    array_sum: Callable[[Any], float]
    counted: Callable[[int, str], int]


class Memoized:
    def __init__(self, memoize: Memoize, functions: Functions, folder: Path) -> None:
        self._folder = str(folder)
        self._inc = memoize(functions.inc)
        self._array_sum = memoize(functions.array_sum)
        self._big_result = memoize(stage.build_array)
        self._counted = memoize(functions.counted)

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
