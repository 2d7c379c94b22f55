"""Redun's handles: their versions, what they descend from, and which of them were rolled back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from redux.redun.ids import kept_hash
from redux.redun.order import Kind, take_all
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking
from redux_backends.exchange import HandleRecord, Records
from redux_backends.records import HandleVersion
from redux_valuestore.frozen import frozen

_ALL = "SELECT hash, fullname, is_valid FROM handle"
_EDGES = f"SELECT child_id, parent_id FROM handle_edge WHERE child_id {AMONG}"


@frozen
class _Version:
    key: str
    names: frozenset[str]
    fullname: str
    is_valid: bool


def take_handles(taking: Taking) -> None:
    """Record the versions of handles, before the values that hold them."""
    kind = Kind("handles", "handle", [_ALL], f"{_ALL} WHERE hash {AMONG}", _enriched, _record)
    take_all(taking, kind, taking.book.handles)


def _enriched(taking: Taking, rows: Sequence[Row]) -> list[_Version]:
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for child, parent in taking.source.read(_EDGES, [row[0] for row in rows]):
        parents[child].add(parent)
    return [_Version(hash, frozenset(parents[hash]), fullname, bool(valid)) for hash, fullname, valid in rows]


def _record(taking: Taking, versions: Sequence[_Version]) -> None:
    there = {name for one in versions for name in (one.key, *taking.book.handles.find(one.names))}
    taking.put(Records(handles=[_as_ours(one, there) for one in versions]))
    taking.book.handles.add((one.key, kept_hash(one.key)) for one in versions)


def _as_ours(one: _Version, there: Collection[str]) -> HandleRecord:
    parents = tuple(kept_hash(name) for name in sorted(one.names) if name in there)
    return HandleRecord(HandleVersion(kept_hash(one.key), one.fullname, parents), one.is_valid)


def versions_of(taking: Taking, values: Sequence[str]) -> Mapping[str, HandleVersion]:
    """The versions that values are."""
    said = f"SELECT value_hash, hash, fullname FROM handle WHERE value_hash {AMONG}"
    return {value: HandleVersion(kept_hash(hash), name) for value, hash, name in taking.source.read(said, values)}
