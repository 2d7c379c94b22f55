"""Verifying a shared cache: every object there looked at, and what is wrong with it said by kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from redux.shared.bucket import Bucket
from redux.shared.index import MOST_BYTES, read_index
from redux.shared.layout import INDEX, PACKS, STORE, VALUES, PackName, named_index, named_pack
from redux.shared.pack import open_pack, read_header
from redux.shared.trouble import BentIndex, BentPack
from redux_backends.errors import BentRecord
from redux_backends.exchange import verify
from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import Digest
from redux_valuestore.layout import named_digest, object_name
from redux_valuestore.store import ValueMissing

Kind = Literal["index", "pack", "lost pack", "lost value", "damaged value", "foreign"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a shared cache: its `kind`, the name of the object, and why, in words."""

    kind: Kind
    name: str
    why: str


@dataclass(slots=True)
class Verified:
    """What was looked at, and what was found."""

    looked_at: Counter[str] = field(default_factory=Counter[str])
    calls: int = 0
    not_believed: Counter[str] = field(default_factory=Counter[str])
    faults: list[Fault] = field(default_factory=list[Fault])


class Verifier:
    """Looks at the objects of a shared cache: all, or those for which `chosen` says so, and one of each kind at least.

    Nothing is changed there. What is damaged or gone is noted in the `bucket`, so that it is written anew when
    something is sent next.
    """

    def __init__(
        self, bucket: Bucket, values: BucketValues, chosen: Callable[[str], bool], tell: Callable[[str, int, int], None]
    ) -> None:
        self._bucket = bucket
        self._values = values
        self._chosen = chosen
        self._tell = tell
        self._needed: set[Digest] = set()
        self.found = Verified()

    def run(self, *, read_data: bool) -> Verified:
        """Look at index objects, at packs with their signatures, and whether large values are there.

        With `read_data` the bytes of large values are looked at, too. Raises `StoreUnavailable`, `SharedError`.
        """
        self._bucket.look_now()
        names = list(self._bucket.objects.names())
        values = {name for name in names if _value_of(name) is not None}
        packs = {name for path in names if (name := named_pack(path)) is not None}
        for name in names:
            if not _is_ours(name):
                self._fault("foreign", name, "redux writes nothing under such a name")
        said = self._look_at_indexes([name for name in names if named_index(name) is not None])
        for name in sorted(said - packs, key=lambda each: each.path):
            self._note_bent(name)
            self._fault("lost pack", name.path, "an index says that it is there, and it is not")
        self._look_at_packs(packs, values)
        if read_data:
            self._read_values(values)
        return self.found

    def _drawn(self, names: Iterable[str]) -> list[str]:
        """Which of these objects to look at: one at least, if there is one."""
        named = sorted(names)
        return [name for name in named if self._chosen(name)] or random.sample(named, min(1, len(named)))

    def _fault(self, kind: Kind, name: str, why: str) -> None:
        self.found.faults.append(Fault(kind, name, why))

    def _look_at_indexes(self, paths: list[str]) -> set[PackName]:
        """The packs that sound index objects name."""
        said: set[PackName] = set()
        for number, one in enumerate(self._bucket.objects.get_many(paths, MOST_BYTES)):
            self._tell("index objects", number, len(paths))
            self.found.looked_at["index objects"] += 1
            name = named_index(one.name)
            try:
                if one.data is None or name is None:
                    raise BentIndex(one.name, f"it is {one.why}")
                said.update(entry.name for entry in read_index(name, one.data).packs)
                self._bucket.indexes.bent.discard(name)
            except BentIndex as error:
                if name is not None:
                    self._bucket.indexes.bent.add(name)
                self._fault("index", one.name, error.why)
        return said

    def _look_at_packs(self, packs: Iterable[PackName], values: set[str]) -> None:
        by_path = {name.path: name for name in packs}
        wanted = [by_path[path] for path in self._drawn(by_path)]
        lost: dict[str, str] = {}
        for number, (name, data, why) in enumerate(self._bucket.packs(wanted)):
            self._tell("packs", number, len(wanted))
            self.found.looked_at["packs"] += 1
            try:
                if data is None:
                    raise BentPack(name.path, f"it is {why}")
                for digest in self._look_at_pack(name, data):
                    path = f"{VALUES}/{object_name(digest)}"
                    if path not in values:
                        lost.setdefault(path, name.path)
                        self._note_lost(digest)
                self._bucket.bent.discard(name)
            except (BentPack, BentRecord) as error:
                self._note_bent(name)
                self._fault("pack", name.path, error.why if isinstance(error, BentPack) else str(error))
        for path, pack in sorted(lost.items()):
            self._fault("lost value", path, f"a call of {pack} needs it, and it is not there")

    def _note_bent(self, name: PackName) -> None:
        """Have a pack written anew by who signed it. Of strangers none is read, and any number may lie there."""
        if self._bucket.believing.counts(name.signer):
            self._bucket.bent.add(name)

    def _look_at_pack(self, name: PackName, data: bytes) -> Iterator[Digest]:
        """The large values that a pack names. Raises `BentPack`, `BentRecord`."""
        header = read_header(name, data)
        records = open_pack(header, data)
        verify(records)
        self.found.calls += len(header.table)
        why = self._bucket.why_not(header)
        if why is not None:
            self.found.not_believed[why] += 1
        else:
            self._needed.update(records.stored)
        return iter(records.stored)

    def _note_lost(self, digest: Digest) -> None:
        """Have a value written anew by who has it: if it was shared, which only those who are believed say."""
        if digest in self._needed:
            self._bucket.bent_values.add(digest)
        else:
            self._bucket.bent_values.discard(digest)

    def _read_values(self, paths: Iterable[str]) -> None:
        wanted = self._drawn(paths)
        for number, path in enumerate(wanted):
            self._tell("large values", number, len(wanted))
            digest = _value_of(path)
            assert digest is not None
            self.found.looked_at["large values"] += 1
            try:
                self._values.get(digest)
            except ValueMissing as missing:
                self._note_lost(digest)
                self._fault("damaged value", path, f"its bytes are {missing.why}")


def _value_of(name: str) -> Digest | None:
    folder, _, rest = name.partition("/")
    return named_digest(rest) if folder == VALUES else None


def _is_ours(name: str) -> bool:
    folder = name.partition("/")[0]
    if name == STORE:
        return True
    if folder == PACKS:
        return named_pack(name) is not None
    if folder == INDEX:
        return named_index(name) is not None
    return _value_of(name) is not None
