"""What the evaluator tells the run loop, and what rules have done at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from redux.rules import (
    Begun,
    ContextAsked,
    Effect,
    Grafted,
    OptionsAsked,
    Surroundings,
    SurroundingsAsked,
    TagsNoted,
)
from redux.scheduler.jobs import Cell, Datum, Graft, Job, Known, Part, RuleCell, Scope
from redux.scheduler.wholes import Whole
from redux.tasks.options import TaskOptions
from redux_valuestore.errors import ReduxError


class Events(Protocol):
    """What the evaluator tells the run loop."""

    def settled(self, job: Job) -> None:
        """A job has its final datum."""
        ...

    def failed(self, job: Job) -> None:
        """A job failed, itself or through what it waited for."""
        ...

    def remake(self, job: Job, error: ReduxError) -> None:
        """A job's bytes are gone: it must run again."""
        ...

    def tagged(self, job: Job | None, value: Datum, noted: TagsNoted) -> None:
        """A rule of that job (None: of the root) has tags recorded."""
        ...

    def grafted(self, effect: Grafted) -> None:
        """Another scheduler did work for this run."""
        ...


def perform(effect: Effect, cell: RuleCell, begin: Callable[[Cell], None], events: Events) -> object:
    """Do what a rule yielded to have done, and give what it is sent; `begin` has a further cell evaluated.

    Raises TypeError for an effect that is none of redux's.
    """
    if isinstance(effect, ContextAsked):
        return cell.parent.context
    if isinstance(effect, SurroundingsAsked):
        job = cell.parent.job
        return Surroundings(cell.parent.context, cell.parent.exported, job is not None and job.silent)
    if isinstance(effect, Grafted):
        cell.parent.grafts += [Graft(call, tasks, Whole(whole)) for call, tasks, whole in effect.calls]
        events.grafted(effect)
        return None
    if isinstance(effect, OptionsAsked):
        return TaskOptions() if cell.parent.job is None else cell.parent.job.options
    if isinstance(effect, Begun):
        # In a scope of its own: it may outlive the job, and is none of the calls that the job is made of.
        begin(Part(Scope(cell.parent.job, cell.parent.context), effect.value))
        return None
    if not isinstance(effect, TagsNoted) or not isinstance(effect.value, Known):
        raise TypeError(_unperformed(effect))
    events.tagged(cell.parent.job, effect.value._datum, effect)
    return None


def _unperformed(effect: Effect) -> str:
    if isinstance(effect, TagsNoted):
        return (
            f"a rule notes tags of {effect.value!r:.60}, which is not there yet: "
            "yield Settle(value) first, and note them of what that gives"
        )
    return f"a rule yields the effect {type(effect).__name__}, which nobody performs; use those of redux.rules"
