"""Taking: what a wave lacks is found by the indexes of a shared cache, and recorded here with all it names."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock

from redux.repo import Repo
from redux.shared.bucket import Bucket
from redux.shared.index import PREFIX, PackEntry
from redux.shared.layout import PackName
from redux.shared.presence import Presence
from redux.shared.selecting import Selection
from redux.shared.standing import Standing
from redux.shared.unpacking import MOST_ON_SHELF, Unpacker
from redux_backends.errors import BentRecord
from redux_backends.exchange import Records
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen
from redux_valuestore.store import StoreError

EVALS_AT_ONCE = 20_000
"""So many are taken at a time, and of no more packs than the shelf takes: a large wave need not be in memory whole."""

_NONE: frozenset[Digest] = frozenset()


@frozen
class Maker:
    """Who made calls: the `user` at the `host` that their execution tells, and the `signer`'s id."""

    user: str
    host: str
    signer: str


@dataclass(slots=True)
class Taken:
    """What was taken so far: how many calls, by who made them, out of how many packs of how many bytes in all."""

    calls: Counter[Maker] = field(default_factory=Counter[Maker])
    packs: int = 0
    bytes: int = 0


class Taker:
    """Brings calls from a shared cache into a repository; whatever is wrong there, they are just not cached.

    Safe from any thread: what one asks for while another brings it, it has when that is done.
    """

    def __init__(self, bucket: Bucket, repo: Repo) -> None:
        self._bucket = bucket
        self._repo = repo
        self._standing = Standing(repo.backend, time.time())
        self._unpacker = Unpacker(bucket, self._standing.running_code)
        self._here: set[Digest] = set()
        self._asked: dict[Digest, bool] = {}
        self._over = False
        self._lock = Lock()
        self.taken = Taken()

    def bring(self, evals: Sequence[Digest], *, missed: bool = True) -> frozenset[Digest]:
        """Those of these evaluations that are in the repository now, with all that they name. Each is asked once.

        They were `missed`: nothing that is here of them can be used. Otherwise, and for all that they name, what is
        here stands, and what contradicts it is left out.
        """
        with self._lock:
            wanted = [one for one in dict.fromkeys(evals) if one not in self._asked]
            if wanted and not self._over:
                self._asked.update(dict.fromkeys(wanted, False))
                self._try_to_bring(wanted, missed)
            return frozenset([one for one in evals if self._asked.get(one)])

    def refused(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Those of these evaluations that are there, with results that would run code to be decoded."""
        with self._lock:
            return frozenset(self._unpacker.refused.intersection(evals))

    def ask_anew(self) -> None:
        """Let what was not there be asked for again: it may be by now."""
        with self._lock:
            self._asked = {one: True for one, brought in self._asked.items() if brought}
            self._unpacker.look_anew()
            self._over = False

    def _try_to_bring(self, evals: Sequence[Digest], missed: bool) -> None:
        try:
            self._bring(evals, missed)
        except StoreError as error:
            self._bucket.leave_unused(str(error))
            self._over = True
        except Exception as error:  # whatever lies there, it must not cost the run its result
            said = str(error) if isinstance(error, ReduxError) else f"{type(error).__name__}: {error}"
            self._bucket.notices.trouble(f"nothing more is taken from the shared cache: {said}")
            self._over = True

    def _bring(self, evals: Sequence[Digest], missed: bool) -> None:
        presence = self._bucket.presence()
        if presence is None:
            self._over = True
            return
        found = presence.with_evals(evals)
        try:
            for group in _groups(found):
                self._unpacker.tidy(packs[0] for packs in group.values())
                self._bring_some(presence, group, missed)
            self._unpacker.tidy()
        finally:
            self.taken.packs, self.taken.bytes = self._unpacker.packs, self._unpacker.bytes
        self._tell_doubted([each for each in evals if not self._asked[each]])

    def _tell_doubted(self, evals: Sequence[Digest]) -> None:
        """Tell that some of what is made here now would be there, of somebody who is not believed."""
        bucket = self._bucket
        # Anybody who may write there can have any number of such packs there: no wave pays for more than the first.
        if bucket.doubted is None or not evals or bucket.notices.has_told("doubted"):
            return
        hit = next(chain.from_iterable(bucket.doubted.with_evals(evals).values()), None)
        if hit is not None:
            why = bucket.why_not(hit)
            others = len(bucket.doubts.difference([why]))
            more = f"; `redux cache status` tells of {others:,} more" if others else ""
            bucket.notices.tell("doubted", f"calls in the shared cache do not count: {why}{more}")

    def _bring_some(self, presence: Presence, found: Mapping[Digest, Sequence[PackEntry]], missed: bool) -> None:
        """Record what packs have of what was found. Raises `StoreError`; what came before is recorded all the same."""
        trouble: StoreError | None = None
        try:
            self._unpacker.open_for(found)
        except StoreError as error:
            trouble = error
        refused: frozenset[Digest] = _NONE
        while True:
            selection = self._unpacker.shelf.select(found, self._here, refused)
            try:
                if self._open_more(presence if trouble is None else None, found, selection):
                    continue
            except StoreError as error:
                trouble = error
                continue
            contradicting = self._standing.contradicting(selection.records, found if missed else _NONE)
            if contradicting:
                refused |= contradicting
                continue
            try:
                self._record(selection.records)
            except BentRecord:
                if self._unpacker.pass_over_bent():
                    continue
                raise
            self._asked.update(dict.fromkeys(selection.found, True))
            if trouble is not None:
                raise trouble
            return

    def _open_more(
        self, presence: Presence | None, found: Mapping[Digest, Sequence[PackEntry]], selection: Selection
    ) -> bool:
        """Find what a selection lacks, here or in further packs; whether any was. Without a `presence` only here."""
        if selection.lacking and self._find(presence, selection.lacking):
            return True
        missing = found.keys() - selection.found if presence is not None else ()
        return bool(missing) and self._unpacker.open_others({each: found[each] for each in missing})

    def _find(self, presence: Presence | None, calls: Collection[Digest]) -> bool:
        """Find calls that others name: here, or in further packs; whether any was."""
        here = self._standing.known_calls(calls)
        self._here |= here
        lacking = [call for call in calls if call not in here]
        found = presence.with_calls(lacking) if lacking and presence is not None else {}
        return self._unpacker.open_for(found) or self._unpacker.open_others(found) or bool(here)

    # -- here --------------------------------------------------------------------------------------

    def _record(self, records: Records) -> None:
        if not records.calls:
            return
        shelf = self._unpacker.shelf
        known = self._standing.known_calls(record.call.call_hash for record in records.calls)
        records = self._standing.beside(records, shelf, self._bucket.objects.shown)
        self._repo.backend.put_records(records)
        calls = [record.call.call_hash for record in records.calls]
        self._here.update(calls)
        new = {call: shelf.signers_of(call)[0] for call in calls if call not in known}
        self.taken.calls.update(_makers(records, new))


def _groups(found: Mapping[Digest, Sequence[PackEntry]]) -> Iterator[dict[Digest, Sequence[PackEntry]]]:
    """What was found, those of one pack together, in groups whose packs fit on the shelf."""
    of_pack: defaultdict[PackName, list[Digest]] = defaultdict(list)
    for each, packs in found.items():
        of_pack[packs[0].name].append(each)
    group: dict[Digest, Sequence[PackEntry]] = {}
    calls = 0
    for evals in of_pack.values():
        more = len(found[evals[0]][0].calls) // PREFIX
        if group and calls + more > MOST_ON_SHELF:
            yield group
            group, calls = {}, 0
        calls += more
        for each in evals:
            if len(group) == EVALS_AT_ONCE:
                yield group
                group, calls = {}, more
            group[each] = found[each]
    if group:
        yield group


def _makers(records: Records, signers: Mapping[Digest, str]) -> Iterable[Maker]:
    """Who made each of these calls."""
    executions = {execution.id: execution for execution in records.executions}
    made_in = {job.call_hash: executions[job.execution] for job in records.jobs if job.call_hash in signers}
    for call, signer in signers.items():
        execution = made_in.get(call)
        yield Maker(execution.user, execution.lease.host, signer) if execution else Maker("", "", signer)
