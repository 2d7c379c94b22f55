"""Large values on their way between a run and its worker processes: as files that both see, or through the socket."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, cast

from redux.executors.executor import Outcome
from redux.repo import Repo
from redux.serializers.secrets import mark_of, opened
from redux.value import Encoded, Secret, decode, encode
from redux_backends.memory import MemoryBackend
from redux_backends.records import FileFact, HandleVersion, TaskFact, Traits, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.layered import LayeredStore
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore, StoreError, ValueMissing, ValueStore

PlainRecord = tuple[object, ...]
PlainSecret = tuple[bytes, bytes, tuple[tuple[Digest, bytes], ...]]
"""The keyed hash of a secret, its content as bytes, and the large parts of that."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A value on its way to a worker. Its large parts lie in `folder`; where there is none, they come along."""

    data: bytes
    folder: str | None
    parts: tuple[tuple[Digest, bytes], ...] = ()
    contents: tuple[PlainSecret, ...] = ()
    """what the secrets in it say: nowhere but in the message (a container's is a file of 0600, gone once it is read)"""


class Exchange:
    """Where large values lie for a worker and the run both to see.

    That is the repository's own folder. Where it has none, or it cannot be written, it is a passing one; where not even
    that can be had, values cross through the socket. So a store in trouble costs no job its arguments or its result.
    """

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._changing = Lock()
        self._own = _folder_of(repo.store)
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
        contents = plain_secrets(encoded)
        while (place := self._place()) is not None:
            try:
                _put_parts(place, encoded)
                return Parcel(data, place.root, (), contents)
            except (StoreError, OSError):
                # Values that should be kept are kept by the recorder, which meets the same trouble and tells it.
                self._give_up(place)
        return Parcel(data, None, tuple(_parts(encoded)), contents)

    def take_in(
        self, started: float, ended: float, plain: Sequence[PlainRecord], folder: str | None,
        contents: Iterable[PlainSecret] = (),
    ) -> Outcome:  # fmt: skip
        """The outcome of a job whose result a worker stored below `folder`, brought into the repository.

        `contents` are of secrets that the calls in it are given.

        Raises CannotDecode.
        """
        records = tuple(_record(fields) for fields in plain)
        root = records[-1]
        encoded = Encoded(
            root.hash, (), root.size, root.type_name, root.traits, root.files, root.tasks,
            secrets=tuple(open_secrets(contents)),
        )  # fmt: skip
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
        self._repo.adopt(record.hash)
        if record.data is None:
            own = _folder_of(self._repo.store)
            if folder is not None and not (own is not None and own.root == folder):
                self._repo.store.put(record.hash, (LocalStore(folder).get(record.hash),))
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


def _folder_of(store: ValueStore) -> LocalStore | None:
    """The local folder that a store keeps values in, whatever lies below it."""
    near = store.near if isinstance(store, LayeredStore) else store
    return near if isinstance(near, LocalStore) else None


def plain_records(outcome: Outcome) -> list[PlainRecord]:
    """A good outcome's records as a message; what a store in trouble did not take goes along."""
    records: Sequence[ValueRecord] = outcome.records
    if outcome.trouble is not None:
        assert outcome.encoded is not None
        records = Repo(MemoryBackend(), MemoryStore(), sys.maxsize).keep(outcome.encoded, outcome.value)
    return [_plain_record(record) for record in records]


def plain_secrets(encoded: Encoded) -> tuple[PlainSecret, ...]:
    """What the secrets in a value say, to be sent along with it. Raises CannotEncode."""
    return contents_of(cast("tuple[Secret[object], ...]", encoded.secrets))


def contents_of(secrets: Iterable[Secret[Any]]) -> tuple[PlainSecret, ...]:
    """What these secrets say, each once, as far as it is here. Raises CannotEncode."""
    found: dict[bytes, PlainSecret] = {}
    for secret in secrets:
        mark = mark_of(secret)
        if mark not in found and secret.is_valid():
            content = encode(secret.reveal())
            found[mark] = mark, b"".join(content.chunks), tuple(_parts(content))
    return tuple(found.values())


def open_secrets(contents: Iterable[PlainSecret]) -> list[Secret[object]]:
    """The secrets that came along, known here as long as somebody holds them. Raises CannotDecode."""
    opened_here: list[Secret[object]] = []
    for mark, data, parts in contents:
        known = dict(parts)
        opened_here.append(opened(mark, decode(memoryview(data), lambda digest, known=known: known[digest])))
    return opened_here


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
