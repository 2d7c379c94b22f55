"""Calls that wait for each other in a circle while async jobs run: nothing is idle, and yet nothing will come."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from redux.scheduler.jobs import Job


def follower_in_circle(live: Collection[Job]) -> Job | None:
    """A job that waits for an equal one which waits for it, through what both called; None where there is none."""
    clear: set[Job] = set()
    for job in live:
        if job.leader is not None and job not in clear and _comes_back(job, clear):
            return job
    return None


def _comes_back(start: Job, clear: set[Job]) -> bool:
    """Whether a job is reached from itself. What was seen without coming back goes into `clear`."""
    seen = {start}
    waiting = list(_awaited(start))
    while waiting:
        job = waiting.pop()
        if job is start:
            return True
        if job not in seen and job not in clear:
            seen.add(job)
            waiting += _awaited(job)
    clear.add(start)
    return False


def _awaited(job: Job) -> Iterator[Job]:
    if job.leader is not None and not job.leader.settled:
        yield job.leader
    if job.scope is not None:
        yield from (child for child in job.scope.children if not child.settled)
