"""What an archive is made of, down to its bytes; `docs/archive.md` describes it for others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redux_backends.exchange import RecordKind
from redux_backends.record_json import Form, form_of

FORMAT: Final = 1
README: Final = "README.txt"
MANIFEST: Final = "manifest.json"
MANIFEST_SUM: Final = "manifest.json.sha256"
BLOCK: Final = 512
"""bytes: headers are one, and contents are filled up to a multiple of it"""
RECORD: Final = 20 * BLOCK
"""bytes: a whole archive is a multiple of it, as tar makes them"""

PART_RECORDS: Final = 10_000
PART_VALUES: Final = 1_000
PART_BYTES: Final = 8 << 20
PART_CONTENTS: Final = 16 << 20
"""A part ends with the record that brings it to so many records (values), bytes of lines, or bytes of its values."""
LONGEST_LINE: Final = 256 << 20
"""bytes: what a reader may have to hold at once"""

NAME_OF: Final = {kind: kind.plural.replace(" ", "-") for kind in RecordKind}
_KIND_OF = {name: kind for kind, name in NAME_OF.items()}
_PART = re.compile(r"records/([a-z-]+)-([0-9]{6,9})\.jsonl")

README_TEXT: Final = f"""\
redux archive, format {FORMAT}

What calls of Python functions returned, and why, as redux recorded it. A tar file of these members, in this order:

README.txt                  this text
records/KIND-NNNNNN.jsonl   records, one JSON object a line; the kinds, in this order, are
                            {", ".join(NAME_OF[kind] for kind in list(RecordKind)[:6])},
                            {", ".join(NAME_OF[kind] for kind in list(RecordKind)[6:])}
values/ab/cdef...           after each part of value records the bytes of these values, as they are;
                            the name is the BLAKE3-256 of the bytes, in hex
manifest.json               how many records there are, and size and SHA-256 of each part
manifest.json.sha256        the SHA-256 of the manifest; it stands for the whole archive

To see whether it is whole and unaltered:  redux archive check FILE
without redux:                             tar -xf FILE && sha256sum -c manifest.json.sha256
                                           jq -r '.parts[] | .sha256 + "  " + .name' manifest.json | sha256sum -c
                                           (cd values && find * -type f -exec b3sum {{}} +)   # prints names as hashes
To take it into a history of one's own:    redux archive load FILE

docs/archive.md of redux describes the format. Reading an archive runs no code.
"""


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part as the manifest lists it: its `name`, how many `records`, its `size` in bytes, and its SHA-256 in hex."""

    name: str
    records: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of each kind there are."""

    handles: int = 0
    values: int = 0
    tasks: int = 0
    evaluations: int = 0
    results: int = 0
    task_sets: int = 0
    calls: int = 0
    executions: int = 0
    jobs: int = 0
    tags: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of values: how many `files` there are, of which `size` in all, and how many values are `gone`."""

    files: int = 0
    size: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive has in it: `format`, and `redux`, the version that saved it; equal contents, equal manifests."""

    format: int
    redux: str
    counts: Counts
    contents: Contents
    parts: tuple[PartEntry, ...]


MANIFEST_FORM: Final[Form[Manifest]] = form_of(Manifest)


def part_name(kind: RecordKind, number: int) -> str:
    """The name of a part: the records of a `kind` are in parts numbered from 1."""
    return f"records/{NAME_OF[kind]}-{number:06}.jsonl"


def named_part(name: str) -> tuple[RecordKind, int] | None:
    """Which part has this name, None for any other name."""
    found = _PART.fullmatch(name)
    kind = _KIND_OF.get(found[1]) if found else None
    if found is None or kind is None or part_name(kind, int(found[2])) != name:
        return None
    return kind, int(found[2])


def counted(counts: Mapping[RecordKind, int]) -> Counts:
    """How many records of each kind there are, as the manifest has it."""
    return Counts(**{NAME_OF[kind].replace("-", "_"): counts.get(kind, 0) for kind in RecordKind})


def is_full(kind: RecordKind, records: int, size: int, contents: int) -> bool:
    """Whether a part with so many records, bytes of lines and bytes of values takes no further record."""
    most = PART_VALUES if kind is RecordKind.VALUE else PART_RECORDS
    return records >= most or size >= PART_BYTES or contents >= PART_CONTENTS


def header(name: str, size: int) -> bytes:
    """The tar header of a member: a plain file of nobody's, from the beginning of time."""
    long = size >= 1 << 33
    told = b"\x80" + size.to_bytes(11, "big") if long else b"%011o\0" % size
    start = name.encode("ascii").ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + told + b"00000000000\0"
    rest = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2
    block = (start + b" " * 8 + rest).ljust(BLOCK, b"\0")
    return start + b"%06o\0 " % sum(block) + block[len(start) + 8 :]


def named_and_sized(block: bytes) -> tuple[str, int] | None:
    """Name and size that a header tells; None where it is not the header of these."""
    name = block[:100].rstrip(b"\0").decode("ascii", "replace")
    told = block[124:136]
    try:
        size = int.from_bytes(told[1:], "big") if told[:1] == b"\x80" else int(told[:11], 8)
        return (name, size) if header(name, size) == block else None
    except (ValueError, OverflowError):
        return None


def filling(size: int, unit: int = BLOCK) -> int:
    """How many bytes are missing to a multiple of `unit`."""
    return -size % unit
