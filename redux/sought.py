"""Patterns that are looked for together: what it costs to look through a text hardly grows with how many they are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import compress, count
from typing import Any

_WORD = 4
_HAS_A_WORD = 2 * _WORD - 1
"""Bytes from which on a pattern holds a whole word of whatever it stands in, wherever it stands there."""
_FEW = 16
"""Patterns up to which each is looked for by itself: that is how one is found fastest."""
_PLACES = 32
"""How far into a pattern its words are chosen from."""
_LOOKS = 1 << 20
"""Places of one buffer that are compared with patterns."""
_COMMON = bytes(byte in b"etaoinsrhldcumfpgwybvk \0" for byte in range(256))
_LARGE = 1 << 20
"""Bytes from which on NumPy is faster by far; where nothing has it imported, it is done without."""
_BLOCK = 1 << 18
_BITS = 22

Words = dict[int, list[tuple[int, bytes]]]
"""Patterns by a word of theirs, with its place in them."""


class Sought:
    """Patterns, each of 4 bytes or more.

    A buffer is read as words of 4 bytes, and each pattern known by the words that it has there, one for each of the
    four ways in which it may stand across them. So a buffer is gone through once, however many patterns there are;
    where some of less than 7 bytes are among them, which may hold no whole word, four times.
    """

    def __init__(self, patterns: Iterable[bytes] = ()) -> None:
        self._all: dict[bytes, None] = {}
        self._long: Words = {}
        self._short: Words = {}
        for pattern in patterns:
            self.add(pattern)

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, pattern: bytes) -> None:
        """Look for one more."""
        if pattern in self._all:
            return
        if len(pattern) < _HAS_A_WORD:
            self._short.setdefault(_word(pattern, 0), []).append((0, pattern))
        else:
            for start in range(_WORD):
                at = self._tells_most(pattern, start)
                self._long.setdefault(_word(pattern, at), []).append((at, pattern))
        self._all[pattern] = None

    def _tells_most(self, pattern: bytes, start: int) -> int:
        """The place of that word from `start` on that fewest others have, and that is rare in texts."""
        begin = pattern[:_PLACES]
        common = begin.translate(_COMMON)
        best, found = None, start
        for at in range(start, len(begin) - _WORD + 1, _WORD):
            told = (len(self._long.get(_word(begin, at), ())), sum(common[at : at + _WORD]))
            if best is None or told < best:
                best, found = told, at
        return found

    def any_in(self, data: bytes) -> bool:
        """Whether one of them stands in these bytes, or so much like them that not all of it was compared."""
        if len(self._all) <= _FEW:
            return any(pattern in data for pattern in tuple(self._all))
        if self._long and _any_at(data, 0, self._long):
            return True
        return bool(self._short) and any(_any_at(data, start, self._short) for start in range(_WORD))


def _any_at(data: bytes, start: int, known: Words) -> bool:
    """Whether a pattern stands where, in the words of `data` from `start` on, one of its words is."""
    whole = (len(data) - start) // _WORD * _WORD
    if whole <= 0:
        return False
    looks = 0
    words = memoryview(data)[start : start + whole].cast("I")
    for index in _likely_at(words, known) if whole >= _LARGE and "numpy" in sys.modules else _at(words, known):
        patterns = known.get(words[index], ())
        looks += len(patterns)
        here = start + index * _WORD
        if looks > _LOOKS or any(data.startswith(pattern, max(here - at, 0)) for at, pattern in tuple(patterns)):
            return True
    return False


def _at(words: memoryview, known: Words) -> Iterator[int]:
    """Where a known word stands."""
    met = known.keys() & words
    return compress(count(), map(met.__contains__, words)) if met else iter(())


def _likely_at(words: memoryview, known: Words) -> Iterator[int]:
    """Where a known word may stand: one with the same hash does."""
    import numpy as np  # noqa: PLC0415 - imported already

    def places(block: Any) -> Any:
        return (block * np.uint32(0x9E3779B1)) >> np.uint32(32 - _BITS)

    table = np.zeros(1 << _BITS, np.bool_)
    table[places(np.fromiter(tuple(known), np.uint32))] = True
    for begin in range(0, len(words), _BLOCK):
        block = np.frombuffer(words[begin : begin + _BLOCK], np.uint32)
        yield from (begin + np.flatnonzero(table[places(block)])).tolist()


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _WORD], sys.byteorder)
