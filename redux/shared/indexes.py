"""The index objects of a shared cache: fetched once and kept here, bounded, and told from those that hide others."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

from redux.shared.damaged import damaged_indexes
from redux.shared.index import (
    MOST_BYTES,
    MOST_LIVE,
    MOST_PACKS,
    Index,
    PackEntry,
    live,
    make_index,
    read_index,
    to_fetch,
    to_merge,
)
from redux.shared.layout import INDEX, IndexName, named_index
from redux.shared.notices import PASSED_OVER, Notices
from redux.shared.trouble import BentIndex
from redux_backends.records import Seconds
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.modes import put_file
from redux_valuestore.objects import UNREADABLE, Fetched, Objects
from redux_valuestore.store import StoreRefuses, StoreUnavailable

MOST_READ = 128 << 20
"""Bytes of all index objects together; what is beyond is left out."""

_CHECKED = 8
"""Of what newly fetched index objects cover, so many are fetched as well, to see that those have all of it."""
_CHECKED_BYTES = 1 << 20
"""So much is fetched at most, in the mean, to see that what is kept here is there: of larger ones some runs look."""
_ONE_IN = 4
"""Of so many writers one merges index objects, where there are many of these."""
_DRAFTS_LIVE: Seconds = 3_600.0


class Indexes:
    """What index objects say, as far as was looked; `folder` keeps those that count. Safe from any thread.

    One that covers another without saying all that this says covers nothing. Who looks and who writes wait for each
    other; who reads what is known does not.
    """

    def __init__(self, objects: Objects, folder: Path, notices: Notices) -> None:
        self._objects = objects
        self._folder = folder / "index"
        self._notices = notices
        self.bent = damaged_indexes(folder / "bent-indexes")
        """those that were found damaged"""
        self._known: dict[Digest, Index] = {}
        self._false: frozenset[Digest] = frozenset()
        self._left_out: set[Digest] = set()
        self._unseen: set[IndexName] = set()
        self._bytes = self._packs = 0
        self._lock = Lock()
        self.live: tuple[Index, ...] = ()
        """those that no other covers"""

    @property
    def packs(self) -> Sequence[PackEntry]:
        """All packs that are said to be there, whoever signed them."""
        return list(dict.fromkeys(entry for index in self.live for entry in index.packs))

    @property
    def hidden(self) -> Sequence[PackEntry]:
        """Those of them that others do not find who have not found out who covers what they do not say."""
        if not self._false:
            return ()
        found = {entry for index in live(list(self._known.values())) for entry in index.packs}
        return [entry for entry in self.packs if entry not in found]

    def tellers(self) -> dict[str, list[Digest]]:
        """By the path of each pack the index objects that name it."""
        found: dict[str, list[Digest]] = {}
        for index in self.live:
            for path in {entry.name.path for entry in index.packs}:
                found.setdefault(path, []).append(index.name.digest)
        return found

    def kept(self) -> tuple[int, int]:
        """How many index objects are kept here, and how many bytes they have."""
        with suppress(OSError):
            sizes = [path.stat().st_size for path in self._folder.glob("*.idx")]
            return len(sizes), sum(sizes)
        return 0, 0

    # -- looking -----------------------------------------------------------------------------------

    def look(self) -> None:
        """See what is there by now. Raises `StoreUnavailable`."""
        with self._lock:
            listed = [name for path in self._objects.names(INDEX) if (name := named_index(path)) is not None]
            for name in sorted(listed, key=lambda each: -each.level):
                self._read_kept(name)
            self._settle()
            if self._fetch_what_counts(listed):
                covered = self._covered()
                unseen = [each for each in listed if each.digest in covered and each.digest not in self._known]
                self._fetch(random.sample(unseen, min(_CHECKED, len(unseen))))
                self._settle()
                self._fetch_what_counts(listed)
            self._tell_hidden()
            self._tidy()

    def _fetch_what_counts(self, listed: Sequence[IndexName]) -> bool:
        """Whether any that covers others was among it."""
        asked: set[IndexName] = set()
        covers = False
        while wanted := [each for each in to_fetch(listed, self._counted()) if each not in asked and self._fits(each)]:
            asked.update(wanted)
            self._fetch(wanted)
            self._settle()
            covers |= any(each.digest in self._known and self._known[each.digest].covers for each in wanted)
        return covers

    def _fits(self, name: IndexName) -> bool:
        return name.digest not in self._left_out and self._bytes < MOST_READ

    def _fetch(self, names: Iterable[IndexName]) -> None:
        named = {name.path: name for name in names}
        for one in self._objects.get_many(named, MOST_BYTES):
            if one.data is None:  # gone meanwhile: what it says is in a larger one
                if one.why == UNREADABLE:
                    self._notices.tell(
                        PASSED_OVER,
                        f"an index of the shared cache is passed over: {one.name} is {one.why}; see to its rights",
                    )
                continue
            name = named[one.name]
            data = one.data
            if digest_bytes(data) != name.digest:  # it may have become so on its way
                data = self._fetched(name).data or data
            index = self._taken_in(name, data)
            if index is not None:
                self._keep(index, data)
            if self._bytes >= MOST_READ:
                self._tell_left_out(f"they have more than {MOST_READ >> 20} MiB")
                return

    def _fetched(self, name: IndexName) -> Fetched:
        return next(iter(self._objects.get_many([name.path], MOST_BYTES)))

    def _taken_in(self, name: IndexName, data: bytes) -> Index | None:
        """An index object that was read, if it is one, and not too much."""
        self._bytes += len(data)
        try:
            index = read_index(name, data, MOST_PACKS)
        except BentIndex as error:
            self._left_out.add(name.digest)
            self._notices.tell(PASSED_OVER, f"an index of the shared cache is passed over: {error}")
            return None
        if self._packs + len(index.packs) > MOST_PACKS:
            self._left_out.add(name.digest)
            self._tell_left_out(f"they name more than {MOST_PACKS:,} packs")
            return None
        self._packs += len(index.packs)
        self._known[name.digest] = index
        return index

    def _tell_left_out(self, why: str) -> None:
        self._notices.tell(
            "left out",
            f"not all index objects of the shared cache are read: {why}; see who writes there, or begin a new one",
        )

    # -- which cover others ------------------------------------------------------------------------

    def _settle(self) -> None:
        """See which cover what they do not say, and by that which count."""
        false = frozenset(each for each, index in self._known.items() if index.covers and not self._says_all(index))
        self._false = false
        self.live = tuple(live(self._counted()))

    def _tell_hidden(self) -> None:
        if self.hidden:
            paths = sorted(self._known[each].name.path for each in self._false)
            self._notices.tell(
                "hidden", f"an index of the shared cache would hide others: {paths[0]}; see who writes there"
            )

    def _says_all(self, index: Index) -> bool:
        """Whether an index object says all that those say that it covers and that are known here."""
        covered = [self._known[each] for each in index.covers if each in self._known]
        return not covered or frozenset(index.packs).issuperset(entry for each in covered for entry in each.packs)

    def _counted(self) -> list[Index]:
        """Those that are known; one that covers falsely covers nothing."""
        false = self._false
        return [replace(one, covers=frozenset()) if each in false else one for each, one in self._known.items()]

    def _covered(self) -> frozenset[Digest]:
        return frozenset[Digest]().union(*(index.covers for index in self._counted()))

    # -- kept here ---------------------------------------------------------------------------------

    def _read_kept(self, name: IndexName) -> None:
        if name.digest in self._known or not self._fits(name):
            return
        data = self._kept(name)
        if data is not None and self._taken_in(name, data) is not None:
            self._unseen.add(name)

    def _kept(self, name: IndexName) -> bytes | None:
        try:
            data = self._file(name.digest).read_bytes()
            read_index(name, data)
        except (OSError, BentIndex):
            return None
        return data

    def _keep(self, index: Index, data: bytes) -> None:
        """Have one here in the next run, too; one that cannot be written down is fetched again."""
        with suppress(OSError):
            put_file(self._file(index.name.digest), data)

    def _tidy(self) -> None:
        """Let go of those that another covers, and of what a process left half written."""
        covered = self._covered()
        for each in covered & self._known.keys():
            del self._known[each]
            with suppress(OSError):
                self._file(each).unlink()
        self._bytes = sum(index.size for index in self._known.values())
        self._packs = sum(len(index.packs) for index in self._known.values())
        with suppress(OSError):
            for draft in self._folder.glob(".*"):
                if time.time() - draft.stat().st_mtime > _DRAFTS_LIVE:
                    draft.unlink()

    def _file(self, digest: Digest) -> Path:
        return self._folder / f"{digest.hex()}.idx"

    # -- writing -----------------------------------------------------------------------------------

    def announce(self, packs: Iterable[PackEntry]) -> None:
        """Write the index object that says that these packs are there. Raises `StoreUnavailable`."""
        with self._lock:
            new = self._write(list(packs), ())
            crowd = to_merge(self._counted())
            # Not every one of many who write at once is to merge the same.
            if crowd and (new.name.digest[0] % _ONE_IN == 0 or len(self.live) > 2 * MOST_LIVE):
                self._write((), crowd)
            self._check_one()

    def mend(self) -> None:
        """Write those anew that were found damaged, if they are kept here; where that is refused, one in their place.

        Raises `StoreUnavailable`.
        """
        with self._lock:
            for name in self.bent:
                data = self._kept(name)
                if data is not None:
                    self._write_anew(name, data)
                self.bent.discard(name)

    def _write_anew(self, name: IndexName, data: bytes) -> None:
        try:
            self._objects.replace(name.path, data)
        except StoreRefuses:
            self._write((), [read_index(name, data)])

    def _check_one(self) -> None:
        """Look at one index object of which only what is kept here was read, and write it anew if it is damaged there.

        Who has one never fetches it, and who finds it damaged does not have it.
        """
        kept = [index for index in self.live if index.name in self._unseen]
        self._unseen.clear()
        if not kept:
            return
        one = random.choice(kept)
        data = self._kept(one.name) if random.random() * one.size < _CHECKED_BYTES else None
        if data is None:
            return
        there = self._fetched(one.name)
        if there.data != data and there.why != UNREADABLE:
            self.bent.add(one.name)
            self._write_anew(one.name, data)
            self.bent.discard(one.name)

    def say_again(self, packs: Iterable[PackEntry]) -> None:
        """Say of packs that others hide that they are there, in the place of those.

        Raises `StoreUnavailable`.
        """
        with self._lock:
            self._write(list(packs), [each for each in self._counted() if each.name.digest in self._false])

    def _write(self, entries: Sequence[PackEntry], merged: Sequence[Index]) -> Index:
        index, data = make_index(entries, merged)
        try:
            self._objects.put_new(index.name.path, data)
        except StoreUnavailable:
            if index.name.path in self._objects.spoilt:  # it stands there, and this home can mend it
                self._keep(index, data)
                self.bent.add(index.name)
            raise
        self._known[index.name.digest] = index
        self._keep(index, data)
        self._settle()
        return index
