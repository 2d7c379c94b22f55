"""Two versions of a task's code, and two calls' arguments, compared: what is not as it was."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redux.explain.differences import ALIKE, ChangeKind, Inside
from redux.explain.words import named_classes
from redux.files.facts import shown_text
from redux.redaction import REDACTED
from redux.secret_names import is_hidden
from redux.words.jobs import short
from redux_backends.records import CodePiece, EvaluationKey, TaskRecord, ValueRecord
from redux_valuestore.digest import Digest

CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class PieceChange:
    """A piece of code that is not what it was: its kind and name, and a unified diff of its source."""

    change: ChangeKind
    kind: str
    name: str
    diff: str

    @property
    def words(self) -> str:
        """The change in a few words, as in `function helpers.normalise changed`."""
        return f"{self.kind} {self.name} {self.change}"


@dataclass(frozen=True, slots=True)
class ArgumentChange:
    """An argument that differs from the nearest earlier call's; a preview is None where there was no such argument.

    `file` is the path of a File whose content is the difference; `classes` are the user's own whose code is. `old` and
    `new` are the hashes of the values, and `inside` is what differs in them, where somebody looked.
    """

    name: str
    before: str | None
    now: str | None
    file: str | None = None
    classes: tuple[str, ...] = ()
    old: Digest | None = None
    new: Digest | None = None
    inside: Inside = ALIKE

    @property
    def words(self) -> str:
        """The change in a line, as in `count: 3 → 4`."""
        if self.classes:
            return f"{self.name}: the same content, but the code of {named_classes(self.classes)} changed: {self.now}"
        if self.file is not None:
            return f"{self.name}: the content of {shown_text(self.file)} changed"
        if self.before is None:
            return f"{self.name}: new, {self.now}"
        if self.now is None:
            return f"{self.name}: no longer given, was {self.before}"
        if self.before == self.now and REDACTED in self.now:
            return f"{self.name} (secret) changed" if is_hidden(self.now) else f"{self.name}: a secret in it changed"
        if self.before == self.now and self.inside.differences:
            return f"{self.name}: looks the same, but is not: {self.now}"
        if self.before == self.now:
            return f"{self.name}: looks the same, but its content or the code of its class changed: {self.now}"
        return f"{self.name}: {self.before} → {self.now}"


def compare_code(before: TaskRecord, now: TaskRecord) -> tuple[PieceChange, ...]:
    """The pieces of code that differ between two versions of a task, each with its diff.

    A piece whose source is the same, but which refers to one that changed, is left out.
    """
    old, new = _by_name(before.pieces), _by_name(now.pieces)
    changes = [
        _piece_change(old.get(name), new.get(name))
        for name in dict.fromkeys((*new, *old))
        if _hash(old.get(name)) != _hash(new.get(name))
    ]
    seen = [change for change in changes if change.diff]
    return tuple(seen or changes)


def _by_name(pieces: Iterable[CodePiece]) -> dict[tuple[str, int], CodePiece]:
    """Pieces by name, and by their number among those of one name."""
    found: dict[tuple[str, int], CodePiece] = {}
    for piece in pieces:
        number = 0
        while (piece.name, number) in found:
            number += 1
        found[piece.name, number] = piece
    return found


def _hash(piece: CodePiece | None) -> Digest | None:
    return None if piece is None else piece.hash


def _piece_change(old: CodePiece | None, new: CodePiece | None) -> PieceChange:
    shown = new or old
    assert shown is not None
    change = ChangeKind.ADDED if old is None else ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
    diff = diff_text("" if old is None else old.source, "" if new is None else new.source, shown.name)
    return PieceChange(change, shown.kind, shown.name, diff)


def diff_text(before: str, now: str, name: str) -> str:
    """The unified diff of two texts; empty where they are equal."""
    lines = difflib.unified_diff(
        before.splitlines(), now.splitlines(), f"{name} (before)", f"{name} (now)", lineterm="", n=CONTEXT_LINES
    )
    return "\n".join(lines)


def compare_arguments(
    before: EvaluationKey, now: EvaluationKey, described: Mapping[Digest, ValueRecord]
) -> tuple[ArgumentChange, ...]:
    """The arguments that differ between two calls, by name, with the previews of what they were and are."""
    old = {argument.name: argument.value for argument in before.arguments}
    new = {argument.name: argument.value for argument in now.arguments}
    return tuple(
        _argument_change(name, old.get(name), new.get(name), described)
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    )


def _argument_change(
    name: str, before: Digest | None, now: Digest | None, described: Mapping[Digest, ValueRecord]
) -> ArgumentChange:
    old = described.get(before) if before is not None else None
    new = described.get(now) if now is not None else None
    return ArgumentChange(name, _preview(before, old), _preview(now, new), _changed_file(old, new), old=before, new=now)


def _preview(digest: Digest | None, record: ValueRecord | None) -> str | None:
    if digest is None:
        return None
    return record.preview if record is not None else f"value {short(digest)}"


def _changed_file(old: ValueRecord | None, new: ValueRecord | None) -> str | None:
    """The path of the one File that both values hold with another content."""
    if old is None or new is None:
        return None
    was = {file.path: file.content for file in old.files}
    changed = [file.path for file in new.files if file.path in was and was[file.path] != file.content]
    return changed[0] if len(changed) == 1 and set(was) == {file.path for file in new.files} else None
