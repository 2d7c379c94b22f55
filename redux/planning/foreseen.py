"""Why a call would run, in the words that tell why one ran, though nothing of it is recorded yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redux.explain import ArgumentChange, compare_code
from redux.scheduler import Scheduler
from redux.scheduler.plan import Plan, PlannedCall, Verdict
from redux.words.reasons import describe_reason
from redux_backends.backend import Backend
from redux_backends.records import JobId

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
    return [_foreseen(call, plan, scheduler.repo.backend) for call in _first(plan.calls)]


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


def _foreseen(call: PlannedCall, plan: Plan, backend: Backend) -> Foreseen:
    reason = call.reason
    assert reason is not None  # those that run first have one
    kind = reason.kind.name.lower().replace("_", " ")
    words, details = describe_reason(reason), tuple[str, ...]()
    if (earlier := reason.earlier_version) is not None:
        before = backend.get_task(earlier)
        changes = () if before is None else compare_code(before, plan.code[call.task_hash])
        words = ", ".join(change.words for change in changes) or words
        details = tuple(line for change in changes for line in change.diff.splitlines())
    elif call.before:
        details = tuple(ArgumentChange(*given).words for given in call.before)
    return Foreseen(call.fullname, call.shown, kind, words, details)


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
