"""Threads of this process: the default place for jobs."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial

from redux.executors.executor import Site, execute
from redux.executors.work_queue import WorkQueue


class ThreadExecutor(WorkQueue):
    """A fixed number of threads that take jobs in order."""

    name = "threads"

    def __init__(self, site: Site) -> None:
        run = partial(execute, repo=site.repo)
        super().__init__(site.done, site.workers or min(32, (os.cpu_count() or 1) + 4), lambda: nullcontext(run))
