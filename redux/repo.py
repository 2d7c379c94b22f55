"""A repository: a backend for records, a value store for large bytes, and the way values go in and come out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redux.value import Encoded, Noted, decode, preview
from redux_backends.backend import Backend
from redux_backends.records import Place, StoredValue, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import ValueMissing, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

INLINE_LIMIT = 16 * 1024
"""Bytes up to which a value lives in the database."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where another process finds a repository, as `open_repo` takes it: its `database` and its `store`.

    Paths in them are absolute. Values of up to `inline_limit` bytes are in the database. `password_command` gives the
    password of one on a server.
    """

    database: str
    store: str
    inline_limit: int
    password_command: str | None = None


class Repo:
    """Values by their hash, wherever their bytes are, and the `backend` that knows the calls they came from.

    Values of up to `inline_limit` bytes are in the backend, larger ones in the `store`. `address` is None where other
    processes cannot come to it.
    """

    def __init__(self, backend: Backend, store: ValueStore, inline_limit: int = INLINE_LIMIT) -> None:
        self.backend = backend
        self.store = store
        self.inline_limit = inline_limit
        self.address: Address | None = None

    def close(self) -> None:
        """Let go of the database."""
        self.backend.close()

    def keep(self, encoded: Encoded, value: object) -> list[ValueRecord]:
        """The records of a `value`, `encoded`, and of values inside it, parts first; the store has large bytes by then.

        Raises `StoreUnavailable`.
        """
        return self._keep(encoded, preview(value))

    def _keep(self, encoded: Encoded, shown: str) -> list[ValueRecord]:
        records: list[ValueRecord] = []
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
        brings it back.
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
        return decode(self.fetch(stored), self.fetch_by_hash, noted)


def open_repo(
    db_url: str,
    store_location: str,
    inline_limit: int = INLINE_LIMIT,
    password_command: str | None = None,
    *,
    upgrades: bool = True,
    writes: bool = True,
) -> Repo:
    """The repository at a database's URL, `db_url`, and a `store_location` (a folder or an fsspec URL), loaded.

    Values of up to `inline_limit` bytes go to the database. `password_command` gives the password of one on a server,
    where its URL has none. Without `upgrades` an older SQLite file stays as it is, and is read from a copy; without
    `writes` one is only read, and no file is made beside it.

    Raises `BackendError` and `StoreError`, each naming what cannot be opened.
    """
    from redux_backends.sql import open_backend  # noqa: PLC0415 - SQL only when a database is opened
    from redux_valuestore.sharded import open_store  # noqa: PLC0415 - and fsspec only for remote stores

    backend = open_backend(db_url, password_command, upgrades=upgrades, writes=writes)
    backend.load()
    repo = Repo(backend, open_store(store_location), inline_limit)
    path, (scheme, separator, _) = getattr(backend, "path", None), store_location.partition("://")
    database = db_url if path is None else f"sqlite:///{path}"
    if database != "sqlite:///:memory:" and scheme != "memory":
        location = store_location if separator else os.path.abspath(store_location)
        repo.address = Address(database, location, inline_limit, password_command)
    return repo
