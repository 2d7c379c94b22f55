"""Calls that wait for each other in a circle while async jobs run: nothing is idle, and yet nothing will come."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from redux.scheduler.jobs import Job


def follower_in_circle(live: Collection[Job]) -> Job | None:
    """A job that waits for an equal one which waits for it, through what both called; None where there is none."""
    done: set[Job] = set()
    for start in live:
        if start.leader is not None and start not in done:
            found = _circle_from(start, done)
            if found is not None:
                return found
    return None


def _circle_from(start: Job, done: set[Job]) -> Job | None:
    """What leads into no circle goes into `done`. Every circle has a follower in it, since calls alone make a tree."""
    path = [start]
    on_path = {start}
    ahead = [_awaited(start)]
    while path:
        job = next(ahead[-1], None)
        if job is None:
            ahead.pop()
            done.add(path[-1])
            on_path.discard(path.pop())
        elif job in on_path:
            return next(one for one in path[path.index(job) :] if one.leader is not None)
        elif job not in done:
            path.append(job)
            on_path.add(job)
            ahead.append(_awaited(job))
    return None


def _awaited(job: Job) -> Iterator[Job]:
    if job.leader is not None and not job.leader.settled:
        yield job.leader
    if job.scope is not None:
        yield from (child for child in job.scope.children if not child.settled)
