"""What is damaged in a shared cache, or gone from it, noted here until somebody who has it writes it anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, MutableSet
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from redux.shared.layout import INDEX, IndexName, PackName, named_index, pack_name
from redux_backends.records import Seconds
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.modes import put_file

T = TypeVar("T", PackName, IndexName, Digest)

FOR_SO_LONG: Seconds = 86_400.0
"""So long nobody tries again to write anew what could not be written over."""
MOST = 10_000
"""So many are noted for the runs to come; whatever else is damaged is found damaged again."""


class Damaged(MutableSet[T]):
    """Objects that were found damaged or gone, in this run or an earlier one, by small files in a `folder`.

    Whoever finds one damaged need not be who sends it anew: that may be the next run, after this one was stopped. One
    that is `left` stays noted, and for a day nobody tries to write it anew.
    """

    def __init__(self, folder: Path, show: Callable[[T], str], read: Callable[[str], T | None]) -> None:
        self._folder = folder
        self._show = show
        self._read = read
        self._known: set[T] | None = None
        self._left: set[T] = set()

    def to_mend(self) -> list[T]:
        """Those that are to be written anew."""
        return [one for one in self._all() if one not in self._left]

    def is_left(self, value: T) -> bool:
        """Whether one is not to be written anew for now."""
        return value in self._all() and value in self._left

    def try_again(self) -> None:
        """Have those that were left written anew, too."""
        self._all()
        self._left.clear()

    def leave(self, value: T) -> None:
        """Note one that cannot be written anew."""
        self.add(value)
        self._left.add(value)
        with suppress(OSError):  # then only this run knows
            if (path := self._folder / self._show(value)).exists():
                put_file(path, _LEFT)

    def add(self, value: T) -> None:
        """Note one."""
        known = self._all()
        if value not in known and len(known) < MOST:
            with suppress(OSError):  # then only this run knows
                put_file(self._folder / self._show(value), b"")
        known.add(value)

    def discard(self, value: T) -> None:
        """It is whole again."""
        known = self._all()
        if value in known:
            known.discard(value)
            self._left.discard(value)
            with suppress(OSError):
                (self._folder / self._show(value)).unlink()

    def __contains__(self, value: object) -> bool:
        return value in self._all()

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._all()))

    def __len__(self) -> int:
        return len(self._all())

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> set[T]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return set(it)  # what a difference or a union is, which is not noted anywhere

    def _all(self) -> set[T]:
        if self._known is None:
            try:
                paths = list(self._folder.iterdir())
            except OSError:  # nothing was noted yet
                paths = []
            noted = {one: path for path in paths if (one := self._read(path.name)) is not None}
            self._left = {one for one, path in noted.items() if _is_left(path)}
            self._known = set(noted)
        return self._known


_LEFT = b"left\n"


def _is_left(path: Path) -> bool:
    """Whether what is noted by this file was left within the last day."""
    try:
        status = path.stat()
    except OSError:  # another run wrote it anew just now
        return False
    return status.st_size == len(_LEFT) and abs(time.time() - status.st_mtime) < FOR_SO_LONG


def damaged_packs(folder: Path) -> Damaged[PackName]:
    """Packs that are none, or gone."""
    return Damaged(folder, lambda name: f"{name.signer}-{name.digest.hex()}", _read_pack)


def damaged_values(folder: Path) -> Damaged[Digest]:
    """Large values whose bytes are others, or gone."""
    return Damaged(folder, lambda digest: digest.hex(), _read_digest)


def damaged_indexes(folder: Path) -> Damaged[IndexName]:
    """Index objects that are none, or gone."""
    return Damaged(folder, lambda name: name.path.rpartition("/")[2], lambda text: named_index(f"{INDEX}/{text}"))


def _read_pack(text: str) -> PackName | None:
    signer, _, digest = text.partition("-")
    named = _read_digest(digest)
    try:
        return None if named is None else pack_name(signer, named)
    except ValueError:
        return None


def _read_digest(text: str) -> Digest | None:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return Digest(found) if len(found) == DIGEST_SIZE else None
