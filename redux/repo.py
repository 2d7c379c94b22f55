"""A repository: a backend for records, a value store for large bytes, and the way values go in and come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from redux.border import Admission
from redux.serializers.foreign import cautious
from redux.settings.layers import SharedSettings
from redux.value import CannotDecode, Encoded, Noted, decode, preview
from redux_backends.backend import Backend
from redux_backends.records import ExecutionId, Place, StoredValue, Traits, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import ValueMissing, ValueOutOfReach, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

INLINE_LIMIT = 16 * 1024
"""Bytes up to which a value lives in the database."""

OWN = Admission(pickles=True)
"""What values may do in a database that only its owner writes."""

_PLAIN = Traits.PLAIN


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A shared cache as its `settings` say, and the folder, `home`, that keeps what is known of it here.

    `database` is the URL of the repository's own, as settings name it.
    """

    settings: SharedSettings
    home: str
    database: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where another process finds a repository, as `open_repo` takes it: its `database` and its `store`.

    Paths in them are absolute. Values of up to `inline_limit` bytes are in the database. `password_command` gives the
    password of one on a server. `admission` says what its values may do when they are decoded. `shared` is the cache
    that it has in common with others.
    """

    database: str
    store: str
    inline_limit: int
    password_command: str | None = None
    admission: Admission = OWN
    shared: SharedPlace | None = None


class Shared(Protocol):
    """A cache that several repositories share, as a run uses it. Whatever is wrong with it costs no run its result."""

    def bring(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        """Those of these evaluations that were found there, and are in the repository now."""
        ...

    def refused(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Those of these evaluations, not brought, that are there with results which may not be decoded here."""
        ...

    def choose_sample(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Those of these evaluations, all known, that are to be made again, to see that they give what others say."""
        ...

    def begin(self, execution: ExecutionId) -> None:
        """An execution began: what it makes is sent there beside it."""
        ...

    def end(self, execution: ExecutionId) -> None:
        """An execution ended, and all of it is recorded."""
        ...

    def wait(self, tell: Callable[[str], None]) -> None:
        """Wait for what is being sent, not longer than the settings say; what is left is sent another time.

        `tell` is told now and then how far it is.
        """
        ...

    def close(self) -> None:
        """Wait likewise, where nobody did, and let go."""
        ...


class Repo:
    """Values by their hash, wherever their bytes are, and the `backend` that knows the calls they came from.

    Values of up to `inline_limit` bytes are in the backend, larger ones in the `store`. `admission` says what values
    may do when they are decoded; those marked as foreign may only what it allows by name. `address` is None where other
    processes cannot come to it. `shared` is the cache that it has in common with others, if any.
    """

    def __init__(
        self, backend: Backend, store: ValueStore, inline_limit: int = INLINE_LIMIT, admission: Admission = OWN
    ) -> None:
        self.backend = backend
        self.store = store
        self.inline_limit = inline_limit
        self.admission = admission
        self.address: Address | None = None
        self.shared: Shared | None = None
        self.closing = ExitStack()
        """what else is let go of with this"""
        self._refused: set[Digest] = set()

    def close(self) -> None:
        """Let go of the shared cache and of the database."""
        if self.shared is not None:
            self.shared.close()
        self.closing.close()
        self.backend.close()

    def keep(self, encoded: Encoded, value: object, shown: str | None = None) -> list[ValueRecord]:
        """The records of a `value`, `encoded`, and of values inside it, parts first; the store has large bytes by then.

        It is `shown` so, else by its preview.

        Raises `StoreUnavailable`.
        """
        return self._keep(encoded, preview(value) if shown is None else shown)

    def _keep(self, encoded: Encoded, shown: str) -> list[ValueRecord]:
        records: list[ValueRecord] = []
        if self._refused:
            self.adopt(encoded.hash)
        for part in encoded.subvalues:
            records += self._keep(part, part.type_name)
        data: bytes | None = None
        if encoded.size <= self.inline_limit:
            data = bytes(encoded.chunks[0]) if len(encoded.chunks) == 1 else b"".join(encoded.chunks)
        else:
            self.store.put(encoded.hash, encoded.chunks)
        records.append(
            ValueRecord(
                encoded.hash,
                encoded.type_name,
                encoded.size,
                data,
                shown,
                encoded.traits,
                encoded.files,
                tuple(part.hash for part in encoded.subvalues),
                encoded.tasks,
                encoded.handles,
            )
        )
        return records

    def fetch(self, stored: StoredValue) -> Buffer:
        """The verified bytes of a value.

        Raises `ValueMissing` where they are gone or damaged; the backend is told, so that recording the value again
        brings it back. It is not told where they are only out of reach (`ValueOutOfReach`).
        """
        if stored.place is Place.STORE:
            return self._fetch_from_store(stored.hash)
        if stored.place is Place.INLINE and stored.data is not None and digest_bytes(stored.data) == stored.hash:
            return stored.data
        self.backend.forget_value(stored.hash)
        raise ValueMissing(stored.hash, "the database", "damaged" if stored.data is not None else "gone")

    def _fetch_from_store(self, digest: Digest) -> Buffer:
        try:
            return self.store.get(digest)
        except ValueOutOfReach:
            raise
        except ValueMissing:
            self.backend.forget_value(digest)
            raise

    def fetch_by_hash(self, digest: Digest) -> Buffer:
        """The verified bytes of a value known by its hash alone. Raises `ValueMissing`."""
        stored = self.backend.get_value(digest)
        if stored is None:
            raise ValueMissing(digest, "the database", "unknown")
        return self.fetch(stored)

    def load(self, stored: StoredValue, noted: Noted | None = None) -> object:
        """The value that was `stored`; what has a say in its validity goes into `noted`.

        Raises `ValueMissing`, `CannotDecode`.
        """
        return self.build(stored, self.fetch(stored), noted)

    def build(self, stored: StoredValue, data: Buffer, noted: Noted | None = None) -> object:
        """The value that was `stored`, of its verified bytes, `data`; `noted` as for `load`.

        Raises `ValueMissing` for a part, `CannotDecode`.
        """
        if not self.is_foreign(stored.traits):
            return decode(data, self.fetch_by_hash, noted)
        try:
            with cautious(self.admission.caution(data, stored.traits)):
                return decode(data, self.fetch_by_hash, noted)
        except CannotDecode:
            self.refuse(stored.hash)
            raise

    def is_foreign(self, traits: Traits) -> bool:
        """Whether a value whose record has these `traits` is decoded, and its files looked at, with caution."""
        return not self.admission.pickles or (traits is not _PLAIN and bool(traits & Traits.FOREIGN))

    def refuse(self, digest: Digest) -> None:
        """Note that a value is not used, by its `digest`, since it is foreign: once it is made here it is one's own."""
        self._refused.add(digest)

    def adopt(self, digest: Digest) -> None:
        """Note that a value was made here, by its `digest`: where it was refused as foreign, it is one's own now."""
        if digest in self._refused:
            self._refused.discard(digest)
            self.backend.adopt_value(digest)


def open_repo(
    db_url: str,
    store_location: str,
    inline_limit: int = INLINE_LIMIT,
    password_command: str | None = None,
    *,
    upgrades: bool = True,
    writes: bool = True,
    admission: Admission = OWN,
) -> Repo:
    """The repository at a database's URL, `db_url`, and a `store_location` (a folder or an fsspec URL), loaded.

    Values of up to `inline_limit` bytes go to the database. `password_command` gives the password of one on a server,
    where its URL has none. Without `upgrades` an older SQLite file stays as it is, and is read from a copy; without
    `writes` one is only read, and no file is made beside it. `admission` says what its values may do when they are
    decoded.

    Raises `BackendError` and `StoreError`, each naming what cannot be opened.
    """
    from redux_backends.sql import open_backend  # noqa: PLC0415 - SQL only when a database is opened
    from redux_valuestore.sharded import open_store  # noqa: PLC0415 - and fsspec only for remote stores

    backend = open_backend(db_url, password_command, upgrades=upgrades, writes=writes)
    backend.load()
    repo = Repo(backend, open_store(store_location), inline_limit, admission)
    path, (scheme, separator, _) = getattr(backend, "path", None), store_location.partition("://")
    database = db_url if path is None else f"sqlite:///{path}"
    if database != "sqlite:///:memory:" and scheme != "memory":
        location = store_location if separator else os.path.abspath(store_location)
        repo.address = Address(database, location, inline_limit, password_command, admission)
    return repo
