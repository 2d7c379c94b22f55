"""What differs inside the values that a call gave then and gives now, of which only the first is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from redux.explain.differences import Inside
from redux.explain.looking import Looking
from redux.repo import Repo
from redux.twice.comparing import Again
from redux_backends.backend import Backend
from redux_backends.records import Place, StoredValue, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.store import ValueMissing, ValueStore

if TYPE_CHECKING:
    from redux_valuestore.buffers import Buffer


def look_inside(repo: Repo, again: Again, store: ValueStore) -> Inside:
    """Where what a call gave now differs from what it gave before; `store` has what is large of it.

    Raises BackendError.
    """
    given = {record.hash: record for record in again.outcome.records}
    if not given:
        return Inside()
    looking = Looking(cast(Backend, _Given(repo.backend, given)), cast(ValueStore, _Both(store, repo.store)))
    return looking.inside(again.call.result.hash, again.outcome.records[-1].hash)


class _Given:
    """Values as they are recorded, and those of one call that are not."""

    def __init__(self, backend: Backend, given: Mapping[Digest, ValueRecord]) -> None:
        self._backend = backend
        self._given = given

    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        found = dict(self._backend.get_values([value for value in values if value not in self._given]))
        for record in (self._given[value] for value in values if value in self._given):
            place = Place.STORE if record.data is None else Place.INLINE
            found[record.hash] = StoredValue(record.hash, record.data, place, record.traits)
        return found


class _Both:
    """Two stores: what is not in the first is in the second."""

    def __init__(self, first: ValueStore, second: ValueStore) -> None:
        self._first = first
        self._second = second

    def get(self, digest: Digest) -> Buffer:
        try:
            return self._first.get(digest)
        except ValueMissing:
            return self._second.get(digest)

    def size(self, digest: Digest) -> int:
        return (self._first if self._first.has(digest) else self._second).size(digest)
