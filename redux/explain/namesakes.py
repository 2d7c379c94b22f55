"""Tasks of different workflows under one name: each seems to be a change of the other."""

from __future__ import annotations

import os

from redux_backends.backend import Backend, JobView
from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest

_LOOKED_AT = 50
"""How many of the last runs under the name are looked at for the earlier code."""


def describe_namesake(backend: Backend, view: JobView, before: Digest) -> str:
    """What to say where a run's own task, under a name without namespace, was before another workflow's; else nothing.

    `before` is the task hash that it has changed from.
    """
    if "." in view.fullname or view.job.parent is not None:
        return ""
    now = _workflow_of(backend, view.job.execution)
    ran = backend.jobs(task=view.fullname, roots=True, limit=_LOOKED_AT)
    earlier = next((one for one in ran if one.job.task_hash == before), None)
    was = None if earlier is None else _workflow_of(backend, earlier.job.execution)
    if now is None or was is None or now == was:
        return ""
    here, there = _apart(now, was)
    return (
        f"{view.fullname} of {here} is not the {view.fullname} of {there} that ran before: "
        "a redux_namespace in each file keeps them apart"
    )


def _workflow_of(backend: Backend, execution: ExecutionId) -> str | None:
    """The workflow's file, if the command line of an execution names one."""
    found = backend.get_execution(execution)
    if found is None:
        return None
    name = next((word for word in found.argv if word.endswith(".py")), None)
    return None if name is None else os.path.normpath(os.path.join(found.cwd, name))


def _apart(one: str, another: str) -> tuple[str, str]:
    """Two paths, as short as tells them apart."""
    names = os.path.basename(one), os.path.basename(another)
    return (one, another) if names[0] == names[1] else names
