"""Sending: what an execution made goes into the shared cache: values, then packs, then what says where they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

from redux.repo import Repo
from redux.secrets import SECRET_TAG
from redux.shared.bucket import Bucket
from redux.shared.harvest import Gate, Harvest, Reaper
from redux.shared.index import entry_of
from redux.shared.layout import UNSIGNED, PackName
from redux.shared.mending import Mending
from redux.shared.offering import Offer
from redux.shared.pack import Header, Pack
from redux.shared.presence import Presence
from redux.shared.relying import Relied
from redux.shared.whose import whose_in
from redux.trust.keys import SigningKey, key_id
from redux.words.measures import show_count
from redux_backends.records import ExecutionId
from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.layered import LayeredStore
from redux_valuestore.objects import Put
from redux_valuestore.side_by_side import side_by_side
from redux_valuestore.store import StoreRefuses, StoreUnavailable, ValueMissing

_VALUES_AT_ONCE = 8
_PACKS_AT_ONCE = 4
"""A pack that waits has some MB in memory, at most 64."""


@dataclass(slots=True)
class Sent:
    """What was sent so far; `of` are the calls that are there in the end, as far as it is known.

    `held` are calls that stay at home, since they came from others or rest on that.
    """

    calls: int = 0
    of: int = 0
    packs: int = 0
    values: int = 0
    bytes: int = 0
    held: int = 0


def nobody(sent: Sent) -> None:
    """Nobody is told."""


class Sender:
    """Makes packs of what executions made, and writes them with the values that they name.

    `values` is where the bucket's large values are. `key` signs (None: nobody does). `gate` is passed whenever the
    database is asked. Used by one thread at a time.
    """

    def __init__(
        self, bucket: Bucket, repo: Repo, values: BucketValues, key: SigningKey | None, gate: Gate | None = None
    ) -> None:
        self._bucket = bucket
        # What the bucket itself has is nothing to send there.
        self._store = repo.store.near if isinstance(repo.store, LayeredStore) else repo.store
        self._reaper = Reaper(repo.backend, gate or Gate(), repo.inline_limit, whose_in(repo))
        self._values = values
        self._key = key
        self._signer = UNSIGNED if key is None else key_id(key.public)
        self._stand: set[Digest] = set()
        self._seen: set[PackName] = set()
        self._held: set[Digest] = set()
        self._lock = Lock()
        self._tell: Callable[[Sent], None] = nobody
        self._refused: StoreRefuses | None = None
        self.sent = Sent()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more can be written there, as far as is known."""
        return bool(self._bucket.objects.unwritable) or self._bucket.presence() is None

    def send(self, execution: ExecutionId, *, everything: bool = False, tell: Callable[[Sent], None] = nobody) -> None:
        """Send what an execution ran and is not there yet; with `everything` also what it only found here.

        `tell` is told of every pack and large value that was sent, one at a time. What was sent before it was stopped
        is found by others as far as the store can still be told. Raises `StoreUnavailable`, `BackendError`.
        """
        self._tell, self._refused = tell, None
        if everything:
            self._bucket.bent.try_again()
            self._bucket.bent_values.try_again()
        elif not self._has_to_mend() and not self._reaper.anything_ran(execution):
            return
        presence = self._bucket.look_again()
        self._refuse_unsigned()
        self._mend()
        self._send_new(execution, presence, everything)
        if self._refused is not None:
            self._bucket.notices.tell(
                "refused",
                f"not all of the shared cache can be written, and what rests on that stays at home: {self._refused} "
                "(`redux cache push --all` sends it then)",
            )

    def _send_new(self, execution: ExecutionId, presence: Presence, everything: bool) -> None:
        relied = Relied(self._bucket, presence, self._seen)
        harvest = self._reaper.look(execution, relied, everything=everything)
        if relied.some_are_gone:
            self._mend()
            harvest = self._reaper.look(execution, relied, everything=everything)
        self._held |= harvest.held_back()
        self.sent.held = len(self._held)
        if not harvest.calls:
            return
        self._bucket.prepare()
        self.sent.of += len(harvest.calls)
        known = set(harvest.there)
        for calls in self._reaper.portions(harvest):
            known |= self._send_portion(harvest, calls, known)

    def would_send(self, execution: ExecutionId) -> bool:
        """Whether an execution has calls that `send` of everything would send. Raises `BackendError`."""
        presence = self._bucket.presence()
        if presence is None:
            return False
        return bool(self._reaper.look(execution, presence.with_calls, everything=True).calls)

    def _refuse_unsigned(self) -> None:
        """Send nothing without a key to where others come: the folder may have been made since this was begun."""
        if self._key is None and self._bucket.believing.why_not(None, time.time()) is not None:
            shown = self._bucket.objects.shown
            why = f"{shown} is not for you alone, and there is no key to sign with; `redux trust keygen` makes one"
            raise StoreUnavailable(why, shown)

    # -- mending -----------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Write anew what was found damaged or gone there, as far as it is here, and may be. Raises as `send`."""
        if not self._has_to_mend():
            return
        try:
            self._bucket.prepare()
        except StoreRefuses as error:
            self._note(error)
        self._bucket.mend_indexes()
        self._send_values(self._values_to_mend())
        for calls, harvest in Mending(self._bucket, self._signer, self._reaper).packs():
            self._send_portion(harvest, calls, harvest.named_by(calls))

    def _has_to_mend(self) -> bool:
        """Whether something was found damaged or gone that may be here."""
        bucket = self._bucket
        own = any(name.signer == self._signer for name in bucket.bent.to_mend())
        said = bucket.is_labelled_badly or bucket.indexes.bent or bucket.hidden
        return bool(own or said or self._values_to_mend())

    def _values_to_mend(self) -> list[Digest]:
        return [digest for digest in self._bucket.bent_values.to_mend() if self._store.has(digest)]

    def _note(self, error: StoreRefuses) -> None:
        """Note, to be told in the end, that something may not be written. Raises `error` where nothing may."""
        if self._bucket.objects.unwritable:
            raise error
        self._refused = error

    # -- packs -------------------------------------------------------------------------------------

    def _send_portion(self, harvest: Harvest, calls: Sequence[Digest], known: Collection[Digest]) -> set[Digest]:
        """Send some calls of a harvest, and announce them; those that others can have now."""
        records = self._reaper.records(harvest, calls)
        named = harvest.named_by(calls).intersection(known)
        gone = set(records.gone)
        sent: set[Digest] = set()
        while True:
            before = len(gone)
            offer = Offer(replace(records, gone=frozenset(gone)), named | sent)
            made: list[Header] = []
            packs = self._with_values(offer.packs(self._bucket.epoch, time.time(), self._key), gone)
            try:
                for _ in side_by_side(partial(self._put, made), packs, _PACKS_AT_ONCE):
                    pass
            except ReduxError:
                with suppress(StoreUnavailable):
                    self._announce(made)
                raise
            self._tell_left(offer)
            self._announce(made)
            sent.update(call for header in made for _, call in header.table)
            # What was to go with bytes that are gone is looked at once more without them.
            if len(gone) == before:
                return sent

    def _announce(self, made: Sequence[Header]) -> None:
        if made:
            self._bucket.announce(entry_of(header) for header in made)

    def _tell_left(self, offer: Offer) -> None:
        """Tell of calls that no pack can have: nothing sends them, now or later."""
        if any(tag.kind == "value" and tag.key == SECRET_TAG for tag in offer.records.tags):
            self._bucket.notices.tell(
                "secret",
                "calls with a secret in plain in what they are given or give stay here, with those that name them "
                f"(the values have the tag {SECRET_TAG})",
            )
        if offer.left:
            which = offer.left[0].hex()[:8]
            self._bucket.notices.tell(
                "too large",
                f"{show_count(len(offer.left), 'call')} of this run (the first is {which}) cannot be in the shared "
                "cache: with what a call is given and gives it is too large for a pack; a lower setting "
                "store.inline_limit has large values go by themselves",
            )

    def _with_values(self, packs: Iterable[Pack], gone: set[Digest]) -> Iterator[Pack]:
        """Those packs whose large values are there by now; values that are `gone` here are noted."""
        for pack in packs:
            lost = self._send_values(pack.stored)
            gone |= lost
            if not lost:
                yield pack

    def _put(self, made: list[Header], pack: Pack) -> None:
        """Have a pack in the bucket, noted in `made`; or left, where it may not be written."""
        bent = self._bucket.bent
        if bent.is_left(pack.name):
            return
        try:
            self._bucket.put(pack)
        except StoreRefuses as error:
            self._note(error)
            bent.leave(pack.name)
            return
        with self._lock:
            made.append(pack.header)
            self.sent.packs += 1
            self.sent.calls += len(pack.header.table)
            self.sent.bytes += len(pack.data)
            self._tell(self.sent)

    # -- values ------------------------------------------------------------------------------------

    def _send_values(self, wanted: Sequence[Digest]) -> frozenset[Digest]:
        """Have large values in the bucket; those that cannot be: their bytes are gone here, or others stand there."""
        lost: set[Digest] = set()
        bent = self._bucket.bent_values

        def send(digest: Digest) -> None:
            try:
                if not bent.is_left(digest):
                    self._send_value(digest)
                    return
            except StoreRefuses as error:
                self._note(error)
                bent.leave(digest)
            except ValueMissing:
                pass
            lost.add(digest)

        for _ in side_by_side(send, self._new(wanted), _VALUES_AT_ONCE):
            pass
        return frozenset(lost)

    def _new(self, wanted: Sequence[Digest]) -> Iterator[Digest]:
        return (digest for digest in wanted if digest not in self._stand)

    def _send_value(self, digest: Digest) -> None:
        size = self._store.size(digest)
        put = self._values.keep(digest, size, lambda: [self._store.get(digest)])
        with self._lock:
            self._stand.add(digest)
            if put is Put.WRITTEN:
                self.sent.values += 1
                self.sent.bytes += size
                self._tell(self.sent)
