"""Large values on their way between a run and its worker processes: as files that both see, or through the socket."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import cast

from redux.executors.executor import Outcome
from redux.repo import Repo
from redux.value import Encoded, decode, encode
from redux_backends.memory import MemoryBackend
from redux_backends.records import FileFact, HandleVersion, TaskFact, Traits, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore, StoreError, ValueMissing

PlainRecord = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A value on its way to a worker. Its large parts lie in `folder`; where there is none, they come along."""

    data: bytes
    folder: str | None
    parts: tuple[tuple[Digest, bytes], ...] = ()


class Exchange:
    """Where large values lie for a worker and the run both to see.

    That is the repository's own folder. Where it has none, or it cannot be written, it is a passing one; where not even
    that can be had, values cross through the socket. So a store in trouble costs no job its arguments or its result.
    """

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._changing = Lock()
        self._own = repo.store if isinstance(repo.store, LocalStore) else None
        self._passing: LocalStore | None = None
        self._no_passing = False

    @classmethod
    def seen_by_workers(cls, repo: Repo, folder: str | None) -> Exchange:
        """An exchange with workers that see this folder alone; None: they see nothing, all values cross in messages."""
        exchange = cls(repo)
        exchange._own = None if folder is None else LocalStore(folder)
        exchange._no_passing = True
        return exchange

    def hand_over(self, value: object) -> Parcel:
        """A value, its large parts put where the other side finds them. Raises CannotEncode."""
        encoded = encode(value)
        data = b"".join(encoded.chunks)
        while (place := self._place()) is not None:
            try:
                _put_parts(place, encoded)
                return Parcel(data, place.root)
            except (StoreError, OSError):
                # Values that should be kept are kept by the recorder, which meets the same trouble and tells it.
                self._give_up(place)
        return Parcel(data, None, tuple(_parts(encoded)))

    def take_in(self, started: float, ended: float, plain: Sequence[PlainRecord], folder: str | None) -> Outcome:
        """The outcome of a job whose result a worker stored below `folder`, brought into the repository.

        Raises CannotDecode.
        """
        records = tuple(_record(fields) for fields in plain)
        root = records[-1]
        encoded = Encoded(root.hash, (), root.size, root.type_name, root.traits, root.files, root.tasks)
        inline = {record.hash: record.data for record in records if record.data is not None}

        def fetch(digest: Digest) -> memoryview:
            data = inline.get(digest)
            if data is not None:
                return memoryview(data)
            if folder is None:
                raise ValueMissing(digest, "what a worker process sent")
            return LocalStore(folder).get(digest)

        try:
            kept = tuple(self._adopt(record, folder) for record in records)
        except (StoreError, OSError) as error:
            trouble = error if isinstance(error, ReduxError) else StoreError(str(error))
            return Outcome(started, ended, decode(fetch(root.hash), fetch), encoded=encoded, trouble=trouble)
        if root.traits & Traits.EXPRESSIONS:
            return Outcome(started, ended, decode(fetch(root.hash), fetch), encoded=encoded, records=kept)
        return Outcome(started, ended, absent=True, encoded=encoded, records=kept)

    def close(self) -> None:
        """Remove what was only passing through."""
        if self._passing is not None:
            shutil.rmtree(self._passing.root, ignore_errors=True)

    def _adopt(self, record: ValueRecord, folder: str | None) -> ValueRecord:
        if record.data is None:
            own = self._repo.store
            if folder is not None and not (isinstance(own, LocalStore) and own.root == folder):
                own.put(record.hash, (LocalStore(folder).get(record.hash),))
            return record
        if record.size <= self._repo.inline_limit:
            return record
        self._repo.store.put(record.hash, (record.data,))
        return replace(record, data=None)

    def _place(self) -> LocalStore | None:
        with self._changing:
            if self._own is not None:
                return self._own
            if self._passing is None and not self._no_passing:
                try:
                    self._passing = LocalStore(tempfile.mkdtemp(prefix="redux-exchange-"))
                except OSError:
                    self._no_passing = True
            return None if self._no_passing else self._passing

    def _give_up(self, place: LocalStore) -> None:
        with self._changing:
            if place is self._own:
                self._own = None
            elif place is self._passing:
                self._no_passing = True


def plain_records(outcome: Outcome) -> list[PlainRecord]:
    """A good outcome's records as a message; what a store in trouble did not take goes along."""
    records: Sequence[ValueRecord] = outcome.records
    if outcome.trouble is not None:
        assert outcome.encoded is not None
        records = Repo(MemoryBackend(), MemoryStore(), sys.maxsize).keep(outcome.encoded, outcome.value)
    return [_plain_record(record) for record in records]


def _put_parts(place: LocalStore, encoded: Encoded) -> None:
    for part in encoded.subvalues:
        _put_parts(place, part)
        place.put(part.hash, part.chunks)


def _parts(encoded: Encoded) -> list[tuple[Digest, bytes]]:
    parts: list[tuple[Digest, bytes]] = []
    for part in encoded.subvalues:
        parts += [*_parts(part), (part.hash, b"".join(part.chunks))]
    return parts


def _plain_record(record: ValueRecord) -> PlainRecord:
    return (
        record.hash, record.type_name, record.size, record.data, record.preview, int(record.traits),
        [(fact.path, fact.content) for fact in record.files],
        record.subvalues,
        [(fact.fullname, fact.task_hash) for fact in record.tasks],
        [(version.hash, version.name, version.parents) for version in record.handles],
    )  # fmt: skip


def _record(fields: PlainRecord) -> ValueRecord:
    digest, type_name, size, data, preview, traits, files, subvalues, tasks, handles = fields
    return ValueRecord(
        Digest(cast(bytes, digest)),
        cast(str, type_name),
        cast(int, size),
        cast("bytes | None", data),
        cast(str, preview),
        Traits(cast(int, traits)),
        tuple(FileFact(*fact) for fact in cast("tuple[tuple[str, Digest | None], ...]", files)),
        cast("tuple[Digest, ...]", subvalues),
        tuple(TaskFact(*fact) for fact in cast("tuple[tuple[str, Digest], ...]", tasks)),
        tuple(HandleVersion(*one) for one in cast("tuple[tuple[Digest, str, tuple[Digest, ...]], ...]", handles)),
    )
