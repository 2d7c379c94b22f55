"""The lines of handles in one execution: the version that each call is given, and what a call that runs rolls back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from redux.expression import Operation, RuleCall
from redux.handle import Handle, advanced_version, fork, fork_version, line_of, replace_handles, version_of
from redux.nested import lazies_in
from redux.scheduler.inputs import Inputs
from redux.scheduler.jobs import Datum, Fork, Job, Scope
from redux_backends.records import HandleVersion, Rollback, Traits
from redux_valuestore.digest import Digest


class _Places:
    """Where the jobs of a scope stand among those that may be given the same versions, by what their arguments name.

    That is read off the expressions, so it is the same in every execution, whatever is ready first.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._seen = 0
        self._sources: dict[Job, Mapping[object, object]] = {}
        self._users: defaultdict[object, list[Job]] = defaultdict(list)
        self._alike: defaultdict[tuple[object, str], list[Job]] = defaultdict(list)
        self.of: dict[Job, tuple[str, int]] = {}

    def look(self) -> None:
        """Take in the jobs that were made since."""
        made = self._scope.children[self._seen :]
        self._seen += len(made)
        for job in made:
            name = job.known.task.fullname
            sources = self._sources[job] = _sources_of(job)
            alike = [self._alike[source, name] for source in sources]
            before = len(alike[0]) if len(alike) == 1 else len(set[Job]().union(*alike))
            self.of[job] = name, before
            for source in sources:
                self._users[source].append(job)
                self._alike[source, name].append(job)

    def beside(self, job: Job) -> set[tuple[str, int]]:
        """The places of all jobs that may be given what this one is given, its own included."""
        return {self.of[other] for source in self._sources[job] for other in self._users[source]}


def _sources_of(job: Job) -> Mapping[object, object]:
    """The calls, merges and handles that a job's arguments name, through operations and rules; kept with their keys."""
    if job.bound is None:
        return {}
    found: dict[object, object] = {}

    def note(handle: Handle) -> Handle:
        found[version_of(handle).hash] = None
        return handle

    given = (job.bound.args, job.bound.kwargs)
    replace_handles(given, note)
    waiting = lazies_in(given)
    while waiting:
        lazy = waiting.pop()
        if isinstance(lazy, Operation) and lazy._name != "merge_handles":
            replace_handles(lazy._args, note)
            waiting += lazies_in(lazy._args)
        elif isinstance(lazy, RuleCall):
            replace_handles((lazy._args, lazy._kwargs), note)
            waiting += lazies_in((lazy._args, lazy._kwargs))
        else:
            found[id(lazy)] = lazy
    return found


class Lines:
    """The versions of handles that are given to the jobs of one execution.

    Calls beside each other in one job that are given the same version are beside each other on purpose: each has a line
    of its own. So have calls of several jobs that made the same handle; what they were given so far stays valid. What
    was given to a call that is not there any more is rolled back with the first of them that runs.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._places: dict[Scope, _Places] = {}
        self._cleared: set[tuple[Scope, Digest]] = set()
        self._given: defaultdict[Digest, set[Digest]] = defaultdict(set)

    def fork(self, job: Job, datum: Datum) -> Datum:
        """What a job is given in place of an argument. Raises Unmade, CannotEncode."""
        self._places_in(job.parent)
        if datum.hash is not None and not datum.traits & Traits.HANDLES:
            return datum
        forks: list[Fork] = []

        def change(handle: Handle) -> Handle:
            made = fork(handle, self._places_in(job.parent).of[job])
            forks.append(Fork(version_of(made), version_of(handle), line_of(handle)))
            self._given[forks[-1].origin.hash].add(forks[-1].given.hash)
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
        keep = self._given[origin] | {fork_version(origin, place) for place in self._places_in(scope).beside(job)}
        if scope.job is not None and scope.job.eval_hash is not None:
            keep.add(advanced_version(origin, scope.job.eval_hash))
        return [Rollback(origin, frozenset(keep))]

    def _places_in(self, scope: Scope) -> _Places:
        places = self._places.setdefault(scope, _Places(scope))
        places.look()
        return places
