"""Matched jobs counted and grouped: calls only in one, times that moved, ends that are others. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from redux.diff.found import Duration, Only, StatusChange
from redux.diff.frontier import both, results_differ
from redux.diff.matching import Place, by_look
from redux_backends.backend import JobView
from redux_backends.records import JobId, JobStatus, Outcome, Seconds
from redux_valuestore.digest import Digest

LEAST = 0.1
"""Seconds by which a time has moved at least to be told."""
SHARE = 0.2
"""And the part of the longer time."""
_OF_BELOW = 0.8
"""The part of a call's move from which on it is that of a call that it made."""


def only_in(places: Sequence[Place], jobs: Sequence[JobView], first: bool) -> list[Only]:
    """The calls that only the first execution made, or only the second, by task; most first."""
    sizes = _sizes(jobs)
    grouped: defaultdict[str, list[JobView]] = defaultdict(list)
    for place in places:
        alone, other = (place.before, place.now) if first else (place.now, place.before)
        if alone is not None and other is None:
            grouped[alone.fullname].append(alone)
    found = [
        Only(fullname, len(views), min(views, key=by_look), sum(sizes[view.job.id] for view in views))
        for fullname, views in grouped.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.fullname))


def _sizes(jobs: Sequence[JobView]) -> Mapping[JobId, int]:
    """How many jobs are below each."""
    parents = {view.job.id: view.job.parent for view in jobs}
    sizes: Counter[JobId] = Counter()
    waiting = Counter(parent for parent in parents.values() if parent in parents)
    ready = [job for job in parents if not waiting[job]]
    while ready:
        job = ready.pop()
        parent = parents[job]
        if parent in parents and parent is not None:
            sizes[parent] += sizes[job] + 1
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)
    return sizes


def changed_code(places: Sequence[Place]) -> Mapping[tuple[str, Digest, Digest], tuple[int, int]]:
    """The tasks whose code changed, under both hashes: how many calls, and how many with another result."""
    calls: Counter[tuple[str, Digest, Digest]] = Counter()
    differing: Counter[tuple[str, Digest, Digest]] = Counter()
    for place in places:
        pair = both(place)
        if pair is not None and pair[0].job.task_hash != pair[1].job.task_hash:
            key = (pair[1].fullname, pair[0].job.task_hash, pair[1].job.task_hash)
            calls[key] += 1
            differing[key] += results_differ(*pair)
    return {key: (count, differing[key]) for key, count in calls.most_common()}


def moved(places: Sequence[Place], least: Seconds = LEAST) -> list[Duration]:
    """The calls that ran in both and took another time, by `least` seconds and a fifth of it; largest first."""
    moves = {id(place): one for place in places if (one := _duration(place)) is not None}
    found: list[Duration] = []
    for place in places:
        one = moves.get(id(place))
        if one is None:
            continue
        change = one.took - one.was
        below = [moves[id(child)] for child in place.below if id(child) in moves]
        if any((child.took - child.was) / change >= _OF_BELOW for child in below if change):
            continue
        if abs(change) >= least and abs(change) >= SHARE * max(one.was, one.took):
            found.append(one)
    return sorted(found, key=lambda one: -abs(one.took - one.was))


def _duration(place: Place) -> Duration | None:
    pair = both(place)
    if pair is None:
        return None
    was, took = (_seconds(view) for view in pair)
    return None if was is None or took is None else Duration(*pair, was, took)


def _seconds(view: JobView) -> Seconds | None:
    """The time that a job ran; None where it did not, or has not ended."""
    job = view.job
    return None if job.ended is None or job.outcome is not Outcome.RAN else job.ended - job.started


def statuses(places: Sequence[Place]) -> list[StatusChange]:
    """The calls that ended another way, by task; those that failed in one of the two first."""
    grouped: defaultdict[tuple[str, JobStatus, JobStatus], list[JobView]] = defaultdict(list)
    for place in places:
        pair = both(place)
        if pair is not None and pair[0].job.status is not pair[1].job.status:
            grouped[pair[1].fullname, pair[0].job.status, pair[1].job.status].append(pair[1])
    found = [StatusChange(*key, len(views), min(views, key=by_look)) for key, views in grouped.items()]
    return sorted(found, key=lambda one: (_is_reuse(one), -one.count, one.fullname))


def _is_reuse(one: StatusChange) -> bool:
    return {one.was, one.now} == {JobStatus.DONE, JobStatus.CACHED}
