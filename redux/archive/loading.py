"""Loading: what an archive has and a repository has not is recorded there, once all of the archive was verified."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from typing import Any

from redux.archive.file import ArchiveFile
from redux.archive.format import Counts, counted
from redux.archive.kinds import ArchivedValue, record_id, records_of
from redux.archive.reading import Checked, Part, Reading, check, read_rows
from redux.archive.trouble import ArchiveBent, ArchiveUnavailable, altered
from redux.border import Admission, Arrival, marked_value
from redux.repo import Repo
from redux_backends.exchange import RecordKind, in_groups
from redux_backends.progress import Tell, say_nothing
from redux_backends.records import ValueRecord
from redux_valuestore.digest import Digest, digest_bytes, digest_view
from redux_valuestore.frozen import frozen

_HELD = 16 << 20
"""Bytes: a value as large is held in memory on its way into the store, a larger one in a passing file."""


@frozen
class Loaded:
    """What an archive had, and how many records of each kind were `new` here; `bytes` of values came with them."""

    checked: Checked
    new: Counts
    bytes: int


_NOBODYS = Admission()


def load(repo: Repo, path: str, tell: Tell = say_nothing, admission: Admission = _NOBODYS) -> Loaded:
    """Record what the archive at `path` has and `repo` has not. Nothing is recorded before all of it was verified.

    Loading again after any end of an earlier try goes on from there. Executions that ran when they were saved are
    recorded as died. `admission` says what its values may do when they are decoded here: those that are not plain data
    are marked as foreign, unless who made it is trusted with pickles; so are its executions, by the tag FROM_TAG.

    Raises `ArchiveMissing`, `ArchiveBent`, `ArchiveNewer`, `ArchiveUnavailable`, and what backend and store raise.
    """
    with closing(ArchiveFile(path)) as file:
        return load_checked(repo, file, check(file, tell), tell, admission)


def load_checked(
    repo: Repo, file: ArchiveFile, checked: Checked, tell: Tell = say_nothing, admission: Admission = _NOBODYS
) -> Loaded:
    """The same of a file that was just `checked`, for those who open the repository only then."""
    return _Loading(repo, file, checked, tell, admission).load()


class _Loading:
    """One verified archive on its way in; each part is held to what was verified, for the file may change meanwhile."""

    def __init__(self, repo: Repo, file: ArchiveFile, checked: Checked, tell: Tell, admission: Admission) -> None:
        self._repo, self._file, self._checked, self._tell = repo, file, checked, tell
        self._marks = not admission.pickles
        self._arrival = Arrival(repo.backend, file.path)
        self._reading = Reading(file.members())
        self._new: Counter[RecordKind] = Counter()
        self._bytes = 0

    def load(self) -> Loaded:
        entries = {entry.name: entry for entry in self._checked.manifest.parts}
        for part in self._reading.parts():
            if entries.get(part.name) != part.entry:
                raise altered(self._file.path, f"{part.name} changed while it was loaded")
            self._load_part(part)
            self._tell("loading", self._file.done, self._file.size)
        return Loaded(self._checked, counted(self._new), self._bytes)

    def _load_part(self, part: Part) -> None:
        for rows in in_groups(read_rows(self._file.path, part)):
            missing = self._missing(part.kind, rows)
            if part.kind is RecordKind.VALUE:
                missing = self._with_bytes(rows, {row.value.hash for row in missing})
            if missing:
                records = records_of(part.kind, missing)
                self._repo.backend.put_records(self._arrival.let_in(records) if self._marks else records)
                self._new[part.kind] += len(missing)

    def _missing(self, kind: RecordKind, rows: Sequence[Any]) -> list[Any]:
        ids = [record_id(kind, row) for row in rows]
        missing = set(self._repo.backend.missing_records(ids))
        return [row for row, id in zip(rows, ids, strict=True) if id in missing]

    # -- values ------------------------------------------------------------------------------------

    def _with_bytes(self, rows: Sequence[ArchivedValue], missing: set[Digest]) -> list[ArchivedValue]:
        """The missing values with their bytes, in the record or by now in the store."""
        whole: list[ArchivedValue] = []
        for row in rows:
            if row.value.hash not in missing:
                if row.kept:
                    self._reading.skip(row.value)
            elif not row.kept:
                whole.append(row)
            else:
                taken = self._taken(row.value)
                whole.append(ArchivedValue(marked_value(taken) if self._marks else taken, kept=True))
                self._bytes += row.value.size
        return whole

    def _taken(self, value: ValueRecord) -> ValueRecord:
        pieces = self._reading.pieces(value)
        if value.size > max(_HELD, self._repo.inline_limit):
            self._put_large(value, pieces)
            return value
        data = b"".join(pieces)
        if digest_bytes(data) != value.hash:
            raise self._changed(value)
        if value.size <= self._repo.inline_limit:
            return replace(value, data=data)
        self._repo.store.put(value.hash, [data])
        return value

    def _changed(self, value: ValueRecord) -> ArchiveBent:
        return altered(self._file.path, f"value {value.hash.hex()} changed while it was loaded")

    def _put_large(self, value: ValueRecord, pieces: Iterable[bytes]) -> None:
        try:
            with tempfile.TemporaryFile() as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                with mmap(file.fileno(), value.size, access=ACCESS_READ) as mapped, memoryview(mapped) as view:
                    if digest_view(view) != value.hash:
                        raise self._changed(value)
                    self._repo.store.put(value.hash, [view])
        except OSError as error:
            why = f"a large value of it cannot be unpacked in {tempfile.gettempdir()}: {error.strerror or error}"
            raise ArchiveUnavailable(self._file.path, f"{why}; free some space there, or set TMPDIR") from error
