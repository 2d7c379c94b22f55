"""A miss in words: which piece of code changed and how, which argument is another, which file is not what it was.

The reasons were gathered while deciding; here the backend is asked for what stood there before, and the two are
compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from redux.files.facts import is_one_file, shown_text
from redux.namesakes import describe_namesake
from redux.reason_words import SHOWN_DIGITS, WORDS_OF_SEVERAL, describe_reason
from redux.value import content_of, own_classes
from redux_backends.backend import Backend, JobView, MissGroup
from redux_backends.records import (
    CodePiece,
    EvaluationKey,
    ExecutionId,
    JobId,
    MissKind,
    Outcome,
    Reason,
    Seconds,
    TaskRecord,
    ValueRecord,
)
from redux_valuestore.digest import Digest, digest_bytes

CONTEXT_LINES = 2


class ChangeKind(StrEnum):
    """What happened to a piece of code."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


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

    `file` is the path of a File whose content is the difference; `classes` are the user's own whose code is.
    """

    name: str
    before: str | None
    now: str | None
    file: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The change in a line, as in `count: 3 → 4`."""
        if self.classes:
            return f"{self.name}: the same content, but the code of {_named_classes(self.classes)} changed: {self.now}"
        if self.file is not None:
            return f"{self.name}: the content of {shown_text(self.file)} changed"
        if self.before is None:
            return f"{self.name}: new, {self.now}"
        if self.now is None:
            return f"{self.name}: no longer given, was {self.before}"
        if self.before == self.now:
            return f"{self.name}: looks the same, but its content or the code of its class changed: {self.now}"
        return f"{self.name}: {self.before} → {self.now}"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why jobs missed: the kind, one sentence, and what changed."""

    kind: MissKind
    words: str
    code: tuple[PieceChange, ...] = ()
    arguments: tuple[ArgumentChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Affected:
    """The jobs of one task that missed for a cause."""

    fullname: str
    count: int
    seconds: Seconds
    example: JobId


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """A cause and the tasks it made run, most time first."""

    cause: Cause
    affected: tuple[Affected, ...]

    @property
    def count(self) -> int:
        """How many jobs ran for it."""
        return sum(one.count for one in self.affected)

    @property
    def seconds(self) -> Seconds:
        """The time of those jobs in all."""
        return sum(one.seconds for one in self.affected)

    @property
    def line(self) -> str:
        """The cause and the tasks it made run, in a line."""
        names = [f"{one.fullname} ×{one.count:,}" if one.count > 1 else one.fullname for one in self.affected]
        more = f" and {len(names) - 4} more tasks" if len(names) > 5 else ""
        return f"{self.cause.words}: {', '.join(names[:4] if more else names)}{more}"


# -- comparing ---------------------------------------------------------------------------------------


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
    return ArgumentChange(name, _preview(before, old), _preview(now, new), _changed_file(old, new))


def _preview(digest: Digest | None, record: ValueRecord | None) -> str | None:
    if digest is None:
        return None
    return record.preview if record is not None else f"value {digest.hex()[:SHOWN_DIGITS]}"


def _changed_file(old: ValueRecord | None, new: ValueRecord | None) -> str | None:
    """The path of the one File that both values hold with another content."""
    if old is None or new is None:
        return None
    was = {file.path: file.content for file in old.files}
    changed = [file.path for file in new.files if file.path in was and was[file.path] != file.content]
    return changed[0] if len(changed) == 1 and set(was) == {file.path for file in new.files} else None


# -- asking the backend ------------------------------------------------------------------------------


def explain_job(backend: Backend, view: JobView) -> Cause | None:
    """Why a job ran; None where it did not, or was given up before that was known."""
    job = view.job
    if job.outcome is not Outcome.RAN or job.reason is None:
        return None
    if job.reason.kind is MissKind.NEW_ARGUMENTS:
        return _explain_arguments(backend, view)
    return _told_apart(backend, view, _explain(backend, view.fullname, job.task_hash, job.reason))


def _explain(backend: Backend, fullname: str, task_hash: Digest, reason: Reason) -> Cause:
    """What is behind a reason that is the same for all jobs of the task."""
    if reason.kind is MissKind.CODE_CHANGED:
        return _explain_code(backend, fullname, task_hash, reason)
    return Cause(reason.kind, describe_reason(reason))


def _told_apart(backend: Backend, view: JobView, cause: Cause) -> Cause:
    """The cause in other words where the earlier code is another workflow's task of the same name."""
    reason = view.job.reason
    if reason is None or reason.kind is not MissKind.CODE_CHANGED or not reason.detail:
        return cause
    words = describe_namesake(backend, view, Digest(bytes.fromhex(reason.detail)))
    return replace(cause, words=words) if words else cause


def _explain_code(backend: Backend, fullname: str, task_hash: Digest, reason: Reason) -> Cause:
    before = backend.get_task(Digest(bytes.fromhex(reason.detail))) if reason.detail else None
    now = backend.get_task(task_hash)
    if before is None or now is None:
        return Cause(reason.kind, describe_reason(reason))
    changes = compare_code(before, now)
    return Cause(reason.kind, _code_words(fullname, changes), changes)


def _code_words(fullname: str, changes: Sequence[PieceChange]) -> str:
    if not changes:
        return "its code changed in a way its pieces do not show"
    named = [change.words for change in changes[:3]]
    if len(changes) > 3:
        named.append(f"{len(changes) - 3} more pieces changed")
    return ", ".join(named)


