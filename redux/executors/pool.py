"""The executors of one execution, by name, each opened when the first job asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from redux.executors.executor import Done, Executor, Outcome, Site
from redux.repo import Repo
from redux_valuestore.errors import ReduxError

EXECUTORS: Mapping[str, tuple[str, str]] = {
    "threads": ("redux.executors.threads", "ThreadExecutor"),
    "processes": ("redux.executors.processes", "ProcessExecutor"),
}
"""The executors there are, by name: module and class, imported when a job asks for one."""


class UnknownExecutor(ReduxError):
    """No executor has this name."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no executor is named {name!r}; there are {', '.join(sorted(EXECUTORS))}")


class ExecutorPool:
    """The executors of one execution. `default` is the name for tasks that name none; `workers` limits each."""

    def __init__(self, repo: Repo, default: str, workers: int | None, folder: Path) -> None:
        if default not in EXECUTORS:
            raise UnknownExecutor(default)
        self._site = Site(repo, self._report, workers, folder)
        self._default = default
        self._open: dict[str, Executor] = {}
        self._done: Done | None = None

    def connect(self, done: Done) -> None:
        """Say where outcomes are to be reported."""
        self._done = done

    def get(self, name: str | None) -> Executor:
        """The executor of that name (None: the default). Raises UnknownExecutor."""
        name = name or self._default
        executor = self._open.get(name)
        if executor is None:
            if name not in EXECUTORS:
                raise UnknownExecutor(name)
            module, kind = EXECUTORS[name]
            executor = self._open[name] = getattr(import_module(module), kind)(self._site)
        return executor

    def cancel_waiting(self) -> list[object]:
        """The keys of all jobs that have not begun; they will not run."""
        return [key for executor in self._open.values() for key in executor.cancel_waiting()]

    def give_up_overdue(self) -> None:
        """Report the jobs that took longer than they may."""
        for executor in self._open.values():
            executor.give_up_overdue()

    def close(self) -> None:
        """Let all workers go."""
        for executor in self._open.values():
            executor.close()
        self._open.clear()

    def _report(self, key: object, outcome: Outcome) -> None:
        assert self._done is not None
        self._done(key, outcome)
