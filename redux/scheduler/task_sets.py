"""Which tasks calls are made of: the sets that stand in the record of each finished call."""

from __future__ import annotations

from collections.abc import Callable

from redux.scheduler.jobs import Job
from redux.scheduler.wholes import may_be_taken
from redux_backends.records import NO_TASKS, TaskSet, hash_task_set
from redux_valuestore.digest import Digest

_NEVER_WHOLE = TaskSet(NO_TASKS, ())


class TaskSets:
    """The task sets of one execution's calls. `find` gives the members of one that an earlier execution recorded."""

    def __init__(self, find: Callable[[Digest], frozenset[Digest]]) -> None:
        self._find = find
        self._made: dict[frozenset[Digest], TaskSet] = {}
        self._members: dict[Digest, frozenset[Digest]] = {}
        self._noted: set[Digest] = set()
        self._new: list[TaskSet] = []

    def take_new(self) -> list[TaskSet]:
        """The sets that were not given before, to be recorded."""
        new, self._new = self._new, []
        return new

    def of_record(self, job: Job) -> Digest:
        """The set that the call of a job is recorded with: that of no task, where it is not to be taken whole."""
        task_set = self.of(job)
        if may_be_taken(job.known.kind, job.whole):
            return task_set
        self._note(_NEVER_WHOLE)
        return NO_TASKS

    def of(self, job: Job) -> Digest:
        """The set of the tasks of a job and of all below it, silent ones too: a change of any makes it another call."""
        known = job.known
        own = job.counts_as is known.task_hash or not job.is_accepted
        leaf_set = known.leaf_set if own else hash_task_set((job.counts_as,))
        made = job.scope.calls if job.scope is not None else ()
        if not made and leaf_set in self._noted:
            job.task_set = leaf_set
        else:
            below = {child.task_set for child in made if child.task_set is not None}
            job.task_set = self._join(job.counts_as, leaf_set, below)
        return job.task_set

    def _join(self, own: Digest, leaf_set: Digest, below: set[Digest]) -> Digest:
        made_of = frozenset(below | {leaf_set})
        joined = self._made.get(made_of)
        if joined is None:
            members = frozenset({own}).union(*(self._members_of(digest) for digest in below))
            joined = TaskSet(hash_task_set(members), tuple(sorted(members)))
            self._made[made_of] = joined
            self._members[joined.hash] = members
        self._note(joined)
        return joined.hash

    def _note(self, task_set: TaskSet) -> None:
        if task_set.hash not in self._noted:
            self._noted.add(task_set.hash)
            self._new.append(task_set)

    def _members_of(self, digest: Digest) -> frozenset[Digest]:
        members = self._members.get(digest)
        if members is None:
            members = self._members[digest] = self._find(digest)
        return members
