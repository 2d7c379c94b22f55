"""The stored bytes of values, brought to be compared: many values by one question, none that is too large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from redux.explain.causes import Cause, CauseGroup, Miss
from redux.explain.comparing import ArgumentChange
from redux.explain.differences import ALIKE, Inside
from redux.explain.folders import changed_files
from redux.explain.plain_nodes import FileNode
from redux.explain.values import LARGE, LIMIT, compare_values
from redux.secret_names import is_hidden
from redux.serializers import wire
from redux.value import content_of
from redux_backends.backend import Backend
from redux_backends.records import FileFact, Place, StoredValue
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import StoreError, ValueMissing, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

_GONE = "its bytes are gone"
_PAIRS = 200
"""How many pairs of values are looked into."""
_FOLDERS = 5
"""How many folders are looked at, to say which of their files changed."""
_HOLDERS = 500
"""How many values that hold their files."""
_TOO_LARGE = "it is too large to be looked into"


class Looking:
    """Values of a repository by their hash, as far as they may be looked into."""

    def __init__(self, backend: Backend, store: ValueStore) -> None:
        self._backend = backend
        self._store = store
        self._stored: dict[Digest, StoredValue] = {}
        self._folders = 0
        self._looked = 0

    def ask(self, values: Iterable[Digest]) -> None:
        """Ask the backend for values that will be looked into, all at once."""
        wanted = [value for value in dict.fromkeys(values) if value not in self._stored]
        if wanted:
            self._stored.update(self._backend.get_values(wanted))

    def inside(self, before: Digest, now: Digest) -> Inside:
        """What differs inside two values; of very many that are asked about, nothing of the last."""
        self._looked += 1
        if self._looked > _PAIRS:
            return Inside(unseen="it is not looked into, after so many others")
        self.ask((before, now))
        found = [self._bytes_of(value) for value in (before, now)]
        for one in found:
            if isinstance(one, str):
                return Inside(unseen=one)
        old, new = found
        if isinstance(old, str) or isinstance(new, str):
            return ALIKE
        return compare_values(old, new, self._fetch, self._files_of)

    def into(self, change: ArgumentChange) -> ArgumentChange:
        """The change of an argument with what differs inside its values."""
        if change.old is None or change.new is None or change.classes or is_hidden(change.now or ""):
            return change
        return replace(change, inside=self.inside(change.old, change.new))

    def _files_of(self, before: FileNode, now: FileNode) -> str:
        """Which files of a folder changed, asked of few folders only: each takes two statements, and looks at files."""
        self._folders += 1
        return changed_files(before, now, self._known) if self._folders <= _FOLDERS else ""

    def _known(self, pattern: str) -> list[FileFact]:
        holders = self._backend.list_values((pattern,), limit=_HOLDERS)
        held = self._backend.describe_values(holders)
        return [fact for holder in holders if holder in held for fact in held[holder].files]

    def _fetch(self, digest: bytes) -> Buffer | None:
        self.ask((Digest(digest),))
        found = self._bytes_of(Digest(digest))
        return None if isinstance(found, str) else found

    def _bytes_of(self, value: Digest) -> Buffer | str:
        """The verified bytes of a value, or why they are not to be had."""
        stored = self._stored.get(value)
        if stored is None:
            return _GONE
        if stored.place is not Place.STORE:
            data = stored.data
            return data if data is not None and digest_bytes(data) == value else _GONE
        try:
            if self._store.size(value) > LARGE:
                return _TOO_LARGE
            found = self._store.get(value)
        except ValueMissing:
            return _GONE
        except (StoreError, OSError):
            return "its bytes cannot be read"
        if found.nbytes > LIMIT and bytes(content_of(found)[:5]) not in (wire.ARRAY, wire.TABLE):
            return _TOO_LARGE
        return found


def look_inside(backend: Backend, store: ValueStore, causes: Sequence[Cause]) -> list[Cause]:
    """Causes with what differs inside their arguments' values; two statements, however many there are."""
    looking = Looking(backend, store)
    changes = [change for cause in causes for change in cause.arguments]
    looking.ask(value for change in changes for value in (change.old, change.new) if value is not None)
    return [replace(cause, arguments=tuple(looking.into(one) for one in cause.arguments)) for cause in causes]


def look_inside_groups(backend: Backend, store: ValueStore, groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """The same of causes with the tasks that they made run."""
    causes = look_inside(backend, store, [group.cause for group in groups])
    return [replace(group, cause=cause) for group, cause in zip(groups, causes, strict=True)]


def look_inside_miss(backend: Backend, store: ValueStore, miss: Miss) -> Miss:
    """The same of why one job ran."""
    cause, *roots = look_inside(backend, store, [miss.cause, *(root.cause for root in miss.roots)])
    looked = tuple(replace(root, cause=one) for root, one in zip(miss.roots, roots, strict=True))
    return replace(miss, cause=cause, roots=looked)
