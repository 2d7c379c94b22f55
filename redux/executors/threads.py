"""Threads of this process: the default place for jobs."""

from __future__ import annotations

import os
from queue import Empty, SimpleQueue
from threading import Thread

from redux.executors.executor import JobSpec, Site, execute


class ThreadExecutor:
    """A fixed number of threads that take jobs in order.

    Simpler queues than `concurrent.futures` has, because a cheap job would pay more for its future than for itself.
    """

    name = "threads"

    def __init__(self, site: Site) -> None:
        self._repo = site.repo
        self._done = site.done
        self._orders: SimpleQueue[tuple[object, JobSpec] | None] = SimpleQueue()
        self._limit = site.workers or min(32, (os.cpu_count() or 1) + 4)
        self._threads: list[Thread] = []

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job; a thread is started for it while there are fewer than the limit."""
        self._orders.put((key, spec))
        if len(self._threads) < self._limit:
            thread = Thread(target=self._work, name=f"redux-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs that no thread has taken."""
        keys: list[object] = []
        while True:
            try:
                order = self._orders.get_nowait()
            except Empty:
                return keys
            if order is not None:
                keys.append(order[0])

    def close(self) -> None:
        """Let every thread finish its job and end."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            key, spec = order
            self._done(key, execute(spec, self._repo))
            del order, key, spec
