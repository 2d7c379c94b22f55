"""What running async jobs ask to have evaluated: each question becomes a rule that waits for the value and tells it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from redux.executors.executor import JobCancelled, Outcome, Question
from redux.rules import Steps
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.inputs import expressions_of
from redux.scheduler.jobs import Cell, Failed, Job, RuleCell
from redux.scheduler.outcomes import release
from redux_valuestore.errors import ReduxError


@dataclass(slots=True)
class _Asked:
    """What one attempt of a job asked so far. `outcome` is how it ended, where it did before its questions."""

    cells: dict[Question, RuleCell] = field(default_factory=dict[Question, RuleCell])
    open: int = 0
    """questions without an answer, also those that nobody awaits any more"""
    gave_up: bool = False
    outcome: Outcome | None = None


class Asking:
    """What the async jobs of one execution ask while they run, until each job is over.

    Jobs that nobody awaits any more are told to `give_up`, and those to `interrupt` that await what will not come;
    `go_on` is told of a job that ended before its last answer came.
    """

    def __init__(
        self, evaluator: Evaluator, give_up: Callable[[Job], None], interrupt: Callable[[Job], None],
        go_on: Callable[[Job], None],
    ) -> None:  # fmt: skip
        self._evaluator = evaluator
        self._give_up = give_up
        self._interrupt = interrupt
        self._go_on = go_on
        self._asked: dict[Job, _Asked] = {}
        self._closing = False

    def __bool__(self) -> bool:
        return bool(self._asked)

    def take(self, job: Job, question: Question, runs: bool) -> None:
        """A job asks, or gives a question up; `runs` says whether it has yet to end."""
        if question.given_up:
            self._forgo(job, question)
        elif runs and self._closing:
            self._interrupt(job)
        elif runs:
            self._open(job, question)

    def awaits(self, job: Job) -> bool:
        """Whether a job has questions without an answer."""
        asked = self._asked.get(job)
        return asked is not None and asked.open > 0

    def put_off(self, job: Job, outcome: Outcome) -> None:
        """Keep how a job ended until all that it asked is answered."""
        self._asked[job].outcome = outcome

    def outcome_of(self, job: Job) -> Outcome | None:
        """How a job ended that was put off."""
        asked = self._asked.get(job)
        return None if asked is None else asked.outcome

    def gave_up(self, job: Job) -> bool:
        """Whether a job stopped awaiting something before it came, so that another time it may give something else."""
        asked = self._asked.get(job)
        return asked is not None and asked.gave_up

    def returned(self, job: Job) -> None:
        """A job is over."""
        self._asked.pop(job, None)

    def raised(self, job: Job, error: BaseException) -> Failed | None:
        """A job is over by this error: where that comes from, if it is a question's. Nobody awaits the others."""
        asked = self._asked.pop(job, None)
        if asked is None:
            return None
        parts = (part for cell in asked.cells.values() for part in cell.parts)
        behind = next((part.failed for part in parts if part.failed and part.failed.error is error), None)
        if not self._closing:
            for cell in list(asked.cells.values()):
                self._abandon(job, asked, cell)
        return behind

    def close(self) -> None:
        """No answer will come any more."""
        self._closing = True
        for job, asked in self._asked.items():
            if asked.open:
                self._interrupt(job)

    def _open(self, job: Job, question: Question) -> None:
        asked = self._asked.setdefault(job, _Asked())

        def answered() -> None:
            let_go(asked.cells[question])
            self._close_one(job, asked)

        asked.open += 1
        asked.cells[question] = self._evaluator.ask(job, answering(question, answered))

    def _close_one(self, job: Job, asked: _Asked) -> None:
        asked.open -= 1
        if asked.outcome is not None and not asked.open:
            self._go_on(job)

    def _forgo(self, job: Job, question: Question) -> None:
        asked = self._asked.get(job)
        if asked is None or question not in asked.cells:
            return
        asked.gave_up = True
        if not self._closing:  # then what runs may finish, as all that runs
            self._abandon(job, asked, asked.cells[question])

    def _abandon(self, job: Job, asked: _Asked, cell: RuleCell) -> None:
        if cell.settled:
            return
        if not cell.parts:  # nothing of it has begun
            cell.steps.close()
            self._evaluator.fail(cell, Failed(JobCancelled(job.known.task.fullname), job))
            self._close_one(job, asked)
            return
        for unwanted in nobodys(cell):
            self._give_up(unwanted)


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
