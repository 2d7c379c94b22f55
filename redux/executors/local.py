"""This machine's own executors, and further ones of their kinds with a name and a size of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal

from redux.executors.executor import Executor, Place, Site

LocalKind = Literal["threads", "processes", "inline"]

EXECUTORS: Mapping[str, tuple[str, str]] = {
    "threads": ("redux.executors.threads", "ThreadExecutor"),
    "processes": ("redux.executors.processes", "ProcessExecutor"),
    "inline": ("redux.executors.inline", "InlineExecutor"),
}
"""The executors there are, by name: module and class, imported when a job asks for one."""


@dataclass(frozen=True, slots=True)
class LocalExecutor(Place):
    """Threads, processes or the scheduler's own thread, by their `kind`; `workers` of them (None: as the run says).

    `Scheduler(executors={"few": LocalExecutor("processes", 2)})`
    """

    kind: LocalKind = "threads"
    workers: int | None = None

    def open(self, name: str, site: Site) -> Executor:
        """The executor of this `name` at a `site`; it starts its workers as jobs come."""
        module, executor = EXECUTORS[self.kind]
        opened: Executor = getattr(import_module(module), executor)(
            site if self.workers is None else replace(site, workers=self.workers), name
        )
        return opened
