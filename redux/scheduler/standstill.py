"""Jobs that wait for a limit which nobody will ever give back, since whoever holds it awaits such jobs."""

from __future__ import annotations

from collections.abc import Collection

from redux.scheduler.jobs import Cell, Gather, Job


def waiting_in_vain(live: Collection[Job], waiting: Collection[Job], going_on: Collection[Job]) -> list[Job]:
    """Those of the jobs `waiting` for limits to whom nothing that still moves will ever give back what they want.

    `live` are all jobs without an end, `going_on` those that will come to theirs by themselves. What waits for one
    that moves may move in its turn, and so may the job that it is part of; whoever moves gives back in the end.
    """
    queued = set(waiting)
    moving: set[Cell] = set(going_on)
    moving.update(job for job in live if job not in queued and _is_ready(job))
    ahead = list(moving)
    while ahead:
        cell = ahead.pop()
        resources = {name for name, _ in cell.options.limits} if isinstance(cell, Job) else ()
        freed = [job for job in queued if any(name in resources for name, _ in job.options.limits)] if resources else []
        above = (cell.parent.job, cell.job if isinstance(cell, Gather) else None)
        for follower in (*(cell.waiters or ()), *freed, *above):
            if follower is not None and follower not in moving and not follower.settled:
                moving.add(follower)
                ahead.append(follower)
    return [job for job in waiting if job not in moving]


def _is_ready(job: Job) -> bool:
    """Whether it waits for nothing, neither what it is given nor what it called."""
    return job.missing == 0 and job.scope is None
