"""What a value store is: bytes by their digest, verified at every read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    from typing_extensions import Buffer


class StoreError(ReduxError):
    """The value store could not do what was asked."""

    exit_code = 4


class ValueMissing(StoreError):
    """The store has no sound object for this digest: it was never put, was deleted, or was damaged and set aside."""

    def __init__(self, digest: Digest, where: str, why: str = "not there") -> None:
        self.digest, self.where, self.why = digest, where, why
        super().__init__(f"value {digest.hex()[:16]} is {why} in {where}; the call that made it will run again")


class StoreUnavailable(StoreError):
    """The store cannot be written or reached: full disk, read-only folder, lost connection."""


class ValueStore(ABC):
    """Bytes by their digest. Every method may be called from any thread.

    `put` is idempotent and atomic: an object is whole under its name or not there. `get` never returns bytes that
    do not have the digest asked for: a damaged object is set aside and reported as `ValueMissing`.
    """

    @abstractmethod
    def get(self, digest: Digest) -> memoryview:
        """The verified bytes of a value, memory-mapped (copy on write) where the store can.

        Raises `ValueMissing`, `StoreUnavailable`.
        """

    @abstractmethod
    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        """Store the concatenation of `chunks`, whose digest the caller has computed; durable when it returns.

        Raises `StoreUnavailable`; nothing is left under the digest's name then.
        """

    @abstractmethod
    def has(self, digest: Digest) -> bool:
        """Whether an object stands under this digest (its bytes are not read)."""

    @abstractmethod
    def size(self, digest: Digest) -> int:
        """The object's size in bytes. Raises `ValueMissing`."""

    @abstractmethod
    def delete(self, digest: Digest) -> None:
        """Remove an object; one that isn't there is no error."""

    @abstractmethod
    def iterate(self) -> Iterator[Digest]:
        """The digests of all objects, in no particular order."""

    @abstractmethod
    def get_value_path(self, digest: Digest) -> str:
        """The path or URL under which an object of this digest is or would be kept."""
