"""How rules go on: what they are sent, what they wait for next, and what they end with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redux.rules import Effect, Settle, Settled
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
        ours = next((part.failed for part in cell.parts if part.failed and part.failed.error is error), None)
        if ours is None and not isinstance(error, Exception):
            raise
        return ours or Failed(error, cell.parent.job)
    return Wanted(wanted.values, True) if isinstance(wanted, Settle) else Wanted((wanted,), False)


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
