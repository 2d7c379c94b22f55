"""The check of a repository: everything is looked at in turn, in pages, and a run may go on beside."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from redux.fsck import records, stored
from redux.fsck.findings import Finding, Kind
from redux.repo import Repo
from redux_backends.backend import BackendCorrupt
from redux_backends.integrity import NOTHING, SHARDS, KeptValue
from redux_backends.progress import Tell, say_nothing
from redux_backends.records import Place
from redux_valuestore.digest import Digest
from redux_valuestore.layout import set_aside_digest
from redux_valuestore.store import StoreUnavailable

_T = TypeVar("_T")


@dataclass(slots=True)
class Looked:
    """How much was looked at."""

    values: int = 0
    calls: int = 0
    files: int = 0
    bytes_read: int = 0


@dataclass(slots=True)
class Check:
    """Looks at a repository. `fraction` of all bytes are read and hashed; which, `dice` decide."""

    repo: Repo
    fraction: float = 0.0
    tell: Tell = say_nothing
    dice: random.Random = field(default_factory=random.Random)
    looked: Looked = field(default_factory=Looked)
    _aside: dict[Digest, str] | None = None

    def findings(self) -> Iterator[Finding]:
        """All that is not sound, as it is found; a part that cannot be looked at is a finding too."""
        for part in (self._records, self._values, self._inline, self._litter):
            try:
                yield from part()
            except BackendCorrupt as error:
                yield Finding(Kind.DATABASE, "database", error.concerning, str(error).partition(";")[0])
            except StoreUnavailable as error:
                yield Finding(Kind.UNREACHABLE, "store", error.where, str(error).partition(";")[0])

    # -- records -----------------------------------------------------------------------------------

    def _records(self) -> Iterator[Finding]:
        integrity = self.repo.backend.integrity()
        self.tell("the database's own check", 0, 0)
        yield from records.judge_complaints(integrity.complaints())
        self.tell("what records name", 0, 0)
        yield from map(records.judge_dangling, integrity.dangling())
        yield from map(records.judge_gap, integrity.gaps())
        yield from map(records.judge_twin, integrity.twins())
        yield from map(records.judge_job, integrity.odd_jobs())
        yield from self._judged("tasks", integrity.tasks(), records.judge_task)
        yield from self._judged("task sets", integrity.task_sets(), records.judge_set)
        yield from self._judged("evaluations", integrity.evaluations(), records.judge_evaluation)
        yield from self._judged("tags", integrity.tags(), records.judge_tag)
        for page in integrity.calls():
            self.looked.calls += len(page)
            self.tell("calls", self.looked.calls, 0)
            yield from filter(None, map(records.judge_call, page))
        # Last: what rests on a call that was just found bent is then no news where one mends.
        yield from map(records.judge_loose, integrity.loose_results())

    def _judged(
        self, what: str, pages: Iterable[Sequence[_T]], judge: Callable[[_T], Finding | None]
    ) -> Iterator[Finding]:
        done = 0
        for page in pages:
            done += len(page)
            self.tell(what, done, 0)
            yield from filter(None, map(judge, page))

    # -- values and files --------------------------------------------------------------------------

    def _values(self) -> Iterator[Finding]:
        """Values against their bytes, first byte by first byte: first the records, since their bytes are put before."""
        integrity, store = self.repo.backend.integrity(), self.repo.store
        lying = stored.Lying()
        for shard in range(SHARDS):
            self.tell("values", shard, SHARDS)
            values = integrity.values(shard)
            files = store.look(shard)
            self.looked.values += sum(value.hash != NOTHING.hash for value in values)
            self.looked.files += len(files)
            yield from self._as_they_are(lying.compare(values, files))
            yield from self._read(values, files)
            gone = [value.hash for value in values if stored.is_mourned(value)]
            yield from map(stored.judge_lost, sorted(set(gone) - integrity.remakable(gone)) if gone else ())
        yield from self._as_they_are(lying.rest())
        for digest in lying.nameless():
            found = stored.judge_nameless(digest, store.get_value_path(digest), store.age(digest))
            if found is not None:
                yield found

    def _as_they_are(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """Those findings that still hold: a run beside may have made a value again, or have found it missing itself."""
        for one in found:
            now = self.repo.backend.get_value(one.value) if one.value is not None else None
            if now is None or now.place is Place.MISSING:
                continue
            if now.place is Place.STORE and one.kind is Kind.MISSING and self.repo.store.has(now.hash):
                continue
            yield self._told_apart(one) if one.kind is Kind.MISSING and now.place is Place.STORE else one

    def _told_apart(self, missing: Finding) -> Finding:
        """A value whose bytes are missing since a reader found them damaged and set them aside, as what it is."""
        if self._aside is None:
            lying = (
                (set_aside_digest(one.path), one.path) for one in self.repo.store.litter() if one.kind == "set aside"
            )
            self._aside = {digest: path for digest, path in lying if digest is not None}
        path = self._aside.get(missing.value) if missing.value is not None else None
        if path is None:
            return missing
        return replace(missing, kind=Kind.DAMAGED, detail=f"whoever read them last has set them aside: {path}")

    def _read(self, values: Sequence[KeptValue], files: Mapping[Digest, int]) -> Iterator[Finding]:
        """The bytes of values in the store, hashed."""
        if not self.fraction:
            return
        for value in values:
            there = files.get(value.hash)
            if value.place is not Place.STORE or there != value.size or not self._drawn():
                continue
            self.looked.bytes_read += value.size
            if not self.repo.store.is_sound(value.hash):
                yield from self._as_they_are(
                    [stored.damaged(value.hash, f"its file {self.repo.store.get_value_path(value.hash)}")]
                )

    def _inline(self) -> Iterator[Finding]:
        """The bytes of values in the database, hashed."""
        if not self.fraction:
            return
        read = 0
        for page in self.repo.backend.integrity().inline_bytes():
            read += len(page)
            self.tell("bytes in the database", read, 0)
            drawn = [kept for kept in page if self._drawn()]
            self.looked.bytes_read += sum(len(kept.data) for kept in drawn)
            yield from filter(None, map(stored.judge_inline, drawn))

    def _drawn(self) -> bool:
        return self.fraction >= 1 or self.dice.random() < self.fraction

    def _litter(self) -> Iterator[Finding]:
        yield from filter(None, map(stored.judge_litter, self.repo.store.litter()))
