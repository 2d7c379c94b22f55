"""Calls of tasks of another project: in a process of its own, with that project's code, settings and storage."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from redux.errors import UsageError, nearest
from redux.executors.executor import JobSpec, Outcome, Site
from redux.executors.processes import ProcessExecutor
from redux.executors.worker import import_workflow
from redux.expression import TaskCall
from redux.flow.subrun import ELSEWHERE
from redux.repo import Repo
from redux.scheduler.subruns import Far, Sealed
from redux.session import open_scheduler
from redux.settings.precedence import as_of_a_project
from redux.settings.source import read_table
from redux.task import get_task_registry, task
from redux.tasks.job_info import JobInfo
from redux.value import decode
from redux_backends.memory import MemoryBackend
from redux_backends.records import ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.store import MemoryStore

redux_namespace = "redux"

_OURS = ("REDUX_DIR", "REDUX_DB_URL", "REDUX_DB_PASSWORD_COMMAND", "REDUX_STORE")
"""Variables that say where this project's things are, and not another one's."""


@task(name=ELSEWHERE.partition(".")[2], version="1", cache=False, config_args=["far"])
def run_elsewhere(what: Any, args: Sequence[Any], kwargs: Mapping[str, Any], far: Far, job: JobInfo = JobInfo()) -> Any:
    """What an expression (sealed), or the call of a task (by full name), comes to in another project."""
    answers: SimpleQueue[Outcome] = SimpleQueue()
    # With no limit to small values all of them come through the socket, and nothing is to be cleared away.
    repo = Repo(MemoryBackend(), MemoryStore(), sys.maxsize)
    executor = ProcessExecutor(Site(repo, lambda key, outcome: answers.put(outcome), 1, Path(far.folder)))
    said = (what, list(args), dict(kwargs), far, f"{job.execution_id}/{job.job_id}")
    try:
        executor.submit(None, JobSpec(run_there.fullname, run_there.task_hash, run_there.run, said, {}))
        outcome = answers.get()
    finally:
        executor.close()
    if outcome.error is not None:
        raise outcome.error
    return _value_of(outcome.records) if outcome.absent else outcome.value


@task(name="there", version="1")
def run_there(what: Any, args: list[Any], kwargs: dict[str, Any], far: Far, caller: str) -> Any:
    """The other process's part: it is that project's alone, from here to its end."""
    enter(far)
    expression = what.open() if isinstance(what, Sealed) else call_of(what, far, tuple(args), kwargs)
    shown = what.shown if isinstance(what, Sealed) else repr(expression)
    config = "the config of subrun"
    flags = as_of_a_project(read_table(far.config, config, Path(far.folder)), config)
    with open_scheduler(Path(far.folder), flags=flags) as scheduler:
        return scheduler.execute(expression, ("subrun", shown), tags={"caller": caller}).value


def enter(far: Far) -> None:
    """Make this process one of another project: its folder, its variables, its modules.

    Raises UsageError where there is no such folder, and what the modules raise.
    """
    try:
        os.chdir(far.folder)
    except OSError as error:
        raise UsageError(
            f"the project {far.folder} cannot be entered: {error.strerror}; name its folder as config_dir"
        ) from error
    for name in _OURS:
        os.environ.pop(name, None)
    sys.path[:] = [far.folder, *(path for path in sys.path if path not in (far.folder, far.caller_folder))]
    for module in far.load_modules:
        try:
            _import(module)
        except Exception as error:
            error.add_note(f"this came when {module} was imported in {far.folder}: see to the {far.named}")
            raise


def _import(module: str) -> None:
    if module.endswith(".py"):
        import_workflow(Path(module).stem, os.path.abspath(module))
    else:
        import_module(module)


def known_task(fullname: str, far: Far) -> str:
    """The full name of a task of the project that was entered. Raises UsageError where there is none."""
    registry = get_task_registry()
    if registry.get(fullname) is None:
        modules = ", ".join(far.load_modules) or "no module"
        known = nearest(fullname, [each.fullname for each in registry])
        raise UsageError(f"{modules} of {far.folder} has no task {fullname}{known}")
    return fullname


def call_of(fullname: str, far: Far, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
    """The call of a task of the project that was entered, its secrets sealed. Raises UsageError, TypeError."""
    found = get_task_registry().get(known_task(fullname, far))
    assert found is not None
    return found(*args, **kwargs) if found.secret_args else TaskCall(fullname, args, kwargs)


def _value_of(records: Sequence[ValueRecord]) -> object:
    known = {record.hash: record.data for record in records}

    def fetch(digest: Digest) -> memoryview:
        data = known[digest]
        assert data is not None
        return memoryview(bytearray(data))

    return decode(fetch(records[-1].hash), fetch)
