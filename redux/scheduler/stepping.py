"""How rules go on: what they are sent, what they wait for next, and what they end with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redux.rules import Effect, Settle, Settled, Steps
from redux.scheduler.inputs import Inputs
from redux.scheduler.jobs import Failed, Known, Part, RuleCell


@dataclass(frozen=True, slots=True)
class Ended:
    """A rule returned: `value` is to be evaluated in its place."""

    value: object


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule waits for these values; `several` says that it asked how each comes out."""

    values: tuple[object, ...]
    several: bool


def advance(cell: RuleCell, inputs: Inputs, perform: Callable[[Effect], object]) -> Ended | Wanted | Failed:
    """One step of a rule, with what it waited for; the effects it has on the way are performed.

    Raises Unmade where bytes it asked for are gone.
    """
    failed = None if cell.several or not cell.current else cell.current[0].failed
    answer = _answer(cell, inputs) if failed is None else None
    try:
        wanted = cell.steps.send(answer) if failed is None else cell.steps.throw(failed.error)
        while isinstance(wanted, Effect):
            wanted = cell.steps.send(perform(wanted))
    except StopIteration as stop:
        return Ended(stop.value)
    except BaseException as error:
        raised = _as_raised(error, cell.steps)
        ours = next((part.failed for part in cell.parts if part.failed and part.failed.error is raised), None)
        if ours is None and isinstance(raised, KeyboardInterrupt):
            raise
        return ours or Failed(raised, cell.parent.job)
    return Wanted(wanted.values, True) if isinstance(wanted, Settle) else Wanted((wanted,), False)


def _as_raised(error: BaseException, steps: Steps[object]) -> BaseException:
    """The error that a rule raised: a StopIteration leaves a generator as the cause of a RuntimeError only."""
    cause = error.__cause__
    if not isinstance(error, RuntimeError) or not isinstance(cause, StopIteration) or cause.__traceback__ is None:
        return error
    return cause if cause.__traceback__.tb_frame.f_code is getattr(steps, "gi_code", None) else error


def _answer(cell: RuleCell, inputs: Inputs) -> object:
    if cell.several:
        return tuple(map(_settled, cell.current))
    if not cell.current:
        return None
    datum = cell.current[0].datum
    assert datum is not None
    return inputs.load(datum)


def _settled(part: Part) -> Settled:
    if part.failed is not None:
        return Settled(None, part.failed.error)
    assert part.datum is not None
    return Settled(Known(part.datum), None)
