"""Why a call would run, in the words that tell why one ran, though nothing of it is recorded yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redux.explain import ArgumentChange, PieceChange, compare_code
from redux.scheduler import Scheduler
from redux.scheduler.opening import read_code
from redux.scheduler.plan import PlannedCall, Verdict
from redux.scheduler.task_book import TaskBook
from redux.words.reasons import describe_reason
from redux_backends.backend import Backend
from redux_backends.records import JobId, MissKind
from redux_valuestore.digest import Digest

_SHOWN = 5
"""Calls that are shown with their reasons."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A call that would run, whatever comes of others: of the task `fullname`, its arguments as text, why in `words`.

    `details` are lines: the diff of the code that changed, the arguments that did. `kind` names the kind of reason.
    """

    fullname: str
    arguments: str
    kind: str
    words: str
    details: tuple[str, ...]

    @property
    def text(self) -> str:
        """All that is said of why."""
        return "\n".join((self.words, self.kind, *self.details))


def foresee(scheduler: Scheduler, expression: object) -> list[Foreseen]:
    """The calls that would run first in a run of an expression, in order, each with its reason; nothing runs.

    Raises the error of whatever fails before anything would run.
    """
    plan = scheduler.plan(expression)
    running = _first(plan.calls)
    if not running:
        return []
    book = read_code(scheduler.folder, scheduler.repo)
    return [_foreseen(call, book, scheduler.repo.backend) for call in running]


def _first(calls: Sequence[PlannedCall]) -> list[PlannedCall]:
    """Those that run before anything is presumed: one that is given a handle is not certain, and runs all the same."""
    runs: dict[JobId, bool] = {}
    found: list[PlannedCall] = []
    for call in calls:  # callers first
        below = call.caller is not None and runs.get(call.caller, False)
        runs[call.id] = below or call.verdict is Verdict.RUNS
        waits = below or call.sources or any(runs.get(one, False) for one in call.after)
        if call.verdict is Verdict.RUNS and call.reason is not None and (call.is_certain or not waits):
            found.append(call)
    return found


def _foreseen(call: PlannedCall, book: TaskBook, backend: Backend) -> Foreseen:
    reason = call.reason
    assert reason is not None  # those that run first have one
    kind = reason.kind.name.lower().replace("_", " ")
    words, details = describe_reason(reason), tuple[str, ...]()
    if reason.kind is MissKind.CODE_CHANGED and reason.detail:
        before = backend.get_task(Digest(bytes.fromhex(reason.detail)))
        changes = () if before is None else compare_code(before, book.record_of(call.task_hash))
        words = ", ".join(change.words for change in changes) or words
        details = tuple(line for change in changes for line in _diff(change))
    elif call.before:
        details = tuple(_argument_words(call, backend))
    return Foreseen(call.fullname, call.shown, kind, words, details)


def _argument_words(call: PlannedCall, backend: Backend) -> Iterator[str]:
    given: list[tuple[str, object, str]] = [*call.before]
    described = backend.describe_values([Digest(old) for _, old, _ in given if isinstance(old, bytes)])
    for name, old, now in given:
        record = described.get(Digest(old)) if isinstance(old, bytes) else None
        yield ArgumentChange(name, None if old is None else str(old) if record is None else record.preview, now).words


def _diff(change: PieceChange) -> list[str]:
    return change.diff.splitlines()


def describe_foreseen(calls: Sequence[Foreseen]) -> list[str]:
    """The calls as lines: those of one task and one reason together, the first with its arguments."""
    grouped: dict[tuple[str, str], list[Foreseen]] = {}
    for call in calls:
        grouped.setdefault((call.fullname, call.text), []).append(call)
    lines: list[str] = []
    for group in list(grouped.values())[:_SHOWN]:
        first = group[0]
        more = f" and {len(group) - 1:,} more" if len(group) > 1 else ""
        lines += [f"{first.fullname}({first.arguments}){more}: {first.words}", *(f"  {one}" for one in first.details)]
    if len(grouped) > _SHOWN:
        lines.append(f"and calls of {len(grouped) - _SHOWN:,} more tasks or reasons")
    return lines
