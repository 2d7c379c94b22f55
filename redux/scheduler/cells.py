"""Which cell an expression gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from redux.expression import Operation, RuleCall, TaskCall
from redux.nested import lazies_in
from redux.rules import start
from redux.scheduler.jobs import Cell, Failed, InContext, Job, Known, KnownTask, OperationCell, Part, RuleCell, Scope
from redux.tables import merge
from redux.task import BoundCall, Task
from redux.tasks.options import CONTEXT
from redux.value import Lazy
from redux_backends.records import JobId, new_id
from redux_valuestore.errors import ReduxError

FindTask = Callable[[str], KnownTask]


def make_cell(lazy: Lazy, scope: Scope, find_task: FindTask) -> Cell:
    """The cell of an expression; one that cannot be evaluated has failed already. Raises TypeError for others."""
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
    if isinstance(lazy, InContext):
        scope.kept.append(lazy)
        return Part(Scope(scope.job, lazy._context), lazy._expr)
    if isinstance(lazy, Known):
        cell = Cell(scope)
        cell.datum = lazy._datum
        return cell
    raise TypeError(f"no rule evaluates {type(lazy).__name__}")


def _make_job(call: TaskCall, scope: Scope, find_task: FindTask) -> Job:
    known = find_task(call._fullname)
    override = cast("Mapping[str, object] | None", call._options.get(CONTEXT))
    if override is None:
        job = Job(scope, JobId(new_id()), known, known.task.bind(call._args, dict(call._kwargs)), call._options)
    else:
        context = merge(scope.context, override)
        job = Job(scope, JobId(new_id()), known, _bind_within(call, known.task, context), call._options)
        job.context = context
    scope.children.append(job)
    return job


def _bind_within(call: TaskCall, task: Task[..., Any], context: Mapping[str, object]) -> BoundCall:
    """A call's arguments, of which the defaults are evaluated in a context of its own."""
    given = task.signature.bind(*call._args, **call._kwargs).arguments
    defaults = {
        name: InContext(one.default, context)
        for name, one in task.signature.parameters.items()
        if name not in given and lazies_in(one.default)
    }
    return task.bind(call._args, {**call._kwargs, **defaults})
