"""Threads of this process: the default place for jobs."""

from __future__ import annotations

import os
from collections.abc import Callable

from redux.executors.executor import JobSpec, Outcome, Site, execute
from redux.executors.work_queue import WorkQueue


class ThreadExecutor(WorkQueue):
    """A fixed number of threads that take jobs in order."""

    name = "threads"

    def __init__(self, site: Site) -> None:
        bench = ThreadBench(lambda spec: execute(spec, site.repo))
        super().__init__(site.done, site.workers or min(32, (os.cpu_count() or 1) + 4), lambda: bench)


class ThreadBench:
    """Runs jobs in the thread that asks. A thread cannot be stopped: a job that is given up goes on unheard."""

    def __init__(self, run: Callable[[JobSpec], Outcome]) -> None:
        self.run = run

    def interrupt(self) -> None:
        """Nothing: there is no way."""

    def close(self) -> None:
        """Nothing: there is nothing to let go of."""
