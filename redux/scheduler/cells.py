"""Which cell an expression gets."""

from __future__ import annotations

from collections.abc import Callable

from redux.expression import Operation, RuleCall, TaskCall
from redux.rules import start
from redux.scheduler.jobs import Cell, Failed, Job, Known, KnownTask, OperationCell, RuleCell, Scope
from redux.value import Lazy
from redux_backends.records import JobId, new_id
from redux_valuestore.errors import ReduxError

FindTask = Callable[[str], KnownTask]


def make_cell(lazy: Lazy, scope: Scope, find_task: FindTask) -> Cell:
    """The cell of an expression; one that cannot be evaluated has failed already."""
    try:
        if isinstance(lazy, TaskCall):
            return _make_job(lazy, scope, find_task)
        if isinstance(lazy, Operation):
            return OperationCell(scope, lazy)
        if isinstance(lazy, RuleCall):
            return RuleCell(scope, start(lazy._name, lazy._args, lazy._kwargs))
    except (ReduxError, TypeError) as error:
        cell = Cell(scope)
        cell.failed = Failed(error, scope.job)
        return cell
    if isinstance(lazy, Known):
        cell = Cell(scope)
        cell.datum = lazy._datum
        return cell
    raise TypeError(f"no rule evaluates {type(lazy).__name__}")


def _make_job(call: TaskCall, scope: Scope, find_task: FindTask) -> Job:
    known = find_task(call._fullname)
    bound = known.task.bind(call._args, dict(call._kwargs))
    job = Job(scope, JobId(new_id()), known, bound, call._options)
    scope.children.append(job)
    return job
