"""How many bytes database and store take, and what they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from redux.repo import Repo
from redux_backends.integrity import SHARDS, Tally
from redux_backends.records import Place


@dataclass(frozen=True, slots=True)
class Amount:
    """So many things with so many bytes."""

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """What database and store take. The parts of the store add up to it; each byte of a file is counted once."""

    database: int
    """bytes of its files, the log included"""
    inline: Amount
    """values that are rows"""
    store: Amount
    """all files of the store"""
    named: Amount
    """files that records name"""
    unnamed: Amount
    """files that no record names: of runs that died, or of runs that have not recorded them yet"""
    set_aside: Amount
    """damaged files"""
    other: Amount
    """half-written files and what is not redux's"""
    unused: Tally
    """values that no call has"""

    @property
    def total(self) -> int:
        """All bytes."""
        return self.database + self.store.bytes


def measure(repo: Repo) -> DiskUsage:
    """What the database and the store of a repository take. Raises `StoreUnavailable`."""
    integrity, store = repo.backend.integrity(), repo.store
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for shard in range(SHARDS):
        named = {value.hash for value in integrity.values(shard) if value.place is Place.STORE}
        for digest, size in store.look(shard).items():
            kind = "named" if digest in named else "unnamed"
            counts[kind] += 1
            sizes[kind] += max(size, 0)
    for litter in store.litter():
        kind = "set aside" if litter.kind == "set aside" else "other"
        counts[kind] += 1
        sizes[kind] += litter.size
    tally = integrity.tally()
    return DiskUsage(
        database=integrity.bytes_on_disk(),
        inline=Amount(tally.inline, tally.database),
        store=Amount(counts.total(), sizes.total()),
        **{
            field: Amount(counts[kind], sizes[kind])
            for field, kind in (
                ("named", "named"), ("unnamed", "unnamed"), ("set_aside", "set aside"), ("other", "other")
            )
        },
        unused=integrity.unused(),
    )  # fmt: skip
