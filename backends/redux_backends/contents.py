"""Writing what is known by its own hash: values, and tasks with their code, become rows."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import exists, literal_column, null, select, update

from redux_backends import handles, schema
from redux_backends.records import CodePiece, Place, TaskRecord, Traits, ValueRecord
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row
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
_ANY_MISSING = select(exists().where(schema.value.c.place == literal_column(_MISSING)))
_STILL_MISSING = Among(
    [schema.value.c.id], schema.value, schema.value.c.id, schema.value.c.place == literal_column(_MISSING)
)
_BRING_BACK = Insert(schema.value, update=("place", "data"))
_FORGET = (
    update(schema.value)
    .where(schema.same_id_given(schema.value.c.hash))
    .values(place=literal_column(_MISSING), data=null())
)
_ADOPT = (
    update(schema.value)
    .where(schema.same_id_given(schema.value.c.hash))
    .values(traits=schema.value.c.traits.op("&")(literal_column(str(~int(Traits.FOREIGN)))))
)
_LAST_PIECE = schema.last_row(schema.code_piece)
_KNOWN_PIECES = Among(list(schema.code_piece.c), schema.code_piece, schema.prefix_of(schema.code_piece.c.hash))


def forget_value(session: Session, value: Digest) -> None:
    """Note that a value's bytes are gone."""
    session.run(_FORGET, prefix=value[: schema.PREFIX], digest=value)


def adopt_value(session: Session, value: Digest) -> None:
    """Note that a value is no longer from elsewhere."""
    session.run(_ADOPT, prefix=value[: schema.PREFIX], digest=value)


class ContentWriter:
    """The values and tasks of one batch on their way into the tables; `ledger` has looked up which are known."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
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
        self._session.write(_VALUES, [self._value_row(value) for value in new.values()])
        self._held([value for value in new.values() if value.traits])
        if again:
            self._bring_back(again)

    def _value_row(self, value: ValueRecord) -> Row:
        return (
            self._ledger.values[value.hash],
            value.hash,
            self._ledger.words[value.type_name],
            value.size,
            int(value.traits),
            int(Place.STORE if value.data is None else Place.INLINE),
            value.preview,
            value.data,
        )

    def _held(self, values: list[ValueRecord]) -> None:
        known = self._ledger.values
        words = self._ledger.words
        words.learn(task.fullname for value in values for task in value.tasks)
        files: list[Row] = []
        tasks: list[Row] = []
        children: list[Row] = []
        held: list[Row] = []
        versions = self._ledger.handles
        handles.hold(self._session, self._ledger, (one for value in values for one in value.handles))
        for value in values:
            row = known[value.hash]
            files += [(row, at, file.path, file.content) for at, file in enumerate(value.files)]
            tasks += [(row, at, words[task.fullname], task.task_hash) for at, task in enumerate(value.tasks)]
            children += [(row, at, known[child]) for at, child in enumerate(value.subvalues)]
            held += [(row, at, versions[one.hash]) for at, one in enumerate(value.handles)]
        self._session.write(_FILES, files)
        self._session.write(_HELD_TASKS, tasks)
        self._session.write(_SUBVALUES, children)
        self._session.write(_HELD_HANDLES, held)

    def _bring_back(self, values: list[ValueRecord]) -> None:
        """Values whose bytes were gone have them again."""
        if not self._session.first(_ANY_MISSING)[0]:
            return
        rows = {self._ledger.values[value.hash]: value for value in reversed(values)}
        missing = [rows[row] for (row,) in self._session.read(_STILL_MISSING, rows)]
        self._ledger.words.learn(value.type_name for value in missing)
        self._session.write(_BRING_BACK, [self._value_row(value) for value in missing])

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
        self._session.write(
            _TASKS,
            [(known[task.hash], task.hash, words[task.fullname], task.version) for task in new.values()],
        )
        self._session.write(
            _TASK_PIECES,
            [(known[task.hash], at, pieces[piece]) for task in new.values() for at, piece in enumerate(task.pieces)],
        )

    def _pieces(self, pieces: Iterable[CodePiece]) -> dict[CodePiece, int]:
        wanted = dict.fromkeys(pieces)
        prefixes = schema.prefixes(piece.hash for piece in wanted)
        known = {
            CodePiece(Digest(digest), kind, name, source): row
            for row, digest, kind, name, source in self._session.read(_KNOWN_PIECES, prefixes)
        }
        (last,) = self._session.first(_LAST_PIECE)
        new: list[Row] = []
        for piece in wanted:
            if piece not in known:
                known[piece] = last + len(new) + 1
                new.append((known[piece], piece.hash, piece.kind, piece.name, piece.source))
        self._session.write(_PIECES, new)
        return known
