"""The lines of handles in one execution: the version that each call is given, and what a call that runs rolls back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from redux.handle import Handle, advanced_version, fork, fork_version, replace_handles, version_of
from redux.scheduler.inputs import Inputs
from redux.scheduler.jobs import Datum, Fork, Job, Scope
from redux_backends.records import HandleVersion, Rollback, Traits
from redux_valuestore.digest import Digest


class _Places:
    """Which of the calls of its task each job of a scope is, in the order in which they were made."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._counts: Counter[str] = Counter()
        self.of: dict[Job, tuple[str, int]] = {}

    def look(self) -> None:
        """Take in the jobs that were made since."""
        for job in self._scope.children[len(self.of) :]:
            name = job.known.task.fullname
            self.of[job] = name, self._counts[name]
            self._counts[name] += 1


class Lines:
    """The versions of handles that are given to the jobs of one execution.

    Calls beside each other in one job that are given the same version are beside each other on purpose: each has a line
    of its own. What was given to a call that is not there any more is rolled back with the first of them that runs.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._places: dict[Scope, _Places] = {}
        self._cleared: set[tuple[Scope, Digest]] = set()

    def fork(self, job: Job, datum: Datum) -> Datum:
        """What a job is given in place of an argument. Raises Unmade, CannotEncode."""
        if datum.hash is not None and not datum.traits & Traits.HANDLES:
            return datum
        forks: list[Fork] = []

        def change(handle: Handle) -> Handle:
            made = fork(handle, self._places_in(job.parent).of[job])
            forks.append(Fork(version_of(made), version_of(handle)))
            return made

        value = self._inputs.load(datum)
        given = replace_handles(value, change)
        if given is value:
            return datum
        job.forks = tuple(dict.fromkeys((*job.forks, *forks)))
        datum.users -= 1
        return Datum(None, Traits.PLAIN, given)

    def rollbacks(self, jobs: Iterable[Job]) -> tuple[list[Rollback], list[HandleVersion]]:
        """What is no longer valid once these jobs run, and the versions that they are given."""
        rollbacks: list[Rollback] = []
        versions: list[HandleVersion] = []
        for job in jobs:
            for made in job.forks:
                origin = made.origin
                if len(origin.parents) > 1:  # it was merged between calls, and nobody recorded that
                    versions.append(origin)
                versions.append(made.given)
                rollbacks += self._others(job, origin.hash)
                rollbacks.append(Rollback(made.given.hash))
        return rollbacks, versions

    def _others(self, job: Job, origin: Digest) -> list[Rollback]:
        """The roll back of what calls were given that are not beside this one any more, once for all beside it."""
        scope = job.parent
        if (scope, origin) in self._cleared:
            return []
        self._cleared.add((scope, origin))
        keep = {fork_version(origin, place) for place in self._places_in(scope).of.values()}
        if scope.job is not None and scope.job.eval_hash is not None:
            keep.add(advanced_version(origin, scope.job.eval_hash))
        return [Rollback(origin, frozenset(keep))]

    def _places_in(self, scope: Scope) -> _Places:
        places = self._places.setdefault(scope, _Places(scope))
        places.look()
        return places
