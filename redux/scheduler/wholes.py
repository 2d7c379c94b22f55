"""Which finished calls another execution may take whole, without a look at each call below them.

The author of a task with `check_valid="shallow"` gave that look up. Nobody did for an async task or a subrun: they are
taken whole because their results do not lead to the calls below them, so that may change no answer.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from redux.scheduler.task_kind import TaskKind
from redux_backends.records import NO_TASKS, Traits

if TYPE_CHECKING:
    from redux.scheduler.jobs import Job

_PLAIN = Traits.PLAIN


class Whole(IntEnum):
    """How far a finished call may be taken whole, while no code below it changes. A call is what its worst part is."""

    NEVER = 0
    """what is below has to be asked: it was given a handle, or read something else than what it is recorded with"""
    ON_TRUST = 1
    """by a shallow check: the next execution would try something below it again, or ask it anew"""
    ALWAYS = 2
    """by everybody who looks at the values below it"""


def may_be_taken(kind: TaskKind, whole: Whole) -> bool:
    """Whether a call of a task of that kind may be taken whole, as far as what is below it goes."""
    return whole is Whole.ALWAYS or (whole is Whole.ON_TRUST and not kind.taken_whole)


def after_running(read_what_was_asked: bool, gave_up: bool) -> Whole:
    """How far a job may be taken whole by itself: whether its Files were as asked, and it awaited all it asked for."""
    if not read_what_was_asked:
        return Whole.NEVER
    return Whole.ON_TRUST if gave_up else Whole.ALWAYS


def wholeness(job: Job) -> Whole:
    """How far a job that ended may be taken whole, with all below it."""
    whole = job.whole
    if job.task_set == NO_TASKS:  # remembered so
        return Whole.NEVER
    if job.failed is not None or job.silent or not job.options.is_remembered:
        whole = min(whole, Whole.ON_TRUST)
    if job.scope is not None:
        for child in job.scope.children:
            whole = min(whole, as_part(child))
        for graft in job.scope.grafts:
            whole = min(whole, graft.whole)
    return whole


def as_part(job: Job) -> Whole:
    """How far the call that a job is part of may be taken whole, as far as this one goes.

    What a call did to its handles is asked with the call itself, and with nothing above it.
    """
    if job.forks or _has_handles(job):
        return Whole.NEVER
    return job.whole if job.datum is not None else min(job.whole, Whole.ON_TRUST)


def _has_handles(job: Job) -> bool:
    data = [job.datum, *(datum for _, datum in job.arguments)]
    return any(one is not None and one.traits is not _PLAIN and one.traits & Traits.HANDLES for one in data)
