"""Redun's handles: their versions, what they descend from, and which of them were rolled back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from redux.redun.ids import kept_hash
from redux.redun.order import in_order
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking, pages
from redux_backends.records import Batch, HandleVersion, Rollback
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen

_ALL = "SELECT hash, fullname, is_valid FROM handle"
_EDGES = f"SELECT child_id, parent_id FROM handle_edge WHERE child_id {AMONG}"
_ROLLED_BACK = """
SELECT e.parent_id, e.child_id, h.is_valid FROM handle_edge e JOIN handle h ON h.hash = e.child_id
WHERE e.parent_id IN (
    SELECT i.parent_id FROM handle_edge i JOIN handle c ON c.hash = i.child_id JOIN handle p ON p.hash = i.parent_id
    WHERE NOT c.is_valid AND p.is_valid
) ORDER BY e.parent_id
"""


@frozen
class _Version:
    key: str
    names: frozenset[str]
    fullname: str


def take_handles(taking: Taking) -> None:
    """Record the versions of handles, then roll back what was rolled back."""
    total, done = taking.source.count("handle"), 0

    def settle(versions: Sequence[_Version]) -> None:
        nonlocal done
        taking.record(Batch(handles=[_as_version(one) for one in versions]))
        taking.book.handles.add((one.key, kept_hash(one.key)) for one in versions)
        done += len(versions)
        taking.told("handles", done, total)

    def again(keys: Sequence[str]) -> list[_Version]:
        return _versions(taking, list(taking.source.read(f"{_ALL} WHERE hash {AMONG}", keys)))

    first = (_versions(taking, page) for page in pages(taking.source.read(_ALL)))
    taking.counts.lost += in_order(first, again, taking.book.handles, settle)
    for rollbacks in pages(_rollbacks(taking)):
        taking.record(Batch(rollbacks=rollbacks))


def _versions(taking: Taking, rows: Sequence[Row]) -> list[_Version]:
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for child, parent in taking.source.read(_EDGES, [row[0] for row in rows]):
        parents[child].add(parent)
    return [_Version(hash, frozenset(parents[hash]), fullname) for hash, fullname, _ in rows]


def _as_version(one: _Version) -> HandleVersion:
    return HandleVersion(kept_hash(one.key), one.fullname, tuple(kept_hash(name) for name in sorted(one.names)))


def _rollbacks(taking: Taking) -> Iterator[Rollback]:
    """What made children of valid versions invalid."""
    kept: dict[str, set[Digest]] = {}
    for parent, child, is_valid in taking.source.read(_ROLLED_BACK):
        kept.setdefault(parent, set())
        if is_valid:
            kept[parent].add(kept_hash(child))
    for parent, valid in kept.items():
        yield Rollback(kept_hash(parent), frozenset(valid) or None)


def versions_of(taking: Taking, values: Sequence[str]) -> Mapping[str, HandleVersion]:
    """The versions that values are."""
    said = f"SELECT value_hash, hash, fullname FROM handle WHERE value_hash {AMONG}"
    return {value: HandleVersion(kept_hash(hash), name) for value, hash, name in taking.source.read(said, values)}
