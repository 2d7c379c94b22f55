"""Which calls need not be sent: an index says where they are, and there is something there."""

from __future__ import annotations

from collections.abc import Collection

from redux.shared.bucket import Bucket
from redux.shared.layout import PackName
from redux.shared.presence import Presence, fewest
from redux_valuestore.digest import Digest
from redux_valuestore.objects import AT_ONCE
from redux_valuestore.side_by_side import side_by_side

MOST = 256
"""Packs that are looked for in one run; those with the most of what is relied on come first, and of the others the
indexes are believed."""


class Relied:
    """The calls that a `presence` says are there, in packs that are, each looked for once; `seen` are those so far.

    Who only writes reads nothing, and would rely for ever on a pack that was lost.
    """

    def __init__(self, bucket: Bucket, presence: Presence, seen: set[PackName]) -> None:
        self._bucket = bucket
        self._presence = presence
        self._seen = seen
        self.some_are_gone = False

    def __call__(self, calls: Collection[Digest]) -> set[Digest]:
        """Those of some calls that are there. Raises `StoreUnavailable`."""
        found = self._presence.with_calls(calls)
        while True:
            bent = self._bucket.bent
            sound = {call: [pack for pack in packs if pack.name not in bent] for call, packs in found.items()}
            found = {call: packs for call, packs in sound.items() if packs}
            unseen = fewest(found, self._seen)[: max(0, MOST - len(self._seen))]
            if not unseen:
                return set(found)
            self._look_for(unseen)

    def _look_for(self, names: Collection[PackName]) -> None:
        def look(name: PackName) -> tuple[PackName, bool]:
            return name, self._bucket.objects.exists(name.path)

        for name, stands in side_by_side(look, names, AT_ONCE):
            self._seen.add(name)
            if not stands:
                self._bucket.bent.add(name)
                self.some_are_gone = True
