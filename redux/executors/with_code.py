"""Pools of others' workers that are sent the project's code."""

from __future__ import annotations

from dataclasses import dataclass

from redux.executors.code_package import EVERY_MODULE, CodePatterns, pack_code
from redux.executors.executor import Executor, MakePool, Place, Site


@dataclass(frozen=True, slots=True)
class WithCode(Place):
    """A `concurrent.futures.Executor` whose workers see neither the project nor its folder of values.

    They are sent the project's code, and values come and go with the messages.
    `Scheduler(executors={"far": WithCode(make)})`
    """

    make: MakePool
    patterns: CodePatterns = EVERY_MODULE

    def open(self, name: str, site: Site) -> Executor:
        """The executor, its code packed. Raises CannotPack."""
        from redux.executors.futures import FuturesExecutor  # noqa: PLC0415 - most runs need no such pool

        return FuturesExecutor(name, site, self.make, pack_code(site.folder, self.patterns))
