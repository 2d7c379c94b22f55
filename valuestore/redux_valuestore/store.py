"""What a value store is: bytes by their digest, verified at every read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from redux_valuestore.digest import Digest, check_digest, digest_view
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen
from redux_valuestore.urls import without_login_and_query, without_password, without_password_of

if TYPE_CHECKING:
    from typing_extensions import Buffer


class StoreError(ReduxError):
    """The value store could not do what was asked."""

    exit_code = 4


class ValueMissing(StoreError):
    """The store `where` has no sound object for a digest: never put, deleted, or damaged and set aside (`why`)."""

    def __init__(self, digest: Digest, where: str, why: str = "not there") -> None:
        self.digest, self.where, self.why = digest, without_password(where), why
        super().__init__(f"value {digest.hex()[:16]} is {why} in {self.where}; the call that made it will run again")


class ValueOutOfReach(ValueMissing):
    """A value is not near, and the far store that may have it cannot be asked now: it is not to be forgotten."""


class StoreUnavailable(StoreError):
    """The store at `where` cannot be written or reached, as `message` says: full disk, read-only, lost connection."""

    def __init__(self, message: str, where: str = "") -> None:
        self.where = without_password(where)
        super().__init__(without_password_of(where, message) if where else message)


class StoreRefuses(StoreUnavailable):
    """The store at `where` does not let this user do that: credentials, rights, a place that can only be read."""


class ObjectTooLarge(StoreError):
    """The object `name` of the store at `where` has more than `limit` bytes: it was not read."""

    def __init__(self, name: str, where: str, limit: int) -> None:
        self.name, self.where, self.limit = name, without_login_and_query(where), limit
        super().__init__(
            f"{self.where}/{name} has more than the {limit:,} bytes that such an object may have, and was not read; "
            "find out who has put it there"
        )


@frozen
class Litter:
    """What lies in a store and is no object: `kind` is leftover, set aside or foreign; `path` says where.

    `size` is in bytes, `age` in seconds, if known.
    """

    kind: str
    path: str
    size: int
    age: float | None = None


class ValueStore(ABC):
    """Bytes by their digest. Every method may be called from any thread.

    `put` is idempotent and atomic: an object is whole under its name or not there. `get` never returns bytes
    that do not have the digest asked for: a damaged object is set aside and reported as `ValueMissing`. The
    bytes it returns can be written to, and nobody else sees that. What is not a digest raises `NotADigest`,
    before any name is made of it.
    """

    @abstractmethod
    def get(self, digest: Digest) -> memoryview:
        """The verified bytes of a value, memory-mapped (copy on write) where the store can.

        Raises `ValueMissing`, `StoreUnavailable`.
        """

    @abstractmethod
    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        """Store the concatenation of `chunks`, whose digest the caller has computed; durable when it returns.

        A sound object already there is kept, a damaged one replaced. Raises `StoreUnavailable`; under the
        digest's name there is a whole object then, or none.
        """

    @abstractmethod
    def has(self, digest: Digest) -> bool:
        """Whether an object stands under this digest (its bytes are not read). Raises `StoreUnavailable`."""

    @abstractmethod
    def size(self, digest: Digest) -> int:
        """The object's size in bytes (they are not read). Raises `ValueMissing`, `StoreUnavailable`."""

    @abstractmethod
    def delete(self, digest: Digest) -> None:
        """Remove an object; one that isn't there is no error. Raises `StoreUnavailable`."""

    @abstractmethod
    def iterate(self) -> Iterator[Digest]:
        """The digests of all objects, in no particular order; whatever else lies there is passed over."""

    @abstractmethod
    def get_value_path(self, digest: Digest) -> str:
        """The path or URL under which an object of this digest is or would be kept."""

    # -- looked at as a whole ----------------------------------------------------------------------

    def look(self, first: int) -> Mapping[Digest, int]:
        """The objects whose digest has this first byte, with their sizes; -1 is what cannot be one, such as a folder.

        Raises `StoreUnavailable`.
        """
        return {digest: self.size(digest) for digest in self.iterate() if digest[0] == first}

    def age(self, digest: Digest) -> float | None:
        """The seconds since an object was put; None where it is not there, or the store does not know."""
        return None

    def is_sound(self, digest: Digest) -> bool:
        """Whether the bytes under a digest have it; they are read, and stay where they are.

        Raises `StoreUnavailable`.
        """
        try:
            self.get(digest)
        except ValueMissing:
            return False
        return True

    def litter(self) -> Iterator[Litter]:
        """What else lies there: files of writers that died, damaged objects set aside, what nobody here has put."""
        return iter(())

    def remove_leftovers(self, older_than: float = 86_400.0) -> int:
        """How many files of writers that died were removed: half-written ones, not touched for so many seconds.

        Raises `StoreUnavailable`.
        """
        return 0

    def put_back(self, digest: Digest, stray: Digest) -> bool:
        """Give the bytes that lie under `stray` their own name, if they have this digest; whether that was done.

        Raises `StoreUnavailable`.
        """
        return False


class MemoryStore(ValueStore):
    """Values in a dict, for as long as the process lives."""

    def __init__(self) -> None:
        self.objects: dict[Digest, bytes] = {}

    def get(self, digest: Digest) -> memoryview:
        kept = self._view(digest)
        if kept is None:
            raise ValueMissing(digest, "memory")
        view = memoryview(bytearray(kept))
        if digest_view(view) != digest:
            self.objects.pop(digest, None)
            raise ValueMissing(digest, "memory", "damaged")
        return view

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        view = self._view(digest)
        if view is None or digest_view(view) != digest:
            self.objects[digest] = b"".join(chunks)

    def has(self, digest: Digest) -> bool:
        return self._view(digest) is not None

    def size(self, digest: Digest) -> int:
        view = self._view(digest)
        if view is None:
            raise ValueMissing(digest, "memory")
        return view.nbytes

    def delete(self, digest: Digest) -> None:
        self.objects.pop(check_digest(digest), None)

    def iterate(self) -> Iterator[Digest]:
        return iter(tuple(self.objects))

    def get_value_path(self, digest: Digest) -> str:
        return f"memory:{check_digest(digest).hex()}"

    def is_sound(self, digest: Digest) -> bool:
        view = self._view(digest)
        return view is not None and digest_view(view) == digest

    def put_back(self, digest: Digest, stray: Digest) -> bool:
        view = self._view(stray)
        if view is None or digest_view(view) != digest:
            return False
        self.objects[digest] = self.objects.pop(stray)
        return True

    def _view(self, digest: Digest) -> memoryview | None:
        data = self.objects.get(check_digest(digest))
        return None if data is None else memoryview(data)
