"""Large values of a shared cache: they stay there until somebody needs their bytes."""

from __future__ import annotations

from redux.border import Admission
from redux.repo import Repo
from redux.shared.bucket import Bucket
from redux.shared.notices import PASSED_OVER
from redux_backends.backend import Backend
from redux_backends.records import Traits
from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import Digest
from redux_valuestore.layered import LayeredStore
from redux_valuestore.store import StoreUnavailable, ValueMissing, ValueStore


class SizedValues:
    """The values of a shared cache, of which none is read that has not the size that the `backend` knows it to have."""

    def __init__(self, values: BucketValues, backend: Backend) -> None:
        self._values = values
        self._backend = backend

    def get(self, digest: Digest) -> memoryview:
        """The bytes of a value. Raises `ValueMissing`, `StoreUnavailable`."""
        record = self._backend.describe_values([digest]).get(digest)
        return self._values.get(digest, None if record is None else record.size)

    def has(self, digest: Digest) -> bool:
        """Whether a value is there. Raises `StoreUnavailable`."""
        return self._values.has(digest)

    def size(self, digest: Digest) -> int:
        """A value's size in bytes. Raises `ValueMissing`, `StoreUnavailable`."""
        return self._values.size(digest)


class FarValues(SizedValues):
    """The values of a `bucket` as a repository has them below its own: judged as they come, told of if they do not."""

    def __init__(self, repo: Repo, values: BucketValues, bucket: Bucket) -> None:
        super().__init__(values, repo.backend)
        self._repo = repo
        self._bucket = bucket

    def over(self, near: ValueStore) -> LayeredStore:
        """The store `near` with these below it."""
        return LayeredStore(near, self, self._lost, self._admit)

    def get(self, digest: Digest) -> memoryview:
        """The bytes of a value. Raises `ValueMissing`, told of once if it should be there; `StoreUnavailable`."""
        try:
            return super().get(digest)
        except ValueMissing as error:
            if digest in self._bucket.bent_values or self._should_be_there(digest):
                self._bucket.bent_values.add(digest)
                self._bucket.notices.tell(PASSED_OVER, f"a result of the shared cache is made anew: {error}")
            raise

    def _should_be_there(self, digest: Digest) -> bool:
        """Whether the shared cache has a call with this value: one that stayed at home was never there."""
        presence = self._bucket.presence()
        if presence is None:
            return False
        backend, fresh, seen = self._repo.backend, {digest}, set[Digest]()
        while fresh:
            values = sorted(fresh)
            for found in (*backend.makers_of(values).values(), *backend.users_of(values).values()):
                if presence.with_calls(found):
                    return True
            seen |= fresh
            fresh = {each for found in backend.containers_of(values).values() for each in found} - seen
        return False

    def _lost(self, error: StoreUnavailable) -> None:
        self._bucket.leave_unused(str(error))

    def _admit(self, digest: Digest, view: memoryview) -> None:
        """Judge bytes that came, if those have no trust who said that they are a value. Raises `NotAdmitted`."""
        stored = self._repo.backend.get_value(digest)
        if stored is not None and stored.traits & Traits.FOREIGN:
            Admission(allow=self._repo.admission.allow).admit(view, stored.traits)
