"""The check that recorded calls give the same again, in the repository that a run would have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from redux.cli.output import stdout_to_stderr
from redux.cli.storage import RunStorage, looking, open_to_run
from redux.cli.surroundings import Where
from redux.cli.workflow import Workflow, find_task
from redux.errors import BackendUnavailable
from redux.explain import Inside
from redux.repo import Repo
from redux.scheduler.opening import read_code
from redux.settings.precedence import Layer
from redux.task import Task, get_task_registry
from redux.twice import Again, Sample, Verdict, check_twice, look_inside, record, take_sample
from redux.value import allow_pickle
from redux_backends.records import Seconds
from redux_valuestore.digest import Digest
from redux_valuestore.store import MemoryStore

_LOOKED_INTO = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked: so large a `sample` of calls, of these `tasks` (none: of all), drawn by a `seed`."""

    tasks: Sequence[str]
    sample: int
    seed: int
    timeout: Seconds | None
    workers: int | None
    with_files: bool
    records: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """The `sample` that was made again, and how each call of it went; `recorded` is how many results were recorded."""

    sample: Sample
    agains: Sequence[Again]
    insides: Mapping[Digest, Inside]
    """what differs, by evaluation, of the first calls that gave something else"""
    recorded: int

    @property
    def differing(self) -> Sequence[Again]:
        """The calls that gave something else, or raised."""
        return [again for again in self.agains if again.verdict in (Verdict.DIFFERS, Verdict.RAISED)]


def check_again(workflow: Workflow, wanted: Wanted, where: Where) -> Checked:
    """Make recorded calls of a workflow's tasks again. Raises UsageError for a task that is none of its own."""
    named = [find_task(workflow, name).fullname for name in wanted.tasks]
    with _storage(where, Layer(workers=wanted.workers), writes=wanted.records) as storage:
        repo, store = storage.repo, MemoryStore()
        allow_pickle(storage.settings.pickle == "allow")
        tasks = _tasks(workflow, repo, named)
        sample = take_sample(repo, tasks, wanted.sample, wanted.seed, with_files=wanted.with_files)
        with stdout_to_stderr():
            agains = check_twice(
                repo,
                sample.calls,
                workflow.folder,
                workers=storage.settings.workers,
                timeout=wanted.timeout,
                store=store,
            )
        differing = [again for again in agains if again.verdict is Verdict.DIFFERS]
        insides = {again.call.key.eval_hash: look_inside(repo, again, store) for again in differing[:_LOOKED_INTO]}
        for again in differing if wanted.records else ():
            record(repo, again, store)
    return Checked(sample, agains, insides, len(differing) if wanted.records else 0)


@contextmanager
def _storage(where: Where, flags: Layer, *, writes: bool) -> Iterator[RunStorage]:
    if not writes:
        with looking(where, flags) as storage:
            yield storage
        return
    storage = open_to_run(where, flags)
    with closing(storage.repo):
        if storage.trouble is not None:
            raise BackendUnavailable(f"nothing can be recorded: {storage.trouble}")
        yield storage


def _tasks(workflow: Workflow, repo: Repo, named: Sequence[str]) -> Mapping[Digest, Task[..., Any]]:
    """The tasks to check, by the hash that they have now."""
    book = read_code(workflow.folder, repo)
    hashed = {book.hash_of(task.fullname): task for task in get_task_registry()}
    return {digest: task for digest, task in hashed.items() if digest and (not named or task.fullname in named)}
