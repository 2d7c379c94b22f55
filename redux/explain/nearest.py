"""Which earlier call a call is compared with: at the same place in what called it, else the nearest of its task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from redux.explain.tree import JobTree, Nearest, ran
from redux_backends.backend import AskedJob
from redux_backends.records import FileFact, JobId
from redux_valuestore.digest import Digest

_MANY = 50
"""An argument that more calls have does not tell which of them is meant."""

Files = Mapping[Digest, Sequence[FileFact]]


class _Candidates:
    """Earlier calls of one task: those that share arguments with a call are found without a look at all of them."""

    def __init__(self, jobs: Sequence[AskedJob], files: Files) -> None:
        self.jobs = jobs
        self._files = files
        self._given = {job.arguments: at for at, job in reversed(list(enumerate(jobs)))}
        self._having: defaultdict[tuple[str, object], list[int]] = defaultdict(list)
        self._bound: list[dict[str, Digest]] = []

    def _learn(self) -> None:
        """Note who has what, when somebody asks who has something like it."""
        for at, job in enumerate(self.jobs):
            self._bound.append({one.name: one.value for one in job.arguments})
            for mark in self._marks(job):
                self._having[mark].append(at)

    def _marks(self, job: AskedJob) -> Iterable[tuple[str, object]]:
        """What tells a call: its arguments, and the paths of files in them."""
        for one in job.arguments:
            yield one.name, one.value
            for file in self._files.get(one.value, ()):
                yield one.name, file.path

    def nearest(self, job: AskedJob, at: int, asked_now: AbstractSet[Digest | None]) -> tuple[AskedJob, int] | None:
        """The nearest to a call that is the one at a position among those of its place; how many arguments are equal.

        Most equal arguments first, then most files of the same path, then what is not asked for now as well.
        """
        if not self.jobs:
            return None
        same = self._given.get(job.arguments)
        if same is not None:
            return self.jobs[same], len(job.arguments)
        if not self._bound:
            self._learn()
        mine = {one.name: one.value for one in job.arguments}
        alike: Counter[int] = Counter()
        for mark in self._marks(job):
            having = self._having.get(mark, ())
            alike.update(having if len(having) <= _MANY else ())
        alike[min(at, len(self.jobs) - 1)] += 0
        if len(alike) == 1:
            (best,) = alike
            return self.jobs[best], self._equal(best, mine)

        def nearness(candidate: int) -> tuple[int, int, bool, int]:
            equal = self._equal(candidate, mine)
            new = self.jobs[candidate].eval_hash not in asked_now
            return equal, alike[candidate], new, -abs(candidate - at)

        best = max(alike, key=nearness)
        return self.jobs[best], self._equal(best, mine)

    def _equal(self, candidate: int, mine: Mapping[str, Digest]) -> int:
        return sum(mine.get(name) == value for name, value in self._bound[candidate].items())


def find_nearest(now: JobTree, before: Sequence[JobTree], files: Files) -> dict[JobId, Nearest]:
    """The earlier job that each job is compared with, for those of which there is one.

    `before` are earlier executions, newest first; `files` are those in arguments, by the value's hash.
    """
    asked_now = frozenset(job.eval_hash for job in now.jobs)
    found: dict[JobId, Nearest] = {}
    below = now.below()
    for tree in before:
        _in_place(below, tree, files, asked_now, found)
    _elsewhere(now, before, files, asked_now, found)
    return found


def _in_place(
    below: Mapping[JobId | None, Sequence[AskedJob]],
    tree: JobTree,
    files: Files,
    asked_now: AbstractSet[Digest | None],
    found: dict[JobId, Nearest],
) -> None:
    """Compare from the roots down: the calls that a job makes with those that the one it is compared with made."""
    then = tree.below()
    waiting: list[tuple[JobId | None, JobId | None]] = [(None, None)]
    while waiting:
        mine, theirs = waiting.pop()
        candidates = _by_task(then.get(theirs, ()))
        for fullname, jobs in _by_task(below.get(mine, ())).items():
            for some, place in _places(jobs, candidates.get(fullname, ()), files):
                for at, job in enumerate(some):
                    one = place.nearest(job, at, asked_now)
                    if one is None:
                        continue
                    other, equal = one
                    if job.id not in found or equal > found[job.id].equal:
                        found[job.id] = _compared(job, other, equal, same_place=True)
                    if job.id in below:
                        waiting.append((job.id, other.id))


def _places(
    jobs: Sequence[AskedJob], candidates: Sequence[AskedJob], files: Files
) -> Iterator[tuple[Sequence[AskedJob], _Candidates]]:
    """The calls of one task that were known, and those that were not, which stand in for none of the others."""
    known = [job for job in jobs if not ran(job)]
    if known:
        yield known, _Candidates(candidates, files)
    asked = {job.eval_hash for job in known}
    others = [one for one in candidates if one.eval_hash not in asked]
    yield [job for job in jobs if ran(job)], _Candidates(others, files)


def _elsewhere(
    now: JobTree,
    before: Sequence[JobTree],
    files: Files,
    asked_now: AbstractSet[Digest | None],
    found: dict[JobId, Nearest],
) -> None:
    """Compare those that nothing stood in the place of with the nearest call of their task, wherever it was made."""
    alone = _by_task(job for job in now.jobs if job.id not in found and ran(job))
    if not alone:
        return
    every = _by_task(job for tree in reversed(before) for job in tree.jobs)
    for fullname, jobs in alone.items():
        place = _Candidates(every.get(fullname, ()), files)
        for at, job in enumerate(jobs):
            one = place.nearest(job, at, asked_now)
            if one is not None:
                found[job.id] = _compared(job, *one, same_place=False)


def _compared(job: AskedJob, other: AskedJob, equal: int, *, same_place: bool) -> Nearest:
    return Nearest(other, equal, max(len(job.arguments), len(other.arguments)), same_place)


def _by_task(jobs: Iterable[AskedJob]) -> dict[str, list[AskedJob]]:
    found: defaultdict[str, list[AskedJob]] = defaultdict(list)
    for job in jobs:
        found[job.fullname].append(job)
    return found
