"""A store laid over another: what is not near is brought from far, verified, and kept near."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from redux_valuestore.digest import Digest
from redux_valuestore.store import Litter, StoreUnavailable, ValueMissing, ValueOutOfReach, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

Admit = Callable[[Digest, memoryview], None]
"""Looks at bytes that came from far, and raises what the one who asked is to see, if they are not to be used."""


class Far(Protocol):
    """Where values are brought from: any `ValueStore` is one. Its bytes have the digest asked for."""

    def get(self, digest: Digest) -> memoryview:
        """The verified bytes of a value, writable. Raises `ValueMissing`, `StoreUnavailable`."""
        ...

    def has(self, digest: Digest) -> bool:
        """Whether an object stands under this digest. Raises `StoreUnavailable`."""
        ...

    def size(self, digest: Digest) -> int:
        """The object's size in bytes. Raises `ValueMissing`, `StoreUnavailable`."""
        ...


class LayeredStore(ValueStore):
    """Values of a near store, and of a far one until they are kept near too.

    Everything is put near, deleted near, and listed near. Of a far store that cannot be used `on_trouble` is told
    once; then `has` says no, and `get` and `size` raise `ValueOutOfReach`. Bytes from far are shown to `admit`
    before anybody has them.
    """

    def __init__(
        self,
        near: ValueStore,
        far: Far,
        on_trouble: Callable[[StoreUnavailable], None] | None = None,
        admit: Admit | None = None,
    ) -> None:
        self.near, self.far = near, far
        self._on_trouble, self._admit = on_trouble, admit
        self._lock = Lock()

    def get(self, digest: Digest) -> memoryview:
        try:
            return self.near.get(digest)
        except ValueMissing as missing:
            view = self._bring(digest, missing)
        if self._admit is not None:
            self._admit(digest, view)
        with suppress(StoreUnavailable):  # a full disk here is no reason to do without what has come
            self.near.put(digest, [view])
        return view

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        self.near.put(digest, chunks)

    def has(self, digest: Digest) -> bool:
        if self.near.has(digest):
            return True
        try:
            return self.far.has(digest)
        except StoreUnavailable as error:
            self._tell(error)
            return False

    def size(self, digest: Digest) -> int:
        try:
            return self.near.size(digest)
        except ValueMissing as missing:
            try:
                return self.far.size(digest)
            except ValueMissing:
                raise missing from None
            except StoreUnavailable as error:
                raise self._out_of_reach(missing, error) from None

    def _bring(self, digest: Digest, missing: ValueMissing) -> memoryview:
        try:
            return self.far.get(digest)
        except ValueMissing as absent:
            raise (missing if missing.why == "damaged" else absent) from None
        except StoreUnavailable as error:
            raise self._out_of_reach(missing, error) from None

    def _out_of_reach(self, missing: ValueMissing, error: StoreUnavailable) -> ValueOutOfReach:
        self._tell(error)
        where = f"{missing.where}, and the shared cache {error.where} cannot be reached".replace("  ", " ")
        return ValueOutOfReach(missing.digest, where, missing.why)

    def _tell(self, error: StoreUnavailable) -> None:
        with self._lock:
            tell, self._on_trouble = self._on_trouble, None
        if tell is not None:
            tell(error)

    # -- what is near's alone ----------------------------------------------------------------------

    def delete(self, digest: Digest) -> None:
        self.near.delete(digest)

    def iterate(self) -> Iterator[Digest]:
        return self.near.iterate()

    def get_value_path(self, digest: Digest) -> str:
        return self.near.get_value_path(digest)

    def look(self, first: int) -> Mapping[Digest, int]:
        return self.near.look(first)

    def age(self, digest: Digest) -> float | None:
        return self.near.age(digest)

    def is_sound(self, digest: Digest) -> bool:
        return self.near.is_sound(digest)

    def litter(self) -> Iterator[Litter]:
        return self.near.litter()

    def remove_leftovers(self, older_than: float = 86_400.0) -> int:
        return self.near.remove_leftovers(older_than)

    def put_back(self, digest: Digest, stray: Digest) -> bool:
        return self.near.put_back(digest, stray)
