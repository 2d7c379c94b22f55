"""What running async jobs ask to have evaluated: each question becomes a rule that waits for the value and tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from redux.executors.executor import Outcome, Question
from redux.rules import Steps
from redux.scheduler.jobs import Failed, RuleCell


@dataclass(slots=True)
class Asked:
    """What one attempt of a job asked so far. `outcome` is how it ended, where it did before its questions."""

    cells: list[RuleCell] = field(default_factory=list[RuleCell])
    open: int = 0
    """questions without an answer, also those that nobody awaits any more"""
    outcome: Outcome | None = None

    def behind(self, error: BaseException) -> Failed | None:
        """Where an error that the coroutine raised comes from, if it is that of a question."""
        for cell in self.cells:
            for part in cell.parts:
                if part.failed is not None and part.failed.error is error:
                    return part.failed
        return None


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
