"""Why it differs: each miss followed upstream, through callers and calls, to the root causes. Pure: asks nothing.

Of each job two things may have causes: that it ran, and that its result is another than before. What a job waits for
is an edge between such things, and the causes of a thing are all that lie behind it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from redux.explain.behind import Behind, FileChange, Root, RootKind, Thing
from redux.explain.causes import Affected, Via
from redux.explain.tree import Story, ran
from redux_backends.backend import AskedJob
from redux_backends.records import JobId, Seconds

_FILES_APART = 5
"""So many changed files are causes of their own; more of them are one."""


@dataclass(frozen=True, slots=True)
class RootGroup:
    """A root cause, or several files that are one, and the tasks it made run, most time first.

    `example` is the first of its own jobs: one in which it is, not one further down. `details` are what the reasons of
    these jobs say besides.
    """

    roots: tuple[Root, ...]
    example: JobId
    details: tuple[str, ...]
    affected: tuple[Affected, ...]
    count: int
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class RootPath:
    """A root cause of one job, and the calls on the way: from one in which the cause is to the job itself."""

    root: Root
    path: tuple[Via, ...]


class RootCauses:
    """The root causes of all jobs of a story that ran."""

    def __init__(self, story: Story) -> None:
        self._jobs = {job.id: job for job in story.now.jobs}
        self._behind = Behind(story)
        self._number: dict[Root, int] = {}
        self._masks = self._spread()
        self._roots = list(self._number)
        self._owners: defaultdict[Root, list[Thing]] = defaultdict(list)
        for thing, roots in self._behind.own.items():
            for root in roots:
                self._owners[root].append(thing)

    @property
    def jobs(self) -> Sequence[AskedJob]:
        """The jobs that ran, each of which has a cause."""
        return [job for job in self._jobs.values() if ran(job)]

    def groups(self, task: str | None = None) -> list[RootGroup]:
        """The root causes with what they made run, of all or of one task, most time first; many files are one cause."""
        members: dict[Root, list[AskedJob]] = {}
        for job in self.jobs:
            if task in (None, job.fullname):
                for root in self._roots_of(job.id):
                    members.setdefault(root, []).append(job)
        files = [root for root in members if root.kind is RootKind.FILE]
        together = [files] if len(files) > _FILES_APART else [[root] for root in files]
        together += [[root] for root in members if root.kind is not RootKind.FILE]
        found = [self._group(roots, _once(members, roots)) for roots in together]
        return sorted(found, key=lambda group: (-group.seconds, -group.count, str(group.roots)))

    def of(self, job: JobId) -> list[RootPath]:
        """The root causes of one job, each with the shortest way from it to the job."""
        return [RootPath(root, self._ways([root], [job])[job]) for root in self._roots_of(job)]

    def details(self, job: JobId) -> tuple[str, ...]:
        """What the reason of one job is about, as a group has it of all its jobs."""
        return _details([self._jobs[job]])

    def is_first(self, job: JobId) -> bool:
        """Whether no job called this one."""
        return self._jobs[job].parent is None

    def files(self) -> Mapping[str, FileChange]:
        """How the files that arguments hold are others, by path."""
        return self._behind.files

    def _roots_of(self, job: JobId) -> list[Root]:
        mask = self._masks.get(Thing.ran(job), 0)
        found: list[Root] = []
        while mask:
            lowest = mask & -mask
            found.append(self._roots[lowest.bit_length() - 1])
            mask ^= lowest
        return found

    def _group(self, roots: Sequence[Root], jobs: Sequence[AskedJob]) -> RootGroup:
        ways = self._ways(roots, {job.fullname: job.id for job in reversed(jobs)}.values())
        of_task: dict[str, list[AskedJob]] = {}
        for job in jobs:
            of_task.setdefault(job.fullname, []).append(job)
        affected = [
            Affected(name, len(some), sum(one.seconds for one in some), some[0].id, ways[some[0].id])
            for name, some in of_task.items()
        ]
        own = [self._jobs[thing.job] for root in roots for thing in self._owners[root]]
        return RootGroup(
            roots=tuple(roots),
            example=own[0].id,
            details=_details(own),
            affected=tuple(sorted(affected, key=lambda one: (-one.seconds, -one.count, one.fullname))),
            count=len(jobs),
            seconds=sum(job.seconds for job in jobs),
        )

    # -- following ---------------------------------------------------------------------------------

    def _spread(self) -> dict[Thing, int]:
        """The causes of each thing, as bits; what nothing lies behind is its own cause."""
        order = list(self._in_order())
        masks = self._settle(order, dict.fromkeys(order, 0))
        alone = [job for job in self.jobs if not masks[Thing.ran(job.id)]]
        for job in alone:
            self._behind.own.setdefault(Thing.ran(job.id), []).append(self._behind.of_itself(job))
        return self._settle(order, masks) if alone else masks

    def _settle(self, order: Sequence[Thing], masks: dict[Thing, int]) -> dict[Thing, int]:
        """Go over all things, those that lie behind others first, until nothing is added any more."""
        own, behind = self._behind.own, self._behind.edges
        for thing, roots in own.items():
            for root in roots:
                masks[thing] = masks.get(thing, 0) | 1 << self._number.setdefault(root, len(self._number))
        changing = True
        while changing:
            changing = False
            for thing in order:
                mask = masks[thing]
                for one in behind.get(thing, ()):
                    mask |= masks.get(one, 0)
                if mask != masks[thing]:
                    masks[thing] = mask
                    changing = True
        return masks

    def _in_order(self) -> Iterator[Thing]:
        """All things, each after those behind it, but for circles."""
        seen: set[Thing] = set()
        for job in self._jobs:
            for start in (Thing.ran(job), Thing.differs(job)):
                stack = [(start, False)]
                while stack:
                    thing, done = stack.pop()
                    if done:
                        yield thing
                    elif thing not in seen:
                        seen.add(thing)
                        stack.append((thing, True))
                        stack += [(one, False) for one in self._behind.edges.get(thing, ()) if one not in seen]

    def _ways(self, roots: Sequence[Root], wanted: Iterable[JobId]) -> Mapping[JobId, tuple[Via, ...]]:
        """The shortest way from one of some root causes to each of the jobs that are `wanted`."""
        came: dict[Thing, Thing | None] = {thing: None for root in roots for thing in self._owners[root]}
        waiting = deque(came)
        while waiting:
            thing = waiting.popleft()
            for one in self._behind.before(thing):
                if one not in came:
                    came[one] = thing
                    waiting.append(one)
        return {job: self._way(Thing.ran(job), came) for job in wanted}

    def _way(self, thing: Thing, came: Mapping[Thing, Thing | None]) -> tuple[Via, ...]:
        line: dict[JobId, None] = {}
        one: Thing | None = thing
        while one is not None:
            line[one.job] = None
            one = came[one]
        return tuple(Via(job, self._jobs[job].fullname) for job in reversed(line))


def _once(members: Mapping[Root, Sequence[AskedJob]], roots: Sequence[Root]) -> list[AskedJob]:
    """The jobs of some root causes, each once."""
    return list({job.id: job for root in roots for job in members[root]}.values())


def _details(jobs: Sequence[AskedJob]) -> tuple[str, ...]:
    """What the reasons of some jobs are about, each once."""
    found = dict.fromkeys(job.reason.detail for job in jobs if job.reason is not None and job.reason.detail)
    return tuple(found)
