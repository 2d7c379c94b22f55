"""Threads of this process: the default place for jobs."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial

from redux.executors.executor import JobSpec, Site, execute
from redux.executors.work_queue import WorkQueue


class ThreadExecutor:
    """A fixed number of threads that take jobs in order."""

    name = "threads"

    def __init__(self, site: Site) -> None:
        limit = site.workers or min(32, (os.cpu_count() or 1) + 4)
        run = partial(execute, repo=site.repo)
        self._queue = WorkQueue(site.done, limit, lambda: nullcontext(run))

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job; a thread is started for it while there are fewer than the limit."""
        self._queue.submit(key, spec)

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs that no thread has taken."""
        return self._queue.cancel_waiting()

    def close(self) -> None:
        """Let every thread finish its job and end."""
        self._queue.close()
