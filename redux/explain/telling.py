"""Root causes in words, with the diff, the file or the argument that each is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redux.explain.behind import FileChange, Root, RootKind
from redux.explain.causes import Cause
from redux.explain.comparing import ArgumentChange, compare_arguments
from redux.explain.roots import RootGroup
from redux.explain.tree import Story
from redux.explain.words import some
from redux.files.facts import is_one_file, shown_text
from redux.redaction import REDACTED
from redux.secret_names import is_hidden
from redux.words.jobs import DIGITS, short
from redux.words.reasons import WORDS_OF_SEVERAL, describe_reason
from redux_backends.backend import AskedJob, Backend
from redux_backends.records import EvaluationKey, MissKind, Reason, ValueRecord, hash_arguments
from redux_valuestore.digest import Digest

_SHOWN = 60
"""Characters of an argument in a sentence."""


class Teller:
    """Says what root causes are; what is shown of values is asked of the backend at once, for all groups told of."""

    def __init__(
        self, backend: Backend, story: Story, files: Mapping[str, FileChange], groups: Sequence[RootGroup]
    ) -> None:
        self._story = story
        self._files = files
        self._jobs = {job.id: job for job in story.now.jobs}
        wanted: set[Digest] = set()
        for group in groups:
            if group.roots[0].kind is RootKind.ARGUMENT:
                wanted |= {one.value for job in self._compared(group) for one in job.arguments}
            elif group.roots[0].kind is RootKind.CONTEXT:
                wanted |= {context for context in story.contexts if context is not None}
        self._values: Mapping[Digest, ValueRecord] = backend.describe_values(sorted(wanted)) if wanted else {}

    def tell(self, group: RootGroup) -> Cause:
        """A root cause in words."""
        root = group.roots[0]
        if root.kind is RootKind.CODE:
            return _of_code(root)
        if root.kind is RootKind.FILE:
            return Cause(MissKind.FILE_CHANGED, self._of_files(group))
        if root.kind is RootKind.ARGUMENT:
            return self._of_argument(root, group)
        if root.kind is RootKind.CONTEXT:
            before, now = (self._context(one) for one in self._story.contexts)
            return Cause(root.reason, f"the context changed: {before} → {now}")
        if root.kind is RootKind.ANOTHER_RESULT:
            return Cause(root.reason, f"{root.task} gave another result than before for the same arguments")
        return _of_reason(root, group)

    def _compared(self, group: RootGroup) -> list[AskedJob]:
        near = self._story.nearest.get(group.example)
        return [self._jobs[group.example], *([] if near is None else [near.job])]

    def _of_files(self, group: RootGroup) -> str:
        paths = [root.name for root in group.roots]
        if len(paths) == 1:
            return _file_words(paths[0], self._files.get(paths[0]))
        noun = "files" if all(map(is_one_file, paths)) else "files and folders"
        return f"{len(paths):,} {noun} changed: {some([*map(shown_text, paths)])}"

    def _of_argument(self, root: Root, group: RootGroup) -> Cause:
        now, *before = self._compared(group)
        changes = compare_arguments(key_of(before[0]), key_of(now), self._values) if before else ()
        mine = tuple(change for change in changes if change.name == root.name)
        words = _argument_words(root, mine[0]) if mine else describe_reason(Reason(root.reason))
        return Cause(root.reason, words, (), mine)

    def _context(self, context: Digest | None) -> str:
        if context is None:
            return "none"
        return _short(self._values[context].preview) if context in self._values else short(context)


def key_of(job: AskedJob) -> EvaluationKey:
    """What a job asked of the cache. Raises AssertionError where its arguments never came."""
    assert job.eval_hash is not None
    args_hash = hash_arguments((one.name, one.value) for one in job.arguments)
    return EvaluationKey(job.eval_hash, job.task_hash, args_hash, job.arguments)


def _of_code(root: Root) -> Cause:
    if root.change is None:
        return Cause(root.reason, f"the code of {root.task} changed in a way its pieces do not show")
    return Cause(root.reason, root.change.words, (root.change,))


def _file_words(path: str, change: FileChange | None) -> str:
    if change is None:
        return describe_reason(Reason(MissKind.FILE_CHANGED, path))
    if change.is_gone:
        return f"{shown_text(path)} is gone"
    return f"{shown_text(path)} is there now, and was not before" if change.is_new else f"{shown_text(path)} changed"


def _argument_words(root: Root, change: ArgumentChange) -> str:
    called, name = f"{root.task} was called", root.name
    if change.now is None:
        return f"{called} without {name}"
    if change.before is None:
        return f"{called} with {name}={_short(change.now)}, which is new"
    if change.before == change.now and REDACTED in change.now:
        what = f"another {name} (secret), or another salt" if is_hidden(change.now) else f"another secret in {name}"
        return f"{called} with {what}"
    if change.before == change.now:
        return f"{called} with another {name}, which looks the same: {_short(change.now)}"
    return f"{called} with {name}={_short(change.now)} instead of {_short(change.before)}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _of_reason(root: Root, group: RootGroup) -> Cause:
    """A reason that is its own cause; where jobs have it with several details, the words name the first few."""
    details, kind = group.details, root.reason
    several = WORDS_OF_SEVERAL.get(kind)
    if several is not None and len(details) > 1:
        shown = [detail[:DIGITS] for detail in details] if kind is MissKind.VALUE_GONE else details
        return Cause(kind, several.format(details=some(shown), were="what was recorded"))
    words = describe_reason(Reason(kind, root.name or (details[0] if details else "")))
    return Cause(kind, f"{root.task}: {words}" if root.task else words)
