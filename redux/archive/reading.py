"""Reading an archive part by part; checking that it is whole, unaltered, and names nothing that is not in it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from redux.archive.file import ArchiveFile, Members
from redux.archive.format import (
    FORMAT,
    LONGEST_LINE,
    MANIFEST,
    MANIFEST_FORM,
    MANIFEST_SUM,
    PART_BYTES,
    PART_RECORDS,
    README,
    README_TEXT,
    Contents,
    Manifest,
    PartEntry,
    counted,
    is_full,
    named_part,
)
from redux.archive.kinds import KINDS, ArchivedValue, records_of
from redux.archive.order import Order, Placed
from redux.archive.trouble import ArchiveNewer, altered
from redux_backends.errors import BentRecord
from redux_backends.exchange import RECORDS_AT_ONCE, RecordKind, verify
from redux_backends.integrity import is_aside
from redux_backends.progress import Tell, say_nothing
from redux_backends.record_json import BentLine
from redux_backends.records import Execution, ValueRecord
from redux_valuestore.digest import digest_pieces
from redux_valuestore.frozen import frozen
from redux_valuestore.layout import object_name

_FIRST_LINE = re.compile(rb"redux archive, format ([0-9]{1,9})\n")
_LONGEST_README = 64 << 10
_LONGEST_MANIFEST = 256 << 20
_SUM_SIZE = len(f"{'0' * 64}  {MANIFEST}\n")


@frozen
class Part:
    """One part: the records of a `kind`, as `lines`, under a `name`; `entry` is how the manifest has it."""

    kind: RecordKind
    name: str
    lines: tuple[bytes, ...]
    entry: PartEntry


@frozen
class Checked:
    """What an archive has that was found sound: its `manifest`, and the SHA-256 of that in hex, `sum`."""

    manifest: Manifest
    sum: str


class Reading:
    """One way through an archive, part by part; the bytes of kept values are to be read or skipped before the next."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self.path = members.path
        self.entries: list[PartEntry] = []
        self.manifest: Manifest | None = None
        self.sum = ""

    def parts(self) -> Iterator[Part]:
        """The parts in turn; after the last of them there is a `manifest`. Raises `ArchiveBent`, `ArchiveNewer`."""
        self._read_first()
        before, number = RecordKind(0), 0
        while True:
            name, size = self._next()
            if name == MANIFEST:
                self._read_manifest(size)
                return
            found = named_part(name)
            after = (before, number + 1) if found and found[0] is before else (found[0], 1) if found else None
            if found is None or found != after or found[0] < before:
                raise altered(self.path, f"{name!r} should not be where it is")
            before, number = found
            yield self._part(found[0], name, size)

    def glance(self, kind: RecordKind) -> Iterator[Part]:
        """The parts of one kind, all else passed over. Raises as `parts` does."""
        self._read_first()
        while (found := self._next())[0] != MANIFEST:
            name, size = found
            part = named_part(name)
            if part is not None and part[0] is kind:
                yield self._part(kind, name, size)
            else:
                self._members.skip(size)
        self._read_manifest(found[1])

    def pieces(self, value: ValueRecord) -> Iterator[bytes]:
        """The bytes of a kept value, not verified. Raises `ArchiveBent`."""
        self._find(value)
        return self._members.pieces(value.size)

    def skip(self, value: ValueRecord) -> None:
        """Pass over the bytes of a kept value. Raises `ArchiveBent`."""
        self._find(value)
        self._members.skip(value.size)

    def _find(self, value: ValueRecord) -> None:
        name, size = self._next()
        if name != f"values/{object_name(value.hash)}":
            raise altered(self.path, f"{name!r} stands where value {value.hash.hex()} should")
        if size != value.size:
            raise altered(self.path, f"{name} has {size:,} bytes, and its record says {value.size:,}")

    def _next(self) -> tuple[str, int]:
        found = self._members.next()
        if found is None:
            raise altered(self.path, "it has no manifest")
        return found

    def _read_first(self) -> None:
        name, size = self._next()
        text = self._small(README, name, size, _LONGEST_README)
        first = _FIRST_LINE.match(text)
        if first is not None and int(first[1]) > FORMAT:
            raise ArchiveNewer(
                self.path,
                f"it has format {int(first[1])}, which a newer redux saved, and this one reads {FORMAT}; update redux",
            )
        if text != README_TEXT.encode():
            raise altered(self.path, f"{README} is not what redux writes there")
        self._enter(README, text, 0)

    def _small(self, wanted: str, name: str, size: int, most: int) -> bytes:
        if name != wanted:
            raise altered(self.path, f"{name!r} stands where {wanted} should")
        if size > most:
            raise altered(self.path, f"{name} is too large")
        return self._members.whole(size)

    def _part(self, kind: RecordKind, name: str, size: int) -> Part:
        if size > PART_BYTES + LONGEST_LINE:
            raise altered(self.path, f"{name} is too large")
        data = self._members.whole(size)
        if not 0 < data.count(b"\n") <= PART_RECORDS:
            raise altered(self.path, f"{name} has no records, or too many")
        lines = tuple(data.splitlines(keepends=True)) if b"\r" not in data else tuple(_lines(data))
        return Part(kind, name, lines, self._enter(name, data, len(lines)))

    def _enter(self, name: str, data: bytes, records: int) -> PartEntry:
        entry = PartEntry(name, records, len(data), hashlib.sha256(data).hexdigest())
        self.entries.append(entry)
        return entry

    def _read_manifest(self, size: int) -> None:
        data = self._small(MANIFEST, MANIFEST, size, _LONGEST_MANIFEST)
        self.sum = hashlib.sha256(data).hexdigest()
        name, size = self._next()
        if self._small(MANIFEST_SUM, name, size, _SUM_SIZE) != f"{self.sum}  {MANIFEST}\n".encode():
            raise altered(self.path, f"{MANIFEST} has not the SHA-256 of {MANIFEST_SUM}")
        try:
            self.manifest = MANIFEST_FORM.record(data)
        except BentLine as error:
            raise altered(self.path, f"{MANIFEST}: {error}") from error
        if (found := self._members.next()) is not None:
            raise altered(self.path, f"{found[0]!r} stands behind its end")


