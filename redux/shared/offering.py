"""Which finished calls of a history are offered to others, and in which packs: equal work makes equal packs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from redux.secrets import SECRET_TAG
from redux.shared.pack import Pack, make_pack
from redux.shared.records_code import shareable
from redux.shared.selecting import Shelf
from redux.shared.trouble import PackTooLarge
from redux_backends.exchange import Records, has_its_bytes
from redux_backends.records import Seconds, Traits
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from redux.trust.keys import SigningKey

CALLS_A_PACK = 1_000
"""How many calls go into one pack."""

_OF_NO_USE = Traits.ERROR | Traits.EXPRESSIONS
"""What a result holds that nobody else could take as one."""


@dataclass(slots=True)
class Offer:
    """The `calls` of some records that are worth sending, sorted, but for those that are `there` already.

    A call is worth it if it came to a result that others can have, and all calls that it names are offered or there.
    `left` are those that were found too large for any pack while packs were made.
    """

    records: Records
    there: Collection[Digest] = frozenset()
    calls: tuple[Digest, ...] = field(init=False)
    left: list[Digest] = field(init=False, default_factory=list[Digest])
    _shelf: Shelf = field(init=False)
    _known: frozenset[Digest] = field(init=False)
    _places: dict[Digest, int] = field(init=False)
    """of each call, after those that it names"""

    def __post_init__(self) -> None:
        self._shelf = Shelf()
        self._shelf.add(_worth_it(self.records))
        seeds = [record.call.call_hash for record in self.records.calls if record.call.call_hash not in self.there]
        whole, _ = self._shelf.whole_calls(seeds, self.there)
        self._places = {call: place for place, call in enumerate(whole)}
        self._known = frozenset(whole).union(self.there)
        self.calls = tuple(sorted(whole))

    def packs(self, epoch: int, made: Seconds, key: SigningKey | None) -> Iterator[Pack]:
        """The packs of them; None for a key leaves them unsigned."""
        for start in range(0, len(self.calls), CALLS_A_PACK):
            yield from self._packed(self.calls[start : start + CALLS_A_PACK], epoch, made, key)

    def _packed(self, calls: Sequence[Digest], epoch: int, made: Seconds, key: SigningKey | None) -> Iterator[Pack]:
        ordered = sorted(calls, key=self._places.__getitem__)
        try:
            yield make_pack(self._shelf.records_of(ordered, self._known), epoch, made, key)
        except PackTooLarge:
            if len(calls) == 1:
                self.left.extend(calls)
                return
            half = len(calls) // 2
            yield from self._packed(calls[:half], epoch, made, key)
            yield from self._packed(calls[half:], epoch, made, key)


def _worth_it(records: Records) -> Records:
    """The same without what may not be shared, and without calls that came to no result that others can have."""
    private = {tag.entity for tag in records.tags if tag.kind == "value" and tag.key == SECRET_TAG}
    sound = [value for value in records.values if has_its_bytes(value) and value.hash not in private]
    records = shareable(replace(records, values=sound))
    useless = {value.hash for value in records.values if value.traits & _OF_NO_USE} | records.gone
    return replace(records, calls=[each for each in records.calls if each.call.result not in useless])
