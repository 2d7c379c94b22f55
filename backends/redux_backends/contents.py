"""Writing what is known by its own hash: values, and tasks with their code, become rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sqlalchemy import literal_column

from redux_backends import handles, schema
from redux_backends.records import CodePiece, Place, TaskRecord, ValueRecord
from redux_backends.rowids import Ledger
from redux_backends.statements import Among, Insert, Row, to_text
from redux_valuestore.digest import Digest

_VALUES = Insert(schema.value)
_FILES = Insert(schema.held_file)
_HELD_TASKS = Insert(schema.held_task)
_HELD_HANDLES = Insert(schema.held_handle)
_SUBVALUES = Insert(schema.subvalue)
_PIECES = Insert(schema.code_piece)
_TASKS = Insert(schema.task)
_TASK_PIECES = Insert(schema.task_piece)

_MISSING = str(int(Place.MISSING))
_ANY_MISSING = f"SELECT EXISTS (SELECT 1 FROM value WHERE place = {_MISSING})"
_STILL_MISSING = Among(
    [schema.value.c.id], schema.value, schema.value.c.id, schema.value.c.place == literal_column(_MISSING)
)
_BRING_BACK = "UPDATE value SET place = ?, data = ? WHERE id = ?"
_FORGET = f"UPDATE value SET place = {_MISSING}, data = NULL WHERE {schema.SAME_HASH}"
_KNOWN_PIECES = Among(list(schema.code_piece.c), schema.code_piece, schema.prefix_of(schema.code_piece.c.hash))


def forget_value(connection: sqlite3.Connection, value: Digest) -> None:
    """Note that a value's bytes are gone."""
    connection.execute(_FORGET, {"id": value})


class ContentWriter:
    """The values and tasks of one batch on their way into the tables; `ledger` has looked up which are known."""

    def __init__(self, connection: sqlite3.Connection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger

    def values(self, values: Iterable[ValueRecord]) -> None:
        """Write new values with what they hold; those whose bytes were gone have them again."""
        known = self._ledger.values
        words = self._ledger.words
        new: dict[bytes, ValueRecord] = {}
        again: list[ValueRecord] = []
        for value in values:
            if value.hash not in known:
                known.add(value.hash)
                new[value.hash] = value
            elif value.hash not in new:
                again.append(value)
        words.learn(value.type_name for value in new.values())
        rows = [
            (
                known[value.hash],
                value.hash,
                words[value.type_name],
                value.size,
                int(value.traits),
                int(Place.STORE if value.data is None else Place.INLINE),
                to_text(value.preview),
                value.data,
            )
            for value in new.values()
        ]
        _VALUES.run(self._connection, rows)
        self._held([value for value in new.values() if value.traits])
        if again:
            self._bring_back(again)

    def _held(self, values: list[ValueRecord]) -> None:
        known = self._ledger.values
        words = self._ledger.words
        words.learn(task.fullname for value in values for task in value.tasks)
        files: list[Row] = []
        tasks: list[Row] = []
        children: list[Row] = []
        held: list[Row] = []
        versions = self._ledger.handles
        handles.hold(self._connection, self._ledger, (one for value in values for one in value.handles))
        for value in values:
            row = known[value.hash]
            files += [(row, at, to_text(file.path), file.content) for at, file in enumerate(value.files)]
            tasks += [(row, at, words[task.fullname], task.task_hash) for at, task in enumerate(value.tasks)]
            children += [(row, at, known[child]) for at, child in enumerate(value.subvalues)]
            held += [(row, at, versions[one.hash]) for at, one in enumerate(value.handles)]
        _FILES.run(self._connection, files)
        _HELD_TASKS.run(self._connection, tasks)
        _SUBVALUES.run(self._connection, children)
        _HELD_HANDLES.run(self._connection, held)

    def _bring_back(self, values: list[ValueRecord]) -> None:
        """Values whose bytes were gone have them again."""
        if not self._connection.execute(_ANY_MISSING).fetchone()[0]:
            return
        rows = {self._ledger.values[value.hash]: value for value in reversed(values)}
        for (row,) in _STILL_MISSING.rows(self._connection, rows):
            data = rows[row].data
            place = Place.STORE if data is None else Place.INLINE
            self._connection.execute(_BRING_BACK, (int(place), data, row))

    def tasks(self, tasks: Iterable[TaskRecord]) -> None:
        """Write new tasks, and those pieces of their code that no other task had."""
        known = self._ledger.tasks
        words = self._ledger.words
        new: dict[bytes, TaskRecord] = {}
        for task in tasks:
            if task.hash not in known:
                known.add(task.hash)
                new[task.hash] = task
        if not new:
            return
        words.learn(task.fullname for task in new.values())
        pieces = self._pieces(piece for task in new.values() for piece in task.pieces)
        _TASKS.run(
            self._connection,
            [
                (known[task.hash], task.hash, words[task.fullname], task.version and to_text(task.version))
                for task in new.values()
            ],
        )
        _TASK_PIECES.run(
            self._connection,
            [(known[task.hash], at, pieces[piece]) for task in new.values() for at, piece in enumerate(task.pieces)],
        )

    def _pieces(self, pieces: Iterable[CodePiece]) -> dict[CodePiece, int]:
        wanted = dict.fromkeys(pieces)
        prefixes = {piece.hash[: schema.PREFIX] for piece in wanted}
        known = {
            CodePiece(Digest(digest), kind, name, source): row
            for row, digest, kind, name, source in _KNOWN_PIECES.rows(self._connection, prefixes)
        }
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM code_piece").fetchone()
        new: list[Row] = []
        for piece in wanted:
            if piece not in known:
                known[piece] = last + len(new) + 1
                new.append((known[piece], piece.hash, piece.kind, to_text(piece.name), to_text(piece.source)))
        _PIECES.run(self._connection, new)
        return known
