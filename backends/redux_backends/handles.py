"""Handles as rows: their versions, which descends from which, and which of them still are what is outside."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from redux_backends import schema
from redux_backends.records import HandleVersion, Rollback
from redux_backends.rowids import Ledger
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
_KNOWN = Among([schema.handle.c.hash, schema.handle.c.valid], schema.handle, schema.prefix_of(schema.handle.c.hash))

_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT child_id FROM handle_edge WHERE parent_id = :handle AND {chosen}
    UNION
    SELECT child_id FROM handle_edge JOIN below ON parent_id = below.id
)
UPDATE handle SET valid = 0 WHERE valid AND id IN below
"""
_ROLL_BACK = _BELOW.format(chosen="TRUE")
_ROLL_BACK_OTHERS = _BELOW.format(
    chosen="""child_id NOT IN (SELECT value FROM json_each(:keep))
    AND child_id NOT IN (SELECT merged.child_id FROM handle_edge AS merged WHERE merged.position = 1)"""
)


def record(
    connection: sqlite3.Connection, ledger: Ledger, rollbacks: Sequence[Rollback], versions: Sequence[HandleVersion]
) -> None:
    """Roll back, then record versions: each is valid if its parents are."""
    known = ledger.handles
    known.learn(
        [one.handle for one in rollbacks]
        + [digest for one in rollbacks for digest in one.keep or ()]
        + [digest for one in versions for digest in (one.hash, *one.parents)]
    )
    for one in rollbacks:
        if one.handle in known:
            _roll_back(connection, known, one)
    if versions:
        _advance(connection, ledger, versions)


def _roll_back(connection: sqlite3.Connection, known: Mapping[bytes, int], one: Rollback) -> None:
    if one.keep is None:
        connection.execute(_ROLL_BACK, {"handle": known[one.handle]})
    else:
        keep = json.dumps([known[digest] for digest in one.keep if digest in known])
        connection.execute(_ROLL_BACK_OTHERS, {"handle": known[one.handle], "keep": keep})


def hold(connection: sqlite3.Connection, ledger: Ledger, held: Iterable[HandleVersion]) -> None:
    """Have rows for versions that values hold: one that nobody recorded is not valid."""
    wanted = dict.fromkeys(held)
    ledger.handles.learn(digest for one in wanted for digest in (one.hash, *one.parents))
    unknown = [one for one in wanted if one.hash not in ledger.handles]
    if unknown:
        _advance(connection, ledger, unknown)
        rows = [(ledger.handles[one.hash],) for one in unknown]
        connection.executemany("UPDATE handle SET valid = 0 WHERE id = ?", rows)


def _advance(connection: sqlite3.Connection, ledger: Ledger, versions: Sequence[HandleVersion]) -> None:
    known, words = ledger.handles, ledger.words
    words.learn({version.name for version in versions})
    old = {known[digest] for one in versions for digest in (one.hash, *one.parents) if digest in known}
    valid = {row: bool(value) for row, value in _VALIDITY.rows(connection, old)}
    before = dict(valid)
    with_parents = {row for row, *_ in _PARENTS.rows(connection, old)}
    names: dict[int, tuple[Digest, int]] = {}
    edges: list[Row] = []
    for version in versions:
        for digest in (*version.parents, version.hash):
            if digest not in known:
                row = known.add(digest)
                names[row], valid[row] = (digest, words[version.name]), True
        row = known[version.hash]
        valid[row] = all(valid[known[parent]] for parent in version.parents)
        if row not in with_parents:
            with_parents.add(row)
            edges += [(row, at, known[parent]) for at, parent in enumerate(version.parents)]
    _VERSIONS.run(connection, [(row, digest, name, int(valid[row])) for row, (digest, name) in names.items()])
    _EDGES.run(connection, edges)
    changed = [(int(valid[row]), row) for row, was in before.items() if valid[row] != was]
    connection.executemany("UPDATE handle SET valid = ? WHERE id = ?", changed)


def valid_handles(connection: sqlite3.Connection, handles: Iterable[Digest]) -> frozenset[Digest]:
    """Which of these versions are known and were not rolled back."""
    wanted = set(handles)
    prefixes = [digest[: schema.PREFIX] for digest in wanted]
    return frozenset(Digest(digest) for digest, valid in _KNOWN.rows(connection, prefixes) if valid) & wanted


def held_by(connection: sqlite3.Connection, values: Sequence[int]) -> Mapping[int, tuple[HandleVersion, ...]]:
    """The versions that the values of these rows hold, in order."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for value, _, handle in sorted(_HELD.rows(connection, values)):
        held[value].append(handle)
    parents: defaultdict[int, list[int]] = defaultdict(list)
    for child, _, parent in sorted(_PARENTS.rows(connection, {row for rows in held.values() for row in rows})):
        parents[child].append(parent)
    rows = {row for rows in (*held.values(), *parents.values()) for row in rows}
    known = {row: (Digest(digest), name) for row, digest, name in _HASHES.rows(connection, rows)}

    def version(row: int) -> HandleVersion:
        return HandleVersion(*known[row], tuple(known[parent][0] for parent in parents[row]))

    return {value: tuple(version(row) for row in rows) for value, rows in held.items()}
