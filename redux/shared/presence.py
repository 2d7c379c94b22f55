"""Which packs may have what is asked for: one question for a whole wave, answered from index objects."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from redux.shared.index import PREFIX, Index, PackEntry, live
from redux.shared.layout import PackName
from redux_valuestore.digest import Digest

Judge = Callable[[PackEntry], bool]
"""Whether packs such as an index says this one to be are worth fetching: whose, of when, of which epoch."""


class Presence:
    """Which packs may have what is asked for, of those that `judge` lets pass."""

    def __init__(self, indexes: Iterable[Index], judge: Judge) -> None:
        said = dict.fromkeys(entry for index in live(indexes) for entry in index.packs)
        self.packs: tuple[PackEntry, ...] = tuple(entry for entry in said if judge(entry))
        self._evals: _Row | None = None
        self._calls: _Row | None = None

    def with_evals(self, evals: Iterable[Digest]) -> Mapping[Digest, tuple[PackEntry, ...]]:
        """The packs that may have each of these evaluations, for those that any may have."""
        if self._evals is None:
            self._evals = _Row([entry.evals for entry in self.packs])
        return self._looked_up(self._evals, evals)

    def with_calls(self, calls: Iterable[Digest]) -> Mapping[Digest, tuple[PackEntry, ...]]:
        """The packs that may have each of these calls, for those that any may have."""
        if self._calls is None:
            self._calls = _Row([entry.calls for entry in self.packs])
        return self._looked_up(self._calls, calls)

    def _looked_up(self, row: _Row, wanted: Iterable[Digest]) -> dict[Digest, tuple[PackEntry, ...]]:
        found = ((each, row.holders(each[:PREFIX])) for each in wanted)
        return {each: tuple(self.packs[one] for one in holders) for each, holders in found if holders}


def fewest(
    found: Mapping[Digest, Sequence[PackEntry]],
    opened: Collection[PackName],
    doubt: Callable[[PackName], Any] = lambda name: False,
) -> list[PackName]:
    """Packs to fetch so that each of what was `found` is in one of them, or in one of those that are open already.

    Those of least `doubt` come first, of these those with most of it, and of equal ones the latest.
    """
    missing = [packs for packs in found.values() if not any(pack.name in opened for pack in packs)]
    worth = Counter(name for packs in missing for name in {pack.name for pack in packs})
    made = {pack.name: pack.made for packs in missing for pack in packs}
    order = sorted(worth, key=lambda name: (doubt(name), -worth[name], -made[name], name.path))
    places = {name: place for place, name in enumerate(order)}
    chosen: set[int] = set()
    for packs in missing:
        of_it = [places[pack.name] for pack in packs]
        if chosen.isdisjoint(of_it):
            chosen.add(min(of_it))
    return [order[place] for place in sorted(chosen)]


class _Row:
    """The prefixes of many packs in one sorted row: a million take 8 MB and 0.3 s, in a dict 85 MB.

    A number of it begins with the first five bytes of a prefix, and ends with the pack's number.
    """

    def __init__(self, prefixes: Sequence[bytes]) -> None:
        self._prefixes = prefixes
        keys: list[int] = []
        for number, each in enumerate(prefixes):
            keys += {(key & ~_NUMBERS) | number for key in _numbers(each)}
        keys.sort()
        self._keys = array("Q", keys)

    def holders(self, prefix: bytes) -> list[int]:
        """The numbers of the packs that have it."""
        keys = self._keys
        key = int.from_bytes(prefix, "big") & ~_NUMBERS
        at, found = bisect_left(keys, key), list[int]()
        while at < len(keys) and keys[at] - key <= _NUMBERS:
            number = keys[at] & _NUMBERS
            if _is_among(self._prefixes[number], prefix):
                found.append(number)
            at += 1
        return found


_NUMBERS = (1 << 24) - 1


def _is_among(prefixes: bytes, prefix: bytes) -> bool:
    at = prefixes.find(prefix)
    while at % PREFIX and at != -1:
        at = prefixes.find(prefix, at + 1)
    return at != -1


def _numbers(prefixes: bytes) -> array[int]:
    """Prefixes as numbers in the same order."""
    found = array("Q")
    found.frombytes(prefixes)
    if sys.byteorder == "little":
        found.byteswap()
    return found
