"""The executors of one execution, by name, each opened when the first job asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from redux.executors.executor import Done, Executor, Outcome, Site
from redux.repo import Repo
from redux_valuestore.errors import ReduxError

EXECUTORS: Mapping[str, tuple[str, str]] = {
    "threads": ("redux.executors.threads", "ThreadExecutor"),
    "processes": ("redux.executors.processes", "ProcessExecutor"),
    "inline": ("redux.executors.inline", "InlineExecutor"),
}
"""The executors there are, by name: module and class, imported when a job asks for one."""


if TYPE_CHECKING:
    from concurrent import futures

MakePool = Callable[[], "futures.Executor"]
NO_POOLS: Mapping[str, MakePool] = MappingProxyType({})


class UnknownExecutor(ReduxError):
    """No executor has this name."""

    exit_code = 2

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"no executor is named {name!r}; there are {', '.join(sorted(known))}, "
            "and those that [executors.NAME] in redux.toml names"
        )


class ExecutorPool:
    """The executors of one execution. `default` is the name for tasks that name none; `workers` limits each.

    `own` are the user's, by name: each makes a `concurrent.futures.Executor` when the first job asks for it.
    """

    def __init__(
        self, repo: Repo, default: str, workers: int | None, folder: Path, own: Mapping[str, MakePool] = NO_POOLS
    ) -> None:
        self._own = own
        if default not in EXECUTORS and default not in own:
            raise UnknownExecutor(default, (*EXECUTORS, *own))
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
            try:
                executor = self._open[name] = self._make(name)
            except UnknownExecutor:
                raise
            except Exception as error:  # what the user's own factory raises
                error.add_note(f"executor {name} could not be opened; see to its settings, or take another executor=")
                raise
        return executor

    def _make(self, name: str) -> Executor:
        if name in self._own:
            from redux.executors.futures import FuturesExecutor  # noqa: PLC0415 - most runs need no such pool

            return FuturesExecutor(name, self._site, self._own[name])
        if name not in EXECUTORS:
            raise UnknownExecutor(name, (*EXECUTORS, *self._own))
        module, kind = EXECUTORS[name]
        return getattr(import_module(module), kind)(self._site)

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
