"""Threads of this process: the default place for jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import get_ident

from redux.executors.executor import JobSpec, Outcome, Site, execute
from redux.executors.work_queue import WorkQueue
from redux.scripts.programs import end_programs_of


class ThreadExecutor(WorkQueue):
    """A fixed number of threads that take jobs in order: as its `site` says, else processors plus four, 32 at most.

    `name` is what tasks call it.
    """

    def __init__(self, site: Site, name: str = "threads") -> None:
        self.name = name
        limit = site.workers or min(32, (os.cpu_count() or 1) + 4)
        super().__init__(site.done, limit, lambda: ThreadBench(lambda spec: execute(spec, site.repo)))


class ThreadBench:
    """Runs jobs, by `run`, in the thread that made it. A thread cannot be stopped: a job given up goes on unheard."""

    def __init__(self, run: Callable[[JobSpec], Outcome]) -> None:
        self.run = run
        self._thread = get_ident()

    def interrupt(self) -> bool:
        """End the program that a script runs: whether there is one. Python code goes on."""
        return end_programs_of(self._thread)

    def close(self) -> None:
        """Nothing: there is nothing to let go of."""
