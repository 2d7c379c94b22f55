"""The tasks of one execution, each under the hash its code has now."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import RLock

from redux.code.fingerprint import Fingerprinter
from redux.code.trouble import CodeUnreadable, CountedByName
from redux.errors import nearest
from redux.scheduler.jobs import KnownTask
from redux.scheduler.task_kind import kind_of
from redux.task import Task, TaskError, TaskRegistry, source_of_task
from redux_backends.records import TaskRecord, hash_task_set
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


class TaskBook:
    """Every registered task with its record; all code is read at one moment, before the first job.

    Sub-schedulers share it from threads of their own.
    """

    def __init__(
        self, registry: TaskRegistry, fingerprinter: Fingerprinter, is_recorded: Callable[[Digest], bool]
    ) -> None:
        self._registry = registry
        self._fingerprinter = fingerprinter
        self._is_recorded = is_recorded
        self._uncounted: dict[str, list[CountedByName]] = {}
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
        return frozenset(one.task_hash for one in known if not one.task.declared.is_remembered)

    def find(self, fullname: str) -> KnownTask:
        """A task that is called, by its full name. Raises TaskError, with the nearest names, where there is none."""
        known = self._known.get(fullname)
        if known is not None:
            if fullname in self._uncounted:
                self._warn_of(known)
            return known
        if fullname in self._unreadable:
            raise _about(fullname, self._unreadable[fullname])
        task = self._registry.get(fullname)
        if task is not None:
            self._enter(task)
            return self.find(fullname)
        hint = nearest(fullname, self._known) or "; import the module that defines it"
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
        known = KnownTask(task, record.hash, hash_task_set((record.hash,)), kind_of(task))
        self._known[task.fullname] = known
        self._records[record.hash] = record
        uncounted = self._fingerprinter.uncounted_in(record)
        if uncounted:
            self._uncounted[task.fullname] = [CountedByName(task.fullname, label, kind) for label, kind in uncounted]
        return known

    def _warn_of(self, known: KnownTask) -> None:
        """Warn of what a task's hash leaves out, the first time that this version of it is called."""
        messages = self._uncounted.pop(known.task.fullname, [])  # another scheduler of the book may be first
        if messages and not self._is_recorded(known.task_hash):
            for message in messages:
                warnings.warn(message, stacklevel=2)


def _about(fullname: str, error: ReduxError) -> ReduxError:
    """What is wrong with a task's code, with the task's name."""
    if isinstance(error, CodeUnreadable) and error.name == f"task {fullname}":
        return error
    return TaskError(f"task {fullname}: {error}")
