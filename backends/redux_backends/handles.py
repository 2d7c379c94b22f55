"""Handles as rows: their versions, which descends from which, and which of them still are what is outside."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Text, Update, bindparam, literal_column, not_, select, update

from redux_backends import schema
from redux_backends.dialects import IsOneOf
from redux_backends.errors import unknown_reference
from redux_backends.exchange import HandleRecord
from redux_backends.records import HandleVersion, Rollback
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row
from redux_valuestore.digest import Digest

_VERSIONS = Insert(schema.handle)
_EDGES = Insert(schema.handle_edge)
_VALIDITY = Among([schema.handle.c.id, schema.handle.c.valid], schema.handle, schema.handle.c.id)
_HASHES = Among(
    [schema.handle.c.id, schema.handle.c.hash, schema.word.c.text],
    schema.handle.join(schema.word, schema.word.c.id == schema.handle.c.name_id),
    schema.handle.c.id,
)
_PARENTS = Among(list(schema.handle_edge.c), schema.handle_edge, schema.handle_edge.c.child_id)
_HELD = Among(list(schema.held_handle.c), schema.held_handle, schema.held_handle.c.value_id)
_parent = schema.handle.alias("parent")
_RECORDED = Among(
    [
        *(schema.handle.c.hash, schema.word.c.text, schema.handle.c.valid),
        *(schema.handle_edge.c.position, _parent.c.hash, _parent.c.valid),
    ],
    schema.handle.join(schema.word, schema.word.c.id == schema.handle.c.name_id)
    .outerjoin(schema.handle_edge, schema.handle_edge.c.child_id == schema.handle.c.id)
    .outerjoin(_parent, _parent.c.id == schema.handle_edge.c.parent_id),
    schema.prefix_of(schema.handle.c.hash),
)
"""A row for each parent, or one without: in one statement, so that all of it is as it was at one moment."""
_KNOWN = Among([schema.handle.c.hash, schema.handle.c.valid], schema.handle, schema.prefix_of(schema.handle.c.hash))

_edge, _merged = schema.handle_edge, schema.handle_edge.alias("merged")
_ROWS = bindparam("rows", type_=Text)


def _roll_back_below(*chosen: ColumnElement[bool]) -> Update:
    """Make invalid what descends from a version by those of its children that are chosen."""
    first = select(_edge.c.child_id.label("id")).where(_edge.c.parent_id == bindparam("handle"), *chosen)
    below = first.cte("below", recursive=True)
    below = below.union(select(_edge.c.child_id).join_from(_edge, below, _edge.c.parent_id == below.c.id))
    handle = schema.handle
    return (
        update(handle)
        .where(handle.c.valid == literal_column("1"), handle.c.id.in_(select(below.c.id)))
        .values(valid=literal_column("0"))
    )


_ROLL_BACK = _roll_back_below()
_ROLL_BACK_OTHERS = _roll_back_below(
    not_(IsOneOf(_edge.c.child_id, _ROWS)),
    _edge.c.child_id.not_in(select(_merged.c.child_id).where(_merged.c.position == literal_column("1"))),
)
_SET_VALIDITY = update(schema.handle).where(IsOneOf(schema.handle.c.id, _ROWS)).values(valid=bindparam("now_valid"))


def record(session: Session, ledger: Ledger, rollbacks: Sequence[Rollback], versions: Sequence[HandleVersion]) -> None:
    """Roll back, then record versions: each is valid if its parents are."""
    known = ledger.handles
    known.learn(
        [one.handle for one in rollbacks]
        + [digest for one in rollbacks for digest in one.keep or ()]
        + [digest for one in versions for digest in (one.hash, *one.parents)]
    )
    for one in rollbacks:
        if one.handle in known:
            _roll_back(session, known, one)
    if versions:
        _advance(session, ledger, versions)


def _roll_back(session: Session, known: Mapping[bytes, int], one: Rollback) -> None:
    if one.keep is None:
        session.run(_ROLL_BACK, handle=known[one.handle])
    else:
        keep = [known[digest] for digest in one.keep if digest in known]
        session.run(_ROLL_BACK_OTHERS, handle=known[one.handle], rows=json.dumps(keep))


def hold(session: Session, ledger: Ledger, held: Iterable[HandleVersion]) -> None:
    """Have rows for versions that values hold: one that nobody recorded is not valid, and others stay as they are."""
    wanted = list(dict.fromkeys(held))
    if wanted:
        ledger.handles.learn(digest for one in wanted for digest in (one.hash, *one.parents))
        _advance(session, ledger, wanted, only_held=True)


def put(session: Session, ledger: Ledger, given: Sequence[HandleRecord]) -> None:
    """Write versions of another database: known ones stay as valid as they are, new ones rest on their parents."""
    known = ledger.handles
    known.learn(digest for one in given for digest in (one.version.hash, *one.version.parents))
    there = {one.version.hash for one in given}
    for one in given:
        for parent in one.version.parents:
            if parent not in known and parent not in there:
                raise unknown_reference("handle", parent)
    valid = [one.version for one in given if one.valid and one.version.hash not in known]
    others = [one.version for one in given if not one.valid or one.version.hash in known]
    _advance(session, ledger, others, only_held=True)
    _advance(session, ledger, valid, {one.version.hash: one.on for one in given})


def read(session: Session, hashes: Collection[bytes]) -> Mapping[bytes, HandleRecord]:
    """Versions by their hashes."""
    found: defaultdict[bytes, list[tuple]] = defaultdict(list)
    for hash, *rest in session.read(_RECORDED, schema.prefixes(hashes)):
        if hash in hashes:
            found[hash].append(tuple(rest))
    records: dict[bytes, HandleRecord] = {}
    for hash, rows in found.items():
        name, valid, *_ = rows[0]
        parents = sorted((at, Digest(parent), sound) for *_, at, parent, sound in rows if parent is not None)
        version = HandleVersion(Digest(hash), name, tuple(parent for _, parent, _ in parents))
        records[hash] = HandleRecord(version, bool(valid), tuple(parent for _, parent, sound in parents if sound))
    return records


def _advance(
    session: Session,
    ledger: Ledger,
    versions: Sequence[HandleVersion],
    on: Mapping[Digest, Sequence[Digest]] | None = None,
    *,
    only_held: bool = False,
) -> None:
    """Record versions, each valid if all its parents are, or those that it is said to rest `on`."""
    known, words = ledger.handles, ledger.words
    words.learn({version.name for version in versions})
    old = {known[digest] for one in versions for digest in (one.hash, *one.parents) if digest in known}
    valid = {row: bool(value) for row, value in session.read(_VALIDITY, old)}
    before = dict(valid)
    with_parents = {row for row, *_ in session.read(_PARENTS, old)}
    names: dict[int, tuple[Digest, int]] = {}
    edges: list[Row] = []
    for version in versions:
        stays_valid = version.hash in known and valid[known[version.hash]]
        for digest in (*version.parents, version.hash):
            if digest not in known:
                row = known.add(digest)
                names[row], valid[row] = (digest, words[version.name]), True
        row = known[version.hash]
        under = version.parents if on is None else on[version.hash]
        valid[row] = stays_valid if only_held else all(valid[known[parent]] for parent in under)
        if row not in with_parents:
            with_parents.add(row)
            edges += [(row, at, known[parent]) for at, parent in enumerate(version.parents)]
    session.write(_VERSIONS, [(row, digest, name, int(valid[row])) for row, (digest, name) in names.items()])
    session.write(_EDGES, edges)
    for now_valid in (0, 1):
        changed = [row for row, was in before.items() if valid[row] != was and valid[row] == now_valid]
        if changed:
            _set_validity(session, changed, now_valid)


def _set_validity(session: Session, rows: list[int], now_valid: int) -> None:
    session.run(_SET_VALIDITY, rows=json.dumps(rows), now_valid=now_valid)


def valid_handles(session: Session, handles: Iterable[Digest]) -> frozenset[Digest]:
    """Which of these versions are known and were not rolled back."""
    wanted = set(handles)
    prefixes = schema.prefixes(wanted)
    return frozenset(Digest(digest) for digest, valid in session.read(_KNOWN, prefixes) if valid) & wanted


def held_by(session: Session, values: Sequence[int]) -> Mapping[int, tuple[HandleVersion, ...]]:
    """The versions that the values of these rows hold, in order."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for value, _, handle in sorted(session.read(_HELD, values)):
        held[value].append(handle)
    parents: defaultdict[int, list[int]] = defaultdict(list)
    for child, _, parent in sorted(session.read(_PARENTS, {row for rows in held.values() for row in rows})):
        parents[child].append(parent)
    rows = {row for rows in (*held.values(), *parents.values()) for row in rows}
    known = {row: (Digest(digest), name) for row, digest, name in session.read(_HASHES, rows)}

    def version(row: int) -> HandleVersion:
        return HandleVersion(*known[row], tuple(known[parent][0] for parent in parents[row]))

    return {value: tuple(version(row) for row in rows) for value, rows in held.items()}
