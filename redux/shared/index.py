"""Index objects: which packs there are, and which evaluations and calls may be in them. Hints, never believed."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from redux.shared.columns import MOST_MOMENT, Bent, cut_bytes, little, read_atoms, read_little
from redux.shared.layout import FORMAT, UNSIGNED, IndexName, PackName
from redux.shared.pack import Header
from redux.shared.trouble import BentIndex
from redux.trust.keys import KEY_SIZE, PublicKey, key_id
from redux_backends.records import Seconds
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_bytes
from redux_valuestore.frozen import frozen

MAGIC = b"\x89RDXIDX\n"
PREFIX = 8
"""How many bytes of a hash stand in an index."""

MOST_BYTES = 64 << 20
"""Bytes of one index object."""
MOST_PACKS = 100_000
"""Packs that all index objects together may name: to read more takes a run seconds at its beginning."""
MOST_LEVEL = 9_999

MOST_LIVE = 32
"""Of more index objects than these, none covered by another, some are merged into one."""
MOST_MERGED = 16 << 20
"""Bytes of what is merged into one index object: a million evaluations and their calls."""
_WORTH_TWO_STEPS = 16

_START = struct.Struct(">8sI")
_NO_KEY = bytes(KEY_SIZE)
_COLUMNS = 9
_pack: Callable[[object], bytes] = msgpack.packb  # pyright: ignore - it has no types


@frozen
class PackEntry:
    """A pack as an index says it: its `name`, whose (None: unsigned), when it was `made`, of which `epoch`.

    `evals` and `calls` are the first 8 bytes of the hashes of each, sorted, one after the other.
    """

    name: PackName
    signer: PublicKey | None
    made: Seconds
    epoch: int
    evals: bytes
    calls: bytes


@dataclass(frozen=True, slots=True)
class Index:
    """An index object: its `name`, its `packs`, and the digests of those index objects that it `covers`."""

    name: IndexName
    packs: tuple[PackEntry, ...]
    covers: frozenset[Digest]
    size: int


def entry_of(header: Header) -> PackEntry:
    """What an index says of a pack."""
    evals = b"".join(sorted({each[:PREFIX] for each, _ in header.table}))
    calls = b"".join(sorted({each[:PREFIX] for _, each in header.table}))
    return PackEntry(header.name, header.signer, header.made, header.epoch, evals, calls)


def make_index(packs: Iterable[PackEntry], merged: Iterable[Index] = ()) -> tuple[Index, bytes]:
    """An index object of these packs and of those that are in `merged`, which it covers with what they cover."""
    merged = tuple(merged)
    # What is said twice and differently stays twice, for one of the two may be a lie.
    entries = {*packs, *(entry for index in merged for entry in index.packs)}
    ordered = sorted(entries, key=lambda entry: (entry.name.path, entry.made, entry.epoch, entry.evals, entry.calls))
    covers = frozenset(each.name.digest for each in merged).union(*(each.covers for each in merged))
    level = min(1 + max((each.name.level for each in merged), default=-1), MOST_LEVEL)
    columns = [
        b"".join(sorted(covers)),
        b"".join(entry.signer or _NO_KEY for entry in ordered),
        b"".join(entry.name.digest for entry in ordered),
        little("d", [entry.made for entry in ordered]),
        little("Q", [entry.epoch for entry in ordered]),
        little("I", [len(entry.evals) // PREFIX for entry in ordered]),
        little("I", [len(entry.calls) // PREFIX for entry in ordered]),
        b"".join(entry.evals for entry in ordered),
        b"".join(entry.calls for entry in ordered),
    ]
    data = _START.pack(MAGIC, FORMAT) + _pack([level, *columns])
    return Index(IndexName(level, digest_bytes(data)), tuple(ordered), covers, len(data)), data


def read_index(name: IndexName, data: bytes, most: int = MOST_PACKS) -> Index:
    """The index object that was found under this name, if it has not more packs than `most`. Raises `BentIndex`."""
    if digest_bytes(data) != name.digest:
        raise BentIndex(name.path, "it has not the digest of its name")
    if len(data) < _START.size or not data.startswith(MAGIC):
        raise BentIndex(name.path, "it does not begin as an index object does")
    if (format := _START.unpack_from(data)[1]) != FORMAT:
        raise BentIndex(name.path, f"it is in format {format}, and this redux knows {FORMAT}")
    columns = _columns(data)
    if columns is None or columns[0] != name.level:
        raise BentIndex(name.path, "what is in it cannot be read")
    if (count := len(columns[3]) // DIGEST_SIZE) > most:
        raise BentIndex(name.path, f"it names {count:,} packs, and {most:,} are read at most")
    try:
        covers = cut_bytes(columns[1], [DIGEST_SIZE] * (len(columns[1]) // DIGEST_SIZE))
        packs = _entries(columns[2:])
    except Bent:
        raise BentIndex(name.path, "what is in it cannot be read") from None
    return Index(name, packs, frozenset(map(Digest, covers)), len(data))


def live(indexes: Iterable[Index]) -> list[Index]:
    """Those that no other covers."""
    indexes = tuple(indexes)
    covered = frozenset[Digest]().union(*(index.covers for index in indexes))
    return [index for index in indexes if index.name.digest not in covered]


def to_fetch(listed: Iterable[IndexName], known: Iterable[Index]) -> list[IndexName]:
    """Which of the index objects that are there to fetch next; none when all that count are known.

    Ask again after each time: what comes may cover the rest.
    """
    known = tuple(known)
    done = frozenset(index.name.digest for index in known).union(*(index.covers for index in known))
    missing = sorted((name for name in listed if name.digest not in done), key=lambda name: (-name.level, name.digest))
    if len(missing) > _WORTH_TWO_STEPS and missing[0].level > missing[-1].level:
        return [name for name in missing if name.level == missing[0].level]
    return missing


def to_merge(indexes: Iterable[Index]) -> list[Index]:
    """The index objects to merge into one: the smaller of those not covered, once there are too many; else none.

    One that is larger than all the others together stays, so that nothing is written anew time and again.
    """
    uncovered = sorted(live(indexes), key=lambda index: (index.size, index.name.digest))
    if len(uncovered) <= MOST_LIVE:
        return []
    sizes = accumulate(index.size for index in uncovered)
    chosen = [index for index, size in zip(uncovered, sizes, strict=True) if size <= MOST_MERGED]
    while len(chosen) > MOST_LIVE // 2 and 2 * chosen[-1].size > sum(index.size for index in chosen):
        chosen.pop()
    return chosen if len(chosen) > 1 else []


def _columns(data: bytes) -> list[Any] | None:
    """The level and the columns behind it, of which none is made before it is known to be bytes."""
    count = 1 + _COLUMNS
    if len(data) > MOST_BYTES or data[_START.size : _START.size + 1] != bytes([0x90 + count]):
        return None
    columns = read_atoms(memoryview(data)[_START.size + 1 :], count)
    sound = columns and type(columns[0]) is int and all(type(each) is bytes for each in columns[1:])
    return columns if sound else None


def _entries(columns: Sequence[bytes]) -> tuple[PackEntry, ...]:
    """The packs of an index. Raises `Bent`."""
    keys, names, made, epochs, of_evals, of_calls, evals, calls = columns
    count = len(names) // DIGEST_SIZE
    if [len(each) for each in columns[:6]] != [32 * count, 32 * count, 8 * count, 8 * count, 4 * count, 4 * count]:
        raise Bent("the columns are not of one length")
    moments = read_little("d", made)
    if not all(math.isfinite(each) and 0 <= each <= MOST_MOMENT for each in moments):
        raise Bent("what should be a moment is none")
    cut_evals = cut_bytes(evals, [PREFIX * each for each in read_little("I", of_evals)])
    cut_calls = cut_bytes(calls, [PREFIX * each for each in read_little("I", of_calls)])
    signers = [keys[at : at + KEY_SIZE] for at in range(0, len(keys), KEY_SIZE)]
    ids = {key: UNSIGNED if key == _NO_KEY else key_id(PublicKey(key)) for key in set(signers)}
    return tuple(
        PackEntry(
            PackName(ids[signer], Digest(names[at * DIGEST_SIZE : (at + 1) * DIGEST_SIZE])),
            None if signer == _NO_KEY else PublicKey(signer),
            moments[at],
            epoch,
            cut_evals[at],
            cut_calls[at],
        )
        for at, (signer, epoch) in enumerate(zip(signers, read_little("Q", epochs), strict=True))
    )