def _explain_arguments(backend: Backend, view: JobView) -> Cause:
    """What differs between the call that missed and the earlier one it stands in for."""
    job = view.job
    key = backend.get_key(job.eval_hash) if job.eval_hash is not None else None
    nearest = backend.explain_cache_miss(key, job.execution).nearest if key is not None else None
    if key is None or nearest is None:
        return Cause(MissKind.NEW_ARGUMENTS, describe_reason(Reason(MissKind.NEW_ARGUMENTS)))
    if nearest.arguments == key.arguments:
        # Of two versions of the task, the one known now was called before, but not with these.
        before = Reason(MissKind.CODE_CHANGED, nearest.task_hash.hex())
        return _explain_code(backend, view.fullname, job.task_hash, before)
    wanted = {argument.value for argument in (*key.arguments, *nearest.arguments)}
    changes = compare_arguments(nearest, key, backend.describe_values(list(wanted)))
    changes = tuple(_name_classes(backend, change, nearest, key) for change in changes)
    return Cause(MissKind.NEW_ARGUMENTS, _argument_words(changes), (), changes)


def _name_classes(
    backend: Backend, change: ArgumentChange, before: EvaluationKey, now: EvaluationKey
) -> ArgumentChange:
    """The change with the classes whose code is all that differs; of large values that isn't looked up."""
    if change.before is None or change.before != change.now:
        return change
    old, new = (_bytes_of(backend, key, change.name) for key in (before, now))
    if old is None or new is None or content_of(old) != content_of(new):
        return change
    was = own_classes(old)
    names = [name.replace(":", ".") for name, code in own_classes(new).items() if was.get(name) != code]
    return replace(change, classes=tuple(names))


def _bytes_of(backend: Backend, key: EvaluationKey, name: str) -> bytes | None:
    """The bytes of an argument where they are in the database, undamaged."""
    digest = next(argument.value for argument in key.arguments if argument.name == name)
    stored = backend.get_value(digest)
    data = None if stored is None else stored.data
    return data if data is not None and digest_bytes(data) == digest else None


def _named_classes(names: Sequence[str]) -> str:
    return f"{'class' if len(names) == 1 else 'classes'} {_some(names)}"


def _argument_words(changes: Sequence[ArgumentChange]) -> str:
    files = list(dict.fromkeys(change.file for change in changes if change.file is not None))
    classes = list(dict.fromkeys(name for change in changes for name in change.classes))
    others = [change.name for change in changes if change.file is None and not change.classes]
    said = []
    if files:
        said.append(f"the content of {_some([*map(shown_text, files)])} changed")
    if classes:
        said.append(f"the code of {_named_classes(classes)} changed, whose instances are arguments")
    if others:
        it_was = "it was " if said else ""
        said.append(f"{it_was}called with {'another value' if len(others) == 1 else 'other values'} of {_some(others)}")
    return ", and ".join(said)


def group_causes(backend: Backend, execution: ExecutionId) -> list[CauseGroup]:
    """The misses of an execution by cause: equal changes of code are one cause, whatever tasks they made run.

    Most time first. New arguments are one cause for each task, shown by one of its calls.
    """
    grouped: dict[object, list[tuple[Cause, MissGroup]]] = {}
    for group in backend.miss_groups(execution):
        cause = _cause_of(backend, group)
        grouped.setdefault(_cause_key(cause, group), []).append((cause, group))
    found = [_join([cause for cause, _ in members], [group for _, group in members]) for members in grouped.values()]
    return sorted(found, key=lambda group: -group.seconds)


def _join(causes: Sequence[Cause], groups: Sequence[MissGroup]) -> CauseGroup:
    """One cause of equal ones; where they differ in the file or value concerned, the words name the first few."""
    affected: dict[str, Affected] = {}
    for group in groups:
        one = affected.get(group.fullname)
        affected[group.fullname] = Affected(
            group.fullname,
            group.count + (one.count if one else 0),
            group.seconds + (one.seconds if one else 0.0),
            one.example if one else group.example,
        )
    cause = causes[0]
    details = list(dict.fromkeys(group.reason.detail for group in groups))
    several = WORDS_OF_SEVERAL.get(cause.kind)
    if several is not None and len(details) > 1:
        shown = [detail[:SHOWN_DIGITS] for detail in details] if cause.kind is MissKind.VALUE_GONE else details
        shown = [*map(shown_text, shown)] if cause.kind is MissKind.FILE_CHANGED else shown
        were = "the files that were recorded" if all(map(is_one_file, details)) else "what was recorded"
        cause = Cause(cause.kind, several.format(details=_some(shown), were=were))
    return CauseGroup(cause, tuple(affected.values()))


def _some(names: Sequence[str]) -> str:
    """The first few of some names, and how many there are besides."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) <= 3:
        return ", ".join(names[:-1]) + f" and {names[-1]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def _cause_of(backend: Backend, group: MissGroup) -> Cause:
    kinds = (MissKind.NEW_ARGUMENTS, MissKind.CODE_CHANGED)
    example = backend.get_job(group.example) if group.reason.kind in kinds else None
    if example is not None and group.reason.kind is MissKind.NEW_ARGUMENTS:
        return _explain_arguments(backend, example)
    cause = _explain(backend, group.fullname, group.task_hash, group.reason)
    return cause if example is None else _told_apart(backend, example, cause)


def _cause_key(cause: Cause, group: MissGroup) -> object:
    if cause.code:
        return cause.code
    if cause.arguments and all(change.file is not None or change.classes for change in cause.arguments):
        return cause.kind, cause.words
    if cause.kind in (MissKind.NEW_ARGUMENTS, MissKind.CODE_CHANGED):
        return cause.kind, group.fullname
    return cause.kind
