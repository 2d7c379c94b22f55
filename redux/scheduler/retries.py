"""Retries: calls that raised and are to be tried again, each at its time."""

from __future__ import annotations

import heapq
import itertools
import time

from redux.scheduler.jobs import Job
from redux_backends.records import Seconds


class Retries:
    """Jobs that wait for their next attempt."""

    def __init__(self) -> None:
        self._due: list[tuple[Seconds, int, Job]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._due)

    def wants(self, job: Job, error: BaseException) -> bool:
        """Whether a job that raised this is to be tried again."""
        retry = job.options.retry
        return job.attempts < retry.times and isinstance(error, retry.errors)

    def wait(self, job: Job) -> None:
        """Have a job tried again after its delay, which doubles with every attempt."""
        delay = job.options.retry.delay * 2 ** (job.attempts - 1)
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), job))

    def forget(self, job: Job) -> None:
        """Have a job not tried again, if it waits for that."""
        if job.attempts:
            self._due = [one for one in self._due if one[2] is not job]
            heapq.heapify(self._due)

    def due(self) -> list[Job]:
        """The jobs whose time has come."""
        jobs: list[Job] = []
        while self._due and self._due[0][0] <= time.monotonic():
            jobs.append(heapq.heappop(self._due)[2])
        return jobs

    def next_in(self) -> Seconds | None:
        """The seconds until the next one is due, None where none waits."""
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