def _lines(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


def read_rows(path: str, part: Part) -> Iterator[Any]:
    """The records of a part. Raises `ArchiveBent` naming line and field."""
    form = KINDS[part.kind].form
    for number, line in enumerate(part.lines, 1):
        try:
            yield form.record(line)
        except BentLine as error:
            raise altered(path, f"{part.name}, line {number}: {error}") from error


def check(file: ArchiveFile, tell: Tell = say_nothing) -> Checked:
    """Read an archive to its end and verify all: parts, lines, hashes, bytes, counts, and that it names only its own.

    Nothing is written, and no code of it runs. Raises `ArchiveBent`, `ArchiveNewer`, `ArchiveUnavailable`.
    """
    order = Order(file.path)
    try:
        checking = _Checking(file, order)
        for part in checking.reading.parts():
            checking.check_part(part)
            tell("checking", file.done, file.size)
        return checking.checked()
    finally:
        order.close()


class _Checking:
    """One archive that is being checked, from its beginning to its end."""

    def __init__(self, file: ArchiveFile, order: Order) -> None:
        self.reading = Reading(file.members())
        self._path, self._order = file.path, order
        self._counts: Counter[RecordKind] = Counter()
        self._files = self._size = self._gone = 0
        self._open_part: Part | None = None

    def check_part(self, part: Part) -> None:
        """Check one part, and the bytes that belong to it."""
        if self._open_part is not None and self._open_part.kind is part.kind:
            raise altered(self._path, f"{self._open_part.name} is not full")
        self._counts[part.kind] += len(part.lines)
        size = contents = at = 0
        rows: list[Any] = []
        for row, line in zip(read_rows(self._path, part), part.lines, strict=True):
            if is_full(part.kind, at, size, contents):
                raise altered(self._path, f"{part.name} has too many records")
            at, size = at + 1, size + len(line)
            contents += row.value.size if part.kind is RecordKind.VALUE else 0
            rows.append(row)
            if len(rows) == RECORDS_AT_ONCE:
                self._check_rows(part, rows)
                rows = []
        self._check_rows(part, rows)
        self._open_part = None if is_full(part.kind, at, size, contents) else part

    def _check_rows(self, part: Part, rows: Sequence[Any]) -> None:
        try:
            placed = list(self._order.place(part.kind, rows))
            verify(records_of(part.kind, rows))
        except (BentLine, BentRecord) as error:
            raise altered(self._path, f"{part.name}: {str(error).partition(';')[0]}") from error
        for each in placed:
            self._check_place(part, each)
        self._order.add(part.kind, [each.id for each in placed])
        if part.kind is RecordKind.VALUE:
            for row in rows:
                self._check_value(row)

    def _check_place(self, part: Part, each: Placed) -> None:
        if each.unknown is not None:
            kind, id = each.unknown
            what = f"{part.name} names {kind.singular} {id.hex()}, which is not in it before"
            raise altered(self._path, what)
        if each.twice:
            raise altered(self._path, f"in {part.name}, {each.id.hex()} stands twice")

    def _check_value(self, row: ArchivedValue) -> None:
        value = row.value
        if not row.kept:
            self._gone += 1
            return
        if value.size < 0 or is_aside(value.hash):
            raise altered(self._path, f"value {value.hash.hex()} cannot have bytes")
        if digest_pieces(self.reading.pieces(value)) != value.hash:
            raise altered(self._path, f"the bytes of value {value.hash.hex()} have not its hash")
        self._files += 1
        self._size += value.size

    def checked(self) -> Checked:
        """What was found, once it is what the manifest says."""
        manifest = self.reading.manifest
        assert manifest is not None
        found = Manifest(
            FORMAT,
            manifest.redux,
            counted(self._counts),
            Contents(self._files, self._size, self._gone),
            tuple(self.reading.entries),
        )
        if found != manifest:
            raise altered(self._path, f"{MANIFEST} says otherwise: {_difference(found, manifest)}")
        return Checked(manifest, self.reading.sum)


def _difference(found: Manifest, told: Manifest) -> str:
    for one, other in zip(found.parts, told.parts, strict=False):
        if one != other:
            return f"{one.name} is not as it lists it"
    if len(found.parts) != len(told.parts):
        return f"it lists {len(told.parts):,} parts, and there are {len(found.parts):,}"
    if found.format != told.format:
        return f"it is of format {told.format}"
    return "it counts other records or values than there are"


def read_executions(file: ArchiveFile) -> tuple[Manifest, Sequence[Execution], str]:
    """The manifest of an archive, its executions, newest first, and the manifest's SHA-256; nothing else is looked at.

    Raises `ArchiveBent`, `ArchiveNewer`, `ArchiveUnavailable`.
    """
    members = file.members()
    reading = Reading(members)
    executions: list[Execution] = []
    for part in reading.glance(RecordKind.EXECUTION):
        executions += read_rows(file.path, part)
    assert reading.manifest is not None
    listed = {entry.name: entry for entry in reading.manifest.parts}
    for entry in reading.entries:
        if listed.get(entry.name) != entry:
            raise altered(file.path, f"{entry.name} is not as {MANIFEST} lists it")
    executions.sort(key=lambda one: (-one.started, one.id))
    return reading.manifest, executions, reading.sum
