"""What running async jobs ask to have evaluated: each question becomes a rule that waits for the value and tells it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from redux.executors.executor import Outcome, Question
from redux.rules import Steps
from redux.scheduler.inputs import expressions_of
from redux.scheduler.jobs import Cell, Failed, Job, RuleCell
from redux.scheduler.outcomes import release
from redux_valuestore.errors import ReduxError


@dataclass(slots=True)
class Asked:
    """What one attempt of a job asked so far. `outcome` is how it ended, where it did before its questions."""

    cells: dict[Question, RuleCell] = field(default_factory=dict[Question, RuleCell])
    open: int = 0
    """questions without an answer, also those that nobody awaits any more"""
    gave_up: bool = False
    """whether it stopped awaiting something before it was answered, so that another time may give something else"""
    outcome: Outcome | None = None

    def behind(self, error: BaseException) -> Failed | None:
        """Where an error that the coroutine raised comes from, if it is that of a question."""
        for cell in self.cells.values():
            for part in cell.parts:
                if part.failed is not None and part.failed.error is error:
                    return part.failed
        return None


def nobodys(cell: RuleCell) -> list[Job]:
    """The jobs that only this rule waits for, itself or through operations, rules and calls yet to be made.

    Asked again, their expressions make new cells.
    """
    gone: set[Cell] = {cell, *cell.current}
    waiting: list[Cell] = [*cell.current]
    jobs: list[Job] = []
    while waiting:
        one = waiting.pop()
        try:
            lazies = expressions_of(one)
        except (ReduxError, RecursionError):  # it is yet to fail with this
            continue
        for lazy in lazies:
            source = one.parent.cells.get(id(lazy))
            if source is None or source in gone or source.settled or not _is_for(source, gone):
                continue
            gone.add(source)
            del one.parent.cells[id(lazy)]
            if isinstance(source, Job):
                jobs.append(source)
            if isinstance(source, RuleCell):
                gone.update(source.current)
                waiting += source.current
            elif not isinstance(source, Job) or source.eval_hash is None:
                waiting.append(source)
    return jobs


def _is_for(source: Cell, gone: Collection[Cell]) -> bool:
    """Whether nobody else waits for a cell."""
    return all(waiter in gone or waiter.settled for waiter in source.waiters or ())


def let_go(cell: RuleCell) -> None:
    """Whoever asked has the value: a large one need not be held here too."""
    for part in cell.current:
        if part.datum is not None:
            part.datum.users += 1
            release(part.datum)


def answering(question: Question, answered: Callable[[], None]) -> Steps[None]:
    """The rule that answers a question, and says so."""
    try:
        value = yield question.expression
    except GeneratorExit:
        raise
    except BaseException as error:  # whatever a call fails with is raised where it is awaited
        question.fail(error)
    else:
        question.answer(value)
    answered()
