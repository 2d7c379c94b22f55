"""What root causes are found from, read in a number of statements that does not depend on how many jobs there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redux.explain.nearest import find_nearest
from redux.explain.tree import JobTree, Nearest, Story, ran
from redux.recorded.texts import contexts_in
from redux_backends.backend import AskedJob, Backend
from redux_backends.records import ExecutionId, FileFact, JobId, MissKind, Seconds
from redux_valuestore.digest import Digest

_RUNS_BEFORE = 3
"""How many earlier executions of the same workflow are looked at: the last one may have been stopped early."""
_OTHERS = 5
"""How many more that had jobs of the tasks concerned."""


def read_tree(backend: Backend, execution: ExecutionId) -> JobTree:
    """The jobs of an execution that ran for a reason, and those that called them."""
    found = backend.jobs_that_ran(execution)
    return JobTree(found.jobs, found.files)


def read_story(backend: Backend, now: JobTree, started: Seconds, execution: ExecutionId | None = None) -> Story:
    """All that the misses of a tree are explained by: of what was recorded before the moment it `started`.

    Of the tree's own `execution`, where it is recorded, the calls that were known stand in for nothing.
    """
    if not any(map(ran, now.jobs)):
        return Story(now, {}, {}, {})
    executions = _executions_before(backend, now, started)
    names = sorted({job.fullname for job in now.jobs})
    found = backend.jobs_before(executions, names, execution)
    files: dict[Digest, Sequence[FileFact]] = {**found.files, **now.files}
    nearest = find_nearest(now, _trees(found.jobs, executions), files)
    tasks = backend.get_tasks(sorted(_tasks_compared(now, nearest)))
    return Story(now, nearest, tasks, files, _contexts(backend, execution, executions))


def _executions_before(backend: Backend, now: JobTree, started: Seconds) -> list[ExecutionId]:
    """The last executions of the same workflow, newest first, then others that had jobs of the same tasks."""
    known = {job.id for job in now.jobs}
    roots = sorted({job.fullname for job in now.jobs if job.parent not in known})
    found: dict[ExecutionId, None] = {}
    before = started
    for _ in range(_RUNS_BEFORE):
        newest = [backend.get_execution(one) for one in set(backend.newest_before(roots, before).values())]
        runs = sorted((one for one in newest if one is not None), key=lambda one: -one.started)
        if not runs:
            break
        found.update(dict.fromkeys(one.id for one in runs))
        before = min(one.started for one in runs)
    others = backend.newest_before(sorted({job.fullname for job in now.jobs}), started)
    found.update(dict.fromkeys(sorted(set(others.values()) - set(found))[:_OTHERS]))
    return list(found)


def _trees(jobs: Sequence[AskedJob], executions: Sequence[ExecutionId]) -> list[JobTree]:
    apart: dict[ExecutionId, list[AskedJob]] = {execution: [] for execution in executions}
    for job in jobs:
        apart.setdefault(job.execution, []).append(job)
    return [JobTree(some) for some in apart.values() if some]


def _tasks_compared(now: JobTree, nearest: dict[JobId, Nearest]) -> set[Digest]:
    """The hashes of tasks whose code is to be compared."""
    found: set[Digest] = set()
    for job in now.jobs:
        near = nearest.get(job.id)
        if job.reason is None or job.reason.kind not in (MissKind.CODE_CHANGED, MissKind.NEW_ARGUMENTS):
            continue
        if near is not None and near.job.task_hash != job.task_hash:
            found |= {near.job.task_hash, job.task_hash}
        elif (earlier := job.reason.earlier_version) is not None:
            found |= {earlier, job.task_hash}
    return found


def _contexts(
    backend: Backend, execution: ExecutionId | None, before: Iterable[ExecutionId]
) -> tuple[Digest | None, Digest | None]:
    """The contexts of the execution before, and of this one."""
    then = next(iter(before), None)
    if execution is None or then is None:
        return None, None
    tags = backend.get_tags([execution, then])

    def context(of: ExecutionId) -> Digest | None:
        return next(iter(contexts_in(tags.get(of, ()))), None)

    return context(then), context(execution)
