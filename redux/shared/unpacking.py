"""Opening packs: fetched, believed or not, and what of them may be used here put on a shelf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from redux.border import Admission, admit, marked
from redux.shared.bucket import Bucket
from redux.shared.index import PREFIX, PackEntry, entry_of
from redux.shared.layout import PackName
from redux.shared.notices import PASSED_OVER
from redux.shared.pack import Header, open_pack, read_header
from redux.shared.presence import fewest
from redux.shared.selecting import Shelf
from redux.shared.trouble import BentPack
from redux_backends.errors import BentRecord
from redux_backends.exchange import Records, named_first, verify
from redux_valuestore.digest import Digest

MOST_ON_SHELF = 100_000
"""Calls on the shelf, beyond which it is cleared as soon as it can be: some 300 MB."""
MOST_IN_VAIN = 16
"""Packs that were none: of an index object that named so many nothing more is fetched in a run."""
MOST_IN_VAIN_IN_ALL = 64
"""The same of all index objects together; then only those are heeded of which some pack was one."""


class Unpacker:
    """The packs that were opened in a run, and the `shelf` that has their records.

    A pack that is missing, bent or not believed is looked into once, told of, and passed over. `running_code` tells
    which values here may run code when they are decoded.
    """

    def __init__(self, bucket: Bucket, running_code: Callable[[Collection[Digest]], set[Digest]]) -> None:
        self._bucket = bucket
        self._running_code = running_code
        self._looked_into: set[PackName] = set()
        self._opened: dict[PackName, Records] = {}
        self._tellers: dict[str, list[Digest]] = {}
        self._in_vain = Counter[Digest]()
        self._delivered: set[str] = set()
        self._true: set[Digest] = set()
        self.shelf = Shelf()
        self.refused = set[Digest]()
        """the evaluations of calls that are left out for what their results would run"""
        self.packs = 0
        self.bytes = 0

    def open_for(self, found: Mapping[Digest, Sequence[PackEntry]]) -> bool:
        """Open packs so that each of what was `found` is in one of them, as far as can be; whether any was opened."""
        opened = False
        found = self._passable(found)
        while names := [each for each in fewest(found, self._opened, self._doubt) if each not in self._looked_into]:
            said = {pack.name: pack for packs in found.values() for pack in packs}
            opened |= self._open(names, said)
            # What should be in a pack that turned out to be none is looked for in the others.
            found = self._passable(found)
        return opened

    def open_others(self, found: Mapping[Digest, Sequence[PackEntry]]) -> bool:
        """The same in packs that nobody looked into: those opened turned out not to have it, whatever indexes say."""
        others = {each: [one for one in packs if one.name not in self._looked_into] for each, packs in found.items()}
        return self.open_for({each: packs for each, packs in others.items() if packs})

    def pass_over_bent(self) -> bool:
        """Take away those packs that have records which are not what their hashes say; whether there were any."""
        bent = [name for name, records in self._opened.items() if not self._is_sound(name, records)]
        self._bucket.bent |= set(bent)
        kept = {name: records for name, records in self._opened.items() if name not in bent}
        self._clear()
        for name, records in kept.items():
            self._put(name, records)
        return bool(bent)

    def tidy(self, coming: Iterable[PackEntry] = ()) -> None:
        """Clear the shelf if these packs find no room on it; packs that are needed again are opened again."""
        new = {pack.name: len(pack.calls) // PREFIX for pack in coming if pack.name not in self._opened}
        if len(self.shelf) and len(self.shelf) + sum(new.values()) > MOST_ON_SHELF:
            self._looked_into -= self._opened.keys()
            self._clear()

    def look_anew(self) -> None:
        """Let packs that were none be looked into again: they may have been written anew."""
        self._looked_into.intersection_update(self._opened)

    # -- one pack ----------------------------------------------------------------------------------

    def _passable(self, found: Mapping[Digest, Sequence[PackEntry]]) -> dict[Digest, list[PackEntry]]:
        """What is left of what was found, without packs that turned out to be none, and who named too many of those."""
        return {each: rest for each, packs in found.items() if (rest := [one for one in packs if self._may_do(one)])}

    def _may_do(self, pack: PackEntry) -> bool:
        if pack.name in self._opened:
            return True
        return pack.name not in self._looked_into and (
            not self._in_vain or self._named_in_vain(pack.name) < MOST_IN_VAIN
        )

    def _doubt(self, name: PackName) -> tuple[bool, int, bool]:
        """What is known to be none is asked for last: it may have been written anew. Before it, what liars name."""
        if not self._in_vain:
            return name in self._bucket.bent, 0, True
        unproven = self._true.isdisjoint(self._tellers.get(name.path, ()))
        return name in self._bucket.bent, self._named_in_vain(name), unproven

    def _named_in_vain(self, name: PackName) -> int:
        """How many packs that were none the one told of that names this one, too: of several the most trustworthy."""
        tellers, otherwise = self._tellers.get(name.path, []), 0
        if self._in_vain.total() >= MOST_IN_VAIN_IN_ALL:
            tellers, otherwise = [each for each in tellers if each in self._true], MOST_IN_VAIN
        return min((self._in_vain[each] for each in tellers), default=otherwise)

    def _note_in_vain(self, name: PackName) -> None:
        if not self._in_vain:
            self._tellers = self._bucket.indexes.tellers()
            self._true = {each for path in self._delivered for each in self._tellers.get(path, ())}
        self._in_vain.update(self._tellers.get(name.path, ()))

    def _open(self, names: Sequence[PackName], said: Mapping[PackName, PackEntry]) -> bool:
        """Put the records of packs on the shelf, of which index objects `said` so much; whether there were any."""
        self._looked_into.update(names)
        opened = False
        for name, data, why in self._bucket.packs(names):
            try:
                if data is None:
                    raise BentPack(name.path, f"it is {why}")
                header = read_header(name, data)
                if not _is_as_said(header, said[name]):
                    self._note_in_vain(name)
                opened |= self._shelve(header, data)
            except BentPack as error:
                self._bucket.bent.add(name)
                self._note_in_vain(name)
                self._pass_over(error)
        return opened

    def _shelve(self, header: Header, data: bytes) -> bool:
        name = header.name
        why = self._bucket.why_not(header)
        if why is not None:
            self._bucket.notices.tell(f"doubted {why}", f"calls in the shared cache do not count: {why}")
            return False
        self._put(name, self._admitted(header, open_pack(header, data)))
        self._bucket.bent.discard(name)
        self._delivered.add(name.path)
        self._true.update(self._tellers.get(name.path, ()))
        self.packs += 1
        self.bytes += len(data)
        return True

    def _put(self, name: PackName, records: Records) -> None:
        self.shelf.add(records, name.signer)
        self._opened[name] = records

    def _clear(self) -> None:
        self._opened, self.shelf = {}, Shelf()

    def _admitted(self, header: Header, records: Records) -> Records:
        """What of a pack may come here, by what its values would run when they are decoded."""
        admission = self._bucket.believing.admission(header.signer)
        if admission.pickles:
            return records
        refused = _with_those_around(records, admit(records, admission) | self._of_others(records))
        if refused:
            results = [each for each in records.results if each.result not in refused]
            calls = [each for each in records.calls if each.call.result not in refused]
            # What is only an argument, as every Secret is, is never decoded.
            if len(calls) + len(results) < len(records.calls) + len(records.results):
                self._tell_refused(header, admission)
            self.refused.update(each.call.eval_hash for each in records.calls if each.call.result in refused)
            records = replace(records, results=results, calls=calls)
        return marked(records, admission)

    def _of_others(self, records: Records) -> set[Digest]:
        """Values that a pack names and leaves to others, who may be trusted with code that its signer is not.

        It has none of them; or not the bytes to judge them by, and they are known to run code.
        """
        inside = {value.hash for value in records.values}
        named = {each.call.result for each in records.calls}.union(each.result for each in records.results)
        missing = named.union(*(value.subvalues for value in records.values)) - inside
        bare = [value.hash for value in records.values if value.data is None]
        return missing | (self.shelf.running_code(bare) | self._running_code(bare) if bare else set())

    def _tell_refused(self, header: Header, admission: Admission) -> None:
        whose = self._bucket.believing.name_of(header.name.signer)
        known = " besides those on the list values.allow" if admission.allow else ""
        help = (
            f"`redux trust add … --pickles` trusts {whose} with that, the setting values.allow lists classes"
            if header.signer is not None
            else "the setting values.allow lists classes that may"
        )
        self._bucket.notices.tell(
            f"pickles {whose}",
            f"some results of {whose} in the shared cache would run code to be decoded{known}, so they are left "
            f"out; {help}",
        )

    def _is_sound(self, name: PackName, records: Records) -> bool:
        try:
            verify(records)
        except BentRecord as error:
            self._pass_over(BentPack(name.path, str(error)))
            return False
        return True

    def _pass_over(self, error: BentPack) -> None:
        self._bucket.notices.tell(PASSED_OVER, f"a pack of the shared cache is passed over: {error}")


def _is_as_said(header: Header, said: PackEntry) -> bool:
    """Whether a pack has the calls that an index object says, and is whose and of when that says."""
    is_of = entry_of(header)
    return (is_of.signer, is_of.epoch, is_of.evals, is_of.calls) == (said.signer, said.epoch, said.evals, said.calls)


def _with_those_around(records: Records, refused: Iterable[Digest]) -> frozenset[Digest]:
    """Values that are refused, and those that have one of them as a part, all the way up."""
    found = set(refused)
    if not found:
        return frozenset()
    values = {value.hash: value for value in records.values}
    for hash in named_first(values, lambda each: values[each].subvalues if each in values else (), set()):
        if hash in values and not found.isdisjoint(values[hash].subvalues):
            found.add(hash)
    return frozenset(found)
