"""Records against the store, and the store against records: pure decisions over what was listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from redux.fsck.findings import Finding, Forget, Kind, PutBack, Sweep
from redux_backends.integrity import NOTHING, Bytes, KeptValue
from redux_backends.records import Place
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import Litter

YOUNG_SECONDS = 3600.0
"""What a store holds and no record names may still be on its way into a record for so long."""

_HELD_BACK = 100_000
"""So many missing values and nameless files are remembered, to see whether one is the other under a wrong name."""


def judge_value(value: KeptValue, size: int | None) -> Finding | None:
    """A value against its bytes: `size` is how many the store has, None where it has none."""
    if value.place is Place.MISSING:
        return None
    there = value.kept if value.place is Place.INLINE else size
    if there is None:
        where = "its row" if value.place is Place.INLINE else "the store"
        return _bytes(Kind.MISSING, value.hash, f"{where} does not have its {value.size:,} bytes")
    if there != value.size:
        detail = f"{there:,} bytes instead of {value.size:,}" if there >= 0 else "no file lies under its name"
        return _bytes(Kind.SIZE, value.hash, detail)
    return None


def judge_inline(kept: Bytes) -> Finding | None:
    """The bytes that a record has; another size than theirs is told by `judge_value`."""
    if len(kept.data) != kept.size or digest_bytes(kept.data) == kept.hash:
        return None
    return damaged(kept.hash, f"its {len(kept.data):,} bytes in the database")


def damaged(value: Digest, where: str) -> Finding:
    """A value whose bytes are not its own."""
    return _bytes(Kind.DAMAGED, value, where)


def _bytes(kind: Kind, value: Digest, detail: str) -> Finding:
    return Finding(kind, "value", value.hex(), detail, Forget(value), value)


class Lying:
    """What lies in the store and no record names, and what records name and is not there: the one may be the other."""

    def __init__(self) -> None:
        self._missing: dict[bytes, Finding] = {}
        self._nameless: dict[bytes, Digest] = {}

    def compare(self, values: Iterable[KeptValue], files: Mapping[Digest, int]) -> Iterator[Finding]:
        """The values with one first byte against the files with that byte; some findings come later, by `rest`."""
        unnamed = dict(files)
        for value in values:
            if value.place is Place.STORE:
                size = unnamed.pop(value.hash, None)
            else:
                size = None
                unnamed.pop(value.hash, None)
            found = judge_value(value, size)
            if found is None:
                continue
            if found.kind is Kind.MISSING and value.place is Place.STORE and len(self._missing) < _HELD_BACK:
                self._missing[value.hash[1:]] = found
            else:
                yield found
        for digest in unnamed:
            if len(self._nameless) < _HELD_BACK:
                self._nameless[digest[1:]] = digest

    def rest(self) -> Iterator[Finding]:
        """The missing values, those that lie in a wrong folder told apart."""
        for tail, found in self._missing.items():
            stray = self._nameless.pop(tail, None)
            if stray is None or found.value is None:
                yield found
            else:
                detail = f"it lies under {stray.hex()[:2]}/ instead of {found.id[:2]}/"
                yield Finding(Kind.MISPLACED, "value", found.id, detail, PutBack(found.value, stray), found.value)

    def nameless(self) -> Iterator[Digest]:
        """The files that no record names; to be asked after `rest`."""
        yield from self._nameless.values()


def judge_nameless(digest: Digest, path: str, age: float | None) -> Finding | None:
    """A file that no record names; a young one may be named soon, and an age that nobody knows counts as young."""
    if age is None or age < YOUNG_SECONDS:
        return None
    return Finding(Kind.ORPHAN, "file", path, f"value {digest.hex()[:16]} has no record")


def judge_litter(litter: Litter) -> Finding | None:
    """What lies in the store and is no object."""
    if litter.kind == "leftover" and litter.age is not None and litter.age >= YOUNG_SECONDS:
        return Finding(Kind.LEFTOVER, "file", litter.path, f"{litter.size:,} bytes", Sweep())
    if litter.kind == "foreign":
        return Finding(Kind.FOREIGN, "file", litter.path, f"{litter.size:,} bytes")
    return None


def judge_lost(value: Digest) -> Finding:
    """A value that is known to be gone, and that nothing makes again."""
    return Finding(Kind.LOST, "value", value.hex(), "no recorded call makes it", None, value)


def is_mourned(value: KeptValue) -> bool:
    """Whether a value is one whose bytes people may miss."""
    return value.place is Place.MISSING and value.hash != NOTHING.hash
