"""The tasks of one execution, each under the hash its code has now."""

from __future__ import annotations

from difflib import get_close_matches
from threading import RLock

from redux.code.fingerprint import Fingerprinter
from redux.scheduler.jobs import KnownTask
from redux.task import Task, TaskError, TaskRegistry, source_of_task
from redux.tasks.options import CacheScope
from redux_backends.records import TaskRecord, hash_task_set
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


class TaskBook:
    """Every registered task with its record; all code is read at one moment, before the first job.

    Sub-schedulers share it from threads of their own.
    """

    def __init__(self, registry: TaskRegistry, fingerprinter: Fingerprinter) -> None:
        self._registry = registry
        self._fingerprinter = fingerprinter
        self._known: dict[str, KnownTask] = {}
        self._records: dict[Digest, TaskRecord] = {}
        self._unreadable: dict[str, ReduxError] = {}
        self._being_read: set[str] = set()
        self._entering = RLock()

    def read_all(self) -> None:
        """Hash the code of every registered task. What cannot be read is an error when it is called."""
        for task in self._registry:
            if task.fullname not in self._known:
                try:
                    self._enter(task)
                except ReduxError as error:
                    self._unreadable[task.fullname] = error

    @property
    def current_hashes(self) -> frozenset[Digest]:
        """The hashes of all tasks as they stand."""
        return frozenset(self._records)

    @property
    def fleeting_hashes(self) -> frozenset[Digest]:
        """The hashes of those whose results are not to be used by another execution."""
        known = self._known.values()
        return frozenset(one.task_hash for one in known if one.task.declared.cache_scope is not CacheScope.BACKEND)

    def find(self, fullname: str) -> KnownTask:
        """A task by its full name. Raises TaskError, with the nearest names, where there is none."""
        known = self._known.get(fullname)
        if known is not None:
            return known
        if fullname in self._unreadable:
            raise TaskError(f"task {fullname}: {self._unreadable[fullname]}") from None
        task = self._registry.get(fullname)
        if task is not None:
            return self._enter(task)
        near = get_close_matches(fullname, list(self._known), 3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; import the module that defines it"
        raise TaskError(f"no task is named {fullname}{hint}")

    def hash_of(self, fullname: str) -> Digest | None:
        """A task's hash now, None where no task has the name."""
        known = self._known.get(fullname)
        return None if known is None else known.task_hash

    def has(self, task_hash: Digest) -> bool:
        """Whether a task of this book has this hash."""
        return task_hash in self._records

    def record_of(self, task_hash: Digest) -> TaskRecord:
        """The record of a task of this book."""
        return self._records[task_hash]

    def _enter(self, task: Task[..., object]) -> KnownTask:
        with self._entering:
            return self._known.get(task.fullname) or self._read(task)

    def _read(self, task: Task[..., object]) -> KnownTask:
        if task.fullname in self._being_read:
            raise TaskError(
                f"the code of task {task.fullname} uses an object that holds the task itself, so it has no hash; "
                "take the task out of it, or give the task a version="
            )
        self._being_read.add(task.fullname)
        try:
            record = self._fingerprinter.fingerprint(source_of_task(task))
        finally:
            self._being_read.discard(task.fullname)
        known = KnownTask(task, record.hash, hash_task_set((record.hash,)))
        self._known[task.fullname] = known
        self._records[record.hash] = record
        return known
