"""Limits: how much of a named resource there is, and the jobs that wait until enough of it is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping

from redux.scheduler.jobs import Job
from redux_backends.records import JobId, Reason
from redux_valuestore.errors import ReduxError


class LimitHeldAbove(ReduxError):
    """A call takes what an async task above it holds while it awaits that call."""

    exit_code = 2

    def __init__(self, fullname: str, resource: str, holder: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} takes of limit {resource!r}, which task {holder} above it holds until it ends: "
            "neither could go on; leave limits= to the calls that await no others, or raise the limit"
        )


class LimitNeverFree(ReduxError):
    """A call waits for what async tasks hold that await calls which wait for limits themselves."""

    exit_code = 2

    def __init__(self, fullname: str, resource: str, holders: Collection[str]) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} waits for limit {resource!r}, which calls of {', '.join(holders)} hold until they end, "
            "and these await calls that wait for limits: none could go on; leave limits= to the calls that await "
            "no others, or raise the limit"
        )


Wants = tuple[tuple[str, int], ...]
"""What a job takes: names of resources, and how much of each."""


class LimitExceeded(ReduxError):
    """A call takes more of a resource than there is."""

    exit_code = 2

    def __init__(self, fullname: str, resource: str, wanted: int, total: int) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} takes {wanted} of limit {resource!r}, of which there is {total}: "
            f"raise it under [limits] in redux.toml, or lower the task's limits="
        )


def _above(job: Job) -> Iterator[Job]:
    above = job.parent.job
    while above is not None:
        yield above
        above = above.parent.job


class Limits:
    """What is free of each resource. One that nobody gave a number has 1."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self._totals = dict(totals)
        self._taken: dict[str, int] = {}
        self._waiting: dict[Wants, deque[tuple[Job, Reason]]] = {}

    def take(self, job: Job, reason: Reason, running: Collection[JobId] = ()) -> bool:
        """Whether a job has all it takes now; if not, it waits, to come out of `next_freed`.

        Raises LimitExceeded for more than there is, LimitHeldAbove for more than the `running` jobs above it leave,
        which wait for it.
        """
        wants = job.options.limits
        for resource, wanted in wants:
            total = self._totals.get(resource, 1)
            if wanted > total:
                raise LimitExceeded(job.known.task.fullname, resource, wanted, total)
        if not self._fits(wants):
            self._check_above(job, running)
            self._waiting.setdefault(wants, deque()).append((job, reason))
            return False
        self._add(wants, 1)
        return True

    def _check_above(self, job: Job, running: Collection[JobId]) -> None:
        holders = [(above, dict(above.options.limits)) for above in _above(job) if above.id in running]
        for resource, wanted in job.options.limits:
            held = [(above, limits[resource]) for above, limits in holders if resource in limits]
            if held and wanted > self._totals.get(resource, 1) - sum(count for _, count in held):
                raise LimitHeldAbove(job.known.task.fullname, resource, held[0][0].known.task.fullname)

    @property
    def waiting(self) -> list[Job]:
        """The jobs that wait."""
        return [job for waiting in self._waiting.values() for job, _ in waiting if not job.settled]

    def never_free(self, job: Job, running: Collection[Job]) -> LimitNeverFree:
        """The error of a job that waits in vain for what `running` jobs hold."""
        wants = job.options.limits
        resource = next((one[0] for one in wants if not self._fits((one,))), wants[0][0])
        holders = {one.known.task.fullname for one in running if resource in dict(one.options.limits)}
        return LimitNeverFree(job.known.task.fullname, resource, sorted(holders))

    def give_back(self, job: Job) -> None:
        """A job needs what it took no more."""
        self._add(job.options.limits, -1)

    def next_freed(self) -> tuple[Job, Reason] | None:
        """A job that waited and has now taken what it needs, the longest waiting of its kind; None if none fits.

        Those that are settled meanwhile wait for nothing.
        """
        for wants, waiting in list(self._waiting.items()):
            while waiting and waiting[0][0].settled:
                waiting.popleft()
            freed = waiting.popleft() if waiting and self._fits(wants) else None
            if not waiting:
                del self._waiting[wants]
            if freed is not None:
                self._add(wants, 1)
                return freed
        return None

    def _fits(self, wants: Wants) -> bool:
        return all(self._taken.get(resource, 0) + wanted <= self._totals.get(resource, 1) for resource, wanted in wants)

    def _add(self, wants: Wants, times: int) -> None:
        for resource, wanted in wants:
            self._taken[resource] = self._taken.get(resource, 0) + wanted * times
