"""The executors of one execution, by name, each opened when the first job asks for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from redux.executors.executor import (
    Ask,
    Done,
    Executor,
    ExecutorError,
    MakePool,
    OfSize,
    Outcome,
    Place,
    Question,
    Site,
    TellsOfStop,
)
from redux.executors.local import EXECUTORS, LocalExecutor, LocalKind
from redux.repo import Repo
from redux.tracebacks import text_of

if TYPE_CHECKING:
    from redux.executors.coroutines import CoroutineExecutor


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of an executor: of the `target`."""

    target: str


OwnExecutor = MakePool | Place | Alias
"""What makes an executor of the user's own."""
NO_POOLS: Mapping[str, OwnExecutor] = MappingProxyType({})

_COROUTINES = "(async tasks)"
"""No name that anybody could give to an executor in the settings."""
OTHER_NAMES: Mapping[str, str] = {"default": "threads", "process": "processes"}
"""What redun calls them; an executor of the user's own may have these names."""


class UnknownExecutor(ExecutorError):
    """No executor has this `name`; `known` are those that are there."""

    exit_code = 2

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"no executor is named {name!r}; there are {', '.join(sorted(known))}, "
            "and those that [executors.NAME] in redux.toml names"
        )


class AliasCircle(ExecutorError):
    """Executors that are other names of each other: these `names`, from one back to itself."""

    exit_code = 2

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"executors that are names of each other: {' -> '.join(names)}; let one of them be no alias")


def meant(name: str, own: Mapping[str, OwnExecutor]) -> str:
    """The executor that is opened for a name, where `own` are the user's. Raises UnknownExecutor, AliasCircle."""
    passed = [name]
    while True:
        made = own.get(name)
        following = made.target if isinstance(made, Alias) else None if made is not None else OTHER_NAMES.get(name)
        if following is None:
            break
        name = following
        if name in passed:
            raise AliasCircle((*passed, name))
        passed.append(name)
    if name not in own and name not in EXECUTORS:
        raise UnknownExecutor(name, (*EXECUTORS, *own))
    return name


class ExecutorPool:
    """The executors of one execution. `default` is the name for tasks that name none; `workers` limits each.

    Values go to `repo`; `folder` is where the user's own project is found. `own` are the user's, by name, each opened
    when the first job asks for it. Jobs for the executors named in `instead` (no aliases) run on threads here. Raises
    UnknownExecutor, AliasCircle.
    """

    def __init__(
        self, repo: Repo, default: str, workers: int | None, folder: Path, own: Mapping[str, OwnExecutor] = NO_POOLS,
        instead: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._own = own
        self._default = meant(default, own)
        self._site = Site(repo, self._report, workers, folder)
        self._instead = frozenset(instead)
        self._open: dict[str, Executor] = {}
        self._meanings: dict[str, str] = {}
        self._coroutines: CoroutineExecutor | None = None
        self._done: Done | None = None
        self._ask: Ask | None = None

    def connect(self, done: Done, ask: Ask) -> None:
        """Say where outcomes are to be reported, `done`, and what running jobs await, `ask`."""
        self._done, self._ask = done, ask

    def coroutines(self) -> CoroutineExecutor:
        """Where async tasks run, whatever the default is."""
        if self._coroutines is None:
            from redux.executors.coroutines import CoroutineExecutor  # noqa: PLC0415 - asyncio: few runs need it

            self._coroutines = CoroutineExecutor(self._site, self._report_question)
            self._open[_COROUTINES] = self._coroutines
        return self._coroutines

    def get(self, name: str | None) -> Executor:
        """The executor of that name (None: the default). Raises UnknownExecutor."""
        if name is None:
            name = self._default
        elif name not in self._open:
            name = self._meanings.get(name) or self._meanings.setdefault(name, meant(name, self._own))
        if name in self._instead:
            name = "threads"
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

    def workers_of(self, name: str | None) -> int | None:
        """How many jobs the executor of that name runs at once; None where only it knows."""
        try:
            executor = self.get(name)
        except Exception:  # whoever submits to it is told
            return None
        return executor.workers if isinstance(executor, OfSize) else None

    def _make(self, name: str) -> Executor:
        own = self._own.get(name)
        if own is None:
            return LocalExecutor(cast("LocalKind", name)).open(name, self._site)
        if isinstance(own, Place):
            return own.open(name, self._site)
        from redux.executors.futures import FuturesExecutor  # noqa: PLC0415 - most runs need no such pool

        return FuturesExecutor(name, self._site, cast("MakePool", own))

    def cancel_waiting(self) -> list[object]:
        """The keys of all jobs that have not begun; they will not run."""
        return [key for executor in self._open.values() for key in executor.cancel_waiting()]

    def tell_of_stop(self) -> None:
        """Have schedulers among the jobs begin nothing more, where they can be told."""
        for executor in self._open.values():
            if isinstance(executor, TellsOfStop):
                executor.tell_of_stop()

    def give_up_overdue(self) -> None:
        """Report the jobs that took longer than they may."""
        for executor in self._open.values():
            executor.give_up_overdue()

    def close(self) -> tuple[str, ...]:
        """Let all workers go; a line for each executor that could not be closed, with what it raised."""
        troubles: list[str] = []
        for name, executor in self._open.items():
            try:
                executor.close()
            except Exception as error:  # a pool of the user's own raises what it likes; the results are there
                said = f"{type(error).__name__}: {text_of(error)}".rstrip(": ")
                troubles.append(f"executor {name} could not be closed ({said}); what it started may still run")
        self._open.clear()
        return tuple(troubles)

    def _report_question(self, key: object, question: Question) -> None:
        assert self._ask is not None
        self._ask(key, question)

    def _report(self, key: object, outcome: Outcome) -> None:
        assert self._done is not None
        self._done(key, outcome)
