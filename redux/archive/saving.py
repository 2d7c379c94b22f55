"""Saving: what a repository has, or what is below some records of it, becomes one file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redux.archive.file import ArchiveWriter
from redux.archive.format import (
    FORMAT,
    LONGEST_LINE,
    MANIFEST,
    MANIFEST_FORM,
    MANIFEST_SUM,
    README,
    README_TEXT,
    Contents,
    Manifest,
    PartEntry,
    counted,
    is_full,
    part_name,
)
from redux.archive.kinds import KINDS, ArchivedValue, rows_of
from redux.archive.order import Order
from redux.archive.trouble import NotToBeSaved
from redux.border import leaving, unmarked_value
from redux.release import version
from redux.repo import Repo
from redux_backends.errors import BentRecord
from redux_backends.exchange import RecordId, RecordKind, Records, has_its_bytes, in_groups, verify
from redux_backends.integrity import is_aside
from redux_backends.progress import Tell, say_nothing
from redux_backends.records import ValueRecord
from redux_valuestore.frozen import frozen
from redux_valuestore.layout import object_name
from redux_valuestore.store import ValueMissing

if TYPE_CHECKING:
    from typing_extensions import Buffer


@frozen
class Saved:
    """What was saved: the `manifest`, and the SHA-256 of it in hex, `sum`, which stands for the archive.

    `left_out` is how many records named something that was recorded only while we saved: the next time has them.
    `set_aside` is how many files of the store were found damaged, and moved to its lost+found.
    """

    manifest: Manifest
    sum: str
    left_out: int
    set_aside: int = 0


def save(
    repo: Repo, path: str, roots: Sequence[RecordId] | None = None, *, force: bool = False, tell: Tell = say_nothing
) -> Saved:
    """Save all that a repository has, or `roots` and all below them, as the archive at `path`; `force` replaces one.

    Records that were recorded in the same order give equal files. What is recorded meanwhile may be in it or not.

    Raises `ArchiveExists`, `ArchiveMissing`, `ArchiveUnavailable`, `NotToBeSaved`, and what backend and store raise.
    """
    writer = ArchiveWriter(path, force)
    with writer.opened():
        return _Saving(repo, writer, tell).save(roots)


class _Saving:
    """One archive on its way."""

    def __init__(self, repo: Repo, writer: ArchiveWriter, tell: Tell) -> None:
        self._repo, self._writer, self._tell = repo, writer, tell
        self._parts: list[PartEntry] = []
        self._counts: Counter[RecordKind] = Counter()
        self._left_out = self._set_aside = 0
        self._staying: set[bytes] = set()
        self._files = self._size = self._gone = 0

    def save(self, roots: Sequence[RecordId] | None) -> Saved:
        self._add(README, README_TEXT.encode(), 0)
        order, saved = Order(self._writer.path), Order(self._writer.path)
        try:
            self._arrange(order, roots)
            count = order.count()
            for kind in RecordKind:
                self._save_kind(kind, order, saved, count)
        finally:
            order.close()
            saved.close()
        manifest = Manifest(
            FORMAT,
            version,
            counted(self._counts),
            Contents(self._files, self._size, self._gone),
            tuple(self._parts),
        )
        data = MANIFEST_FORM.line(manifest)
        sum = hashlib.sha256(data).hexdigest()
        self._writer.add(MANIFEST, len(data), [data])
        line = f"{sum}  {MANIFEST}\n".encode()
        self._writer.add(MANIFEST_SUM, len(line), [line])
        return Saved(manifest, sum, self._left_out, self._set_aside)

    def _arrange(self, order: Order, roots: Sequence[RecordId] | None) -> None:
        """Find what is to be saved, and in which order."""
        found = 0
        for some in in_groups(self._repo.backend.iter_record_ids(roots)):
            for kind in RecordKind:
                order.add(kind, [one.id for one in some if one.kind is kind])
            found += len(some)
            self._tell("looking for records", found, 0)

    def _save_kind(self, kind: RecordKind, order: Order, saved: Order, count: int) -> None:
        part = _Part(kind, 1)
        for some in in_groups(order.ids(kind)):
            records = self._repo.backend.get_records([RecordId(kind, id) for id in some])
            self._verify(records)
            if records.tags:
                records = replace(records, tags=list(leaving(records.tags, self._staying)))
            whole: list[bytes] = []
            for placed in saved.place(kind, rows_of(kind, records)):
                if placed.unknown is not None:
                    self._left_out += 1
                    continue
                whole.append(placed.id)
                self._put(part, placed.row)
                if part.is_full:
                    self._save_part(part)
                    self._tell("saving", self._counts.total(), count)
                    part = _Part(kind, part.number + 1)
            saved.add(kind, whole)
        if part.lines:
            self._save_part(part)

    def _verify(self, records: Records) -> None:
        """Raises `NotToBeSaved` for what nobody would load."""
        try:
            verify(replace(records, values=[value for value in records.values if value.data is None]))
        except BentRecord as error:
            why = str(error).partition(";")[0]
            raise NotToBeSaved(
                self._writer.path, f"not saved: {why}; `redux fsck --repair` sets it aside, then save again"
            ) from error

    def _put(self, part: _Part, row: Any) -> None:
        if part.kind is RecordKind.VALUE:
            content = self._bytes_of(row)
            row = ArchivedValue(replace(unmarked_value(row.value), data=None), content is not None)
            part.add(self._line(part.kind, row), row.value, content)
        else:
            part.add(self._line(part.kind, row))

    def _save_part(self, part: _Part) -> None:
        self._counts[part.kind] += len(part.lines)
        self._add(part_name(part.kind, part.number), b"".join(part.lines), len(part.lines))
        for value, content in part.contents:
            if content is None:
                self._gone += 1
            else:
                self._writer.add(f"values/{object_name(value.hash)}", value.size, [content])
                self._files += 1
                self._size += value.size

    def _bytes_of(self, row: ArchivedValue) -> Buffer | None:
        """The verified bytes of a value, None where they are gone."""
        value: ValueRecord = row.value
        if not row.kept or is_aside(value.hash):
            return None
        if value.data is not None:
            return value.data if has_its_bytes(value) else None
        try:
            view = self._repo.store.get(value.hash)
        except ValueMissing as missing:
            self._set_aside += missing.why == "damaged"
            return None
        return view if view.nbytes == value.size else None

    def _line(self, kind: RecordKind, row: Any) -> bytes:
        line = KINDS[kind].form.line(row)
        if len(line) > LONGEST_LINE:
            what = f"{kind.singular} {KINDS[kind].id_of(row).hex()}"
            why = f"not saved: {what} names too much to be read again ({len(line):,} bytes)"
            raise NotToBeSaved(self._writer.path, why)
        return line

    def _add(self, name: str, data: bytes, records: int) -> None:
        self._writer.add(name, len(data), [data])
        self._parts.append(PartEntry(name, records, len(data), hashlib.sha256(data).hexdigest()))


class _Part:
    """A part that is being filled: its lines, and values with their bytes, None where these are gone."""

    def __init__(self, kind: RecordKind, number: int) -> None:
        self.kind, self.number = kind, number
        self.lines: list[bytes] = []
        self.contents: list[tuple[ValueRecord, Buffer | None]] = []
        self._size = self._bytes = 0

    def add(self, line: bytes, value: ValueRecord | None = None, content: Buffer | None = None) -> None:
        """Add the line of a record; of a value, its bytes too."""
        self.lines.append(line)
        self._size += len(line)
        if value is not None:
            self.contents.append((value, content))
            self._bytes += value.size

    @property
    def is_full(self) -> bool:
        """Whether the part takes no further record."""
        return is_full(self.kind, len(self.lines), self._size, self._bytes)
