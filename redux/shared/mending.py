"""Mending: packs that were found damaged in a shared cache are made anew by who signed them, under the same name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from redux.shared.bucket import Bucket
from redux.shared.harvest import Harvest, Reaper
from redux.shared.index import PREFIX, PackEntry
from redux.shared.pack import digest_of_calls
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Mending:
    """Finds what was in packs of one `signer` that are damaged or gone, by what the indexes say of them.

    Those of others are theirs to make anew: only the same signer makes a pack of the same name.
    """

    bucket: Bucket
    signer: str
    reaper: Reaper

    def packs(self) -> Iterator[tuple[list[Digest], Harvest]]:
        """The calls of each pack that can be made anew, with what goes with them; the others are left.

        Indexes may lie: calls are those of a pack if they make its name. Raises `BackendError`.
        """
        bent = self.bucket.bent
        names = {name for name in bent.to_mend() if name.signer == self.signer}
        said = [entry for entry in self.bucket.indexes.packs if entry.name in names] if names else []
        for name in names.difference(entry.name for entry in said):
            bent.discard(name)  # nobody is told of it, so nobody misses it
        for entry in said:
            calls = self._calls_of(entry)
            if entry.name in bent.to_mend() and calls is not None:
                harvest = self.reaper.look_at(calls)
                if len(harvest.calls) == len(calls):
                    yield calls, harvest
        for name in names.intersection(bent.to_mend()):
            bent.leave(name)

    def _calls_of(self, entry: PackEntry) -> list[Digest] | None:
        """The calls of a pack, None where they are not all here."""
        calls: list[Digest] = []
        for at in range(0, len(entry.calls), PREFIX):
            call = self.reaper.find_call(entry.calls[at : at + PREFIX])
            if call is None:
                return None
            calls.append(call)
        calls.sort()
        of_name = digest_of_calls(self.bucket.epoch, [(call, call) for call in calls])
        return calls if of_name == entry.name.digest else None
