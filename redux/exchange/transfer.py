"""What one repository has and another has not is brought there, in groups that leave nothing dangling."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import accumulate

from redux.border import Arrival, leaving, marked
from redux.repo import Repo
from redux.scheduler.collector import Collector
from redux_backends.backend import BentRecord, UnknownReference
from redux_backends.exchange import RecordId, RecordKind, Records, has_its_bytes, in_groups
from redux_backends.records import ValueRecord
from redux_backends.urls import without_password
from redux_valuestore.digest import Digest
from redux_valuestore.store import ValueMissing

Tell = Callable[[RecordKind, int], None]
"""Told which kind is on its way, and how many records were looked at so far."""

GROUP = 8_000
"""How many records are brought over by one transaction; a value counts as several, for it may have its bytes."""
_VALUE_COUNTS = 4

_COPIES = 8
"""How many values of the store are on their way at once."""
_TRIES = 5
"""How often a group is completed whose records name what was recorded after the exchange began."""


_Group = tuple[Sequence[RecordId], Records]


def say_nothing(kind: RecordKind, looked_at: int) -> None:
    """Show no progress."""


@dataclass(slots=True)
class Moved:
    """What was brought over, or would be: records by kind, values of the store and their bytes.

    `lost` are values whose bytes nobody has, neither here nor there: calls that gave them run again. The files of those
    `set_aside` were found damaged in the source's store, and moved to lost+found there.
    """

    records: Counter[RecordKind] = field(default_factory=Counter[RecordKind])
    stored: int = 0
    bytes: int = 0
    lost: list[Digest] = field(default_factory=list[Digest])
    set_aside: list[Digest] = field(default_factory=list[Digest])
    looked_at: int = 0

    @property
    def anything(self) -> bool:
        """Whether a record was brought over."""
        return self.records.total() > 0


class Transfer:
    """Brings records from `source` to `target`; with `one_store` their large values are in one place already.

    Values that are not plain data are marked as foreign in the target, and executions as from elsewhere, unless the
    source's values may run any code: then it is one's own.
    """

    def __init__(self, source: Repo, target: Repo, *, one_store: bool, tell: Tell = say_nothing) -> None:
        self._source = source
        self._target = target
        self._one_store = one_store
        self._tell = tell
        self._arrival = None if source.admission.pickles else Arrival(target.backend, _name_of(source))
        self._staying: set[bytes] = set()
        self.moved = Moved()

    def rehearse(self, roots: Sequence[RecordId] | None) -> Moved:
        """What `run` would bring over."""
        for wanted in self._wanted(roots):
            self._count(self._source.backend.get_records(wanted), wanted)
        return self.moved

    def run(self, roots: Sequence[RecordId] | None) -> Moved:
        """Bring over what is missing there, of all or of what is at and below `roots`.

        Each group is one transaction, after the bytes that it names. A group names only what is there, so whatever
        stops this, the next one goes on. Raises `BackendError`, `StoreError`.
        """
        ready = self._ready(roots)
        # Records name nothing in circles, and looking at them costs a sixth.
        with Collector().paused(), ThreadPoolExecutor(1, "redux-exchange-next") as pool:
            coming = pool.submit(next, ready, None)
            while (group := coming.result()) is not None:
                # The next group is read while this one is put, for each side mostly waits for the other.
                coming = pool.submit(next, ready, None)
                self._put_group(*group, _TRIES)
        return self.moved

    def _ready(self, roots: Sequence[RecordId] | None) -> Iterator[_Group]:
        """The groups of what is missing there, read and with their bytes in the target's store."""
        for wanted in self._wanted(roots):
            yield wanted, self._read(wanted)

    def _wanted(self, roots: Sequence[RecordId] | None) -> Iterator[list[RecordId]]:
        """The ids of what is missing there, in order, in groups worth a transaction."""
        waiting: list[RecordId] = []
        for group in in_groups(self._source.backend.iter_record_ids(roots), GROUP):
            self.moved.looked_at += len(group)
            self._tell(group[-1].kind, self.moved.looked_at)
            waiting += self._missing(group)
            while (enough := _how_many_go(waiting)) < len(waiting):
                yield waiting[:enough]
                waiting = waiting[enough:]
        if waiting:
            yield waiting

    def _missing(self, ids: Sequence[RecordId]) -> Sequence[RecordId]:
        """Those of the source's records that are missing there, and may leave."""
        missing = self._target.backend.missing_records(ids)
        tags = [each for each in missing if each.kind is RecordKind.TAG]
        if not tags:
            return missing
        for _ in leaving(self._source.backend.get_records(tags).tags, self._staying):
            pass
        return [each for each in missing if each.kind is not RecordKind.TAG or each.id not in self._staying]

    def _read(self, wanted: Sequence[RecordId]) -> Records:
        return marked(self._with_bytes(self._source.backend.get_records(wanted)), self._source.admission)

    def _put_group(self, wanted: Sequence[RecordId], records: Records, tries: int) -> None:
        try:
            self._put(records if self._arrival is None else self._arrival.let_in(records))
        except UnknownReference:
            if not tries:
                raise
            # A run goes on at the source: what was recorded since the ids were listed comes first.
            for group in in_groups(self._source.backend.iter_record_ids(wanted), GROUP):
                late = self._missing(group)
                if late:
                    self._put_group(late, self._read(late), tries - 1)
            return
        self._count(records, wanted)

    def _put(self, records: Records) -> None:
        try:
            self._target.backend.put_records(records)
        except BentRecord:
            damaged = [value for value in records.values if not has_its_bytes(value)]
            if not damaged:
                raise
            self.moved.lost += [value.hash for value in damaged]
            self._target.backend.put_records(_without_bytes(records, damaged))

    def _count(self, records: Records, wanted: Sequence[RecordId]) -> None:
        self.moved.records.update(each.kind for each in wanted)
        self.moved.bytes += sum(value.size for value in records.values if value.hash not in records.gone)
        self.moved.stored += len(records.stored)
        self.moved.lost += sorted(records.gone - set(self.moved.lost))

    # -- bytes -------------------------------------------------------------------------------------

    def _with_bytes(self, records: Records) -> Records:
        """The same records, once the large values that they name are in the target's store; those without are gone."""
        if self._one_store or not records.stored:
            return records
        with ThreadPoolExecutor(_COPIES, "redux-exchange") as pool:
            came = list(pool.map(self._copy, records.stored))
        lost = frozenset(digest for digest, there in zip(records.stored, came, strict=True) if not there)
        return replace(records, gone=records.gone | lost)

    def _copy(self, digest: Digest) -> bool:
        """Bring one value's bytes over, verified on the way; False where the source has none that are sound."""
        try:
            self._target.store.put(digest, [self._source.store.get(digest)])
        except ValueMissing as missing:
            if missing.why == "damaged":
                self.moved.set_aside.append(digest)
            return False
        return True


def _name_of(repo: Repo) -> str:
    return "another database" if repo.address is None else without_password(repo.address.database)


def _how_many_go(waiting: Sequence[RecordId]) -> int:
    """How many of those that wait, at least one, are worth a transaction."""
    counted = accumulate(_VALUE_COUNTS if each.kind is RecordKind.VALUE else 1 for each in waiting)
    return max(1, bisect(list(counted), GROUP))


def _without_bytes(records: Records, damaged: Sequence[ValueRecord]) -> Records:
    lost = {value.hash for value in damaged}
    values = [replace(value, data=None) if value.hash in lost else value for value in records.values]
    return replace(records, values=values, gone=records.gone | lost)
