"""What calls that would run are presumed to give: what the nearest earlier calls of their tasks gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from redux.ahead import answered
from redux.repo import Repo
from redux.scheduler.inputs import Inputs, encode_plain
from redux.scheduler.jobs import ABSENT, Datum, Job, Scope
from redux.tasks.options import CacheResult
from redux.value import hash_value
from redux_backends.answers import CallCandidate, Candidate
from redux_backends.records import (
    Argument,
    EvaluationKey,
    ExecutionId,
    Place,
    Seconds,
    StoredValue,
    Traits,
    hash_arguments,
    hash_evaluation,
)
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

_VERSIONS = 8
"""How many earlier versions of a task are looked at."""
_NEAREST = 32
"""Of how many calls with other arguments the nearest earlier call is looked for, one after another."""


@dataclass(frozen=True, slots=True)
class Presumed:
    """What an earlier call gave, in the place of one that would run: its `value`, after so many `seconds`.

    `task_hash` is the code that it was called with, `before` the arguments that differ: the name, the value's hash
    then, and the datum now.
    """

    value: StoredValue
    seconds: Seconds
    task_hash: Digest
    before: tuple[tuple[str, Digest | None, Datum], ...] = ()
    files: Mapping[str, Digest | None] = field(default_factory=dict[str, "Digest | None"])
    """what the Files in the value held then, by the texts of their facts"""

    @property
    def passed_on(self) -> Mapping[Digest, Datum]:
        """What the calls in the value are given now in the place of an argument that was handed on to them."""
        return {old: datum for _, old, datum in self.before if old is not None}


class Presumption:
    """Finds the earlier calls, for many jobs at once, and remembers which were taken."""

    def __init__(self, repo: Repo, execution: ExecutionId) -> None:
        self._repo = repo
        self._execution = execution
        self._versions: dict[str, Sequence[Digest]] = {}
        self._looked_near = 0
        self.taken: dict[Job, Presumed] = {}

    def versions(self, fullnames: Iterable[str]) -> Mapping[str, Sequence[Digest]]:
        """The hashes under which tasks are known, newest first."""
        unknown = [name for name in dict.fromkeys(fullnames) if name not in self._versions]
        if unknown:
            found = self._repo.backend.known_tasks(unknown)
            self._versions.update({name: found.get(name, ()) for name in unknown})
        return self._versions

    def take(self, jobs: Sequence[Job]) -> Mapping[Job, Presumed]:
        """The earlier calls to presume upon; jobs without one are left out."""
        found = self._by_hash([job for job in jobs if job.stale is None])
        for job in jobs:
            if job not in found and job.stale is None and self._looked_near < _NEAREST:
                near = self._nearest(job)
                if near is not None:
                    found[job] = near
        with_files = self._with_files(found)
        self.taken.update(with_files)
        return with_files

    # -- by hash -----------------------------------------------------------------------------------

    def _by_hash(self, jobs: Sequence[Job]) -> dict[Job, Presumed]:
        versions = self.versions(job.known.task.fullname for job in jobs)
        asked: dict[Job, list[tuple[Digest, Digest, tuple[tuple[str, Digest | None, Datum], ...]]]] = {}
        for job in jobs:
            known = dict.fromkeys((job.known.task_hash, *versions[job.known.task.fullname][:_VERSIONS]))
            now, then = job.args_hash, self._arguments_before(job)
            assert now is not None
            for arguments, before in ((now, ()), *(() if then is None else (then,))):
                asked.setdefault(job, []).extend(
                    (hash_evaluation(version, arguments), version, before) for version in known
                )
        evals = [eval_hash for keys in asked.values() for eval_hash, *_ in keys]
        results = self._results(evals, jobs)
        return {
            job: Presumed(one.value, one.duration, version, before)
            for job, keys in asked.items()
            for eval_hash, version, before in keys[::-1]
            if (one := results.get(eval_hash)) is not None
        }

    def _results(self, evals: Sequence[Digest], jobs: Sequence[Job]) -> Mapping[Digest, Candidate | CallCandidate]:
        backend = self._repo.backend
        results: dict[Digest, Candidate | CallCandidate] = {}
        if evals and any(CacheResult.SINGLE not in job.options.cache_results for job in jobs):
            results |= _first_there(backend.find_calls(evals))
        if evals:
            results |= _first_there(backend.check_cache(evals))
        return results

    def _arguments_before(self, job: Job) -> tuple[Digest, tuple[tuple[str, Digest | None, Datum], ...]] | None:
        """The hash of the arguments that the call had then, where its caller is presumed; None where it is the same."""
        caller = job.parent.job
        presumed = None if caller is None else self.taken.get(caller)
        if presumed is None:
            return None
        old_of = {datum.hash: old for old, datum in presumed.passed_on.items()}
        differing: list[tuple[str, Digest | None, Datum]] = []
        parts: list[tuple[str, Digest]] = []
        with answered(presumed.files):
            for name, datum in hashed_arguments(job):
                assert datum.hash is not None
                old = old_of.get(datum.hash, datum.hash)
                if old == datum.hash and datum.origin is None and datum.traits & Traits.FILES:
                    old = _hash_again(datum) or old
                parts.append((name, old))
                if old != datum.hash:
                    differing.append((name, old, datum))
        return (hash_arguments(parts), tuple(differing)) if differing else None

    # -- by likeness -------------------------------------------------------------------------------

    def _nearest(self, job: Job) -> Presumed | None:
        versions = self._versions[job.known.task.fullname]
        if not versions:
            return None
        self._looked_near += 1
        own = job.known.task_hash
        assert job.eval_hash is not None
        assert job.args_hash is not None
        arguments = tuple(Argument(name, datum.hash) for name, datum in hashed_arguments(job) if datum.hash)
        key = EvaluationKey(job.eval_hash, own if own in versions else versions[0], job.args_hash, arguments)
        near = self._repo.backend.explain_cache_miss(key, self._execution).nearest
        if near is None:
            return None
        result = self._results([near.eval_hash], [job]).get(near.eval_hash)
        if result is None:
            return None
        then = {argument.name: argument.value for argument in near.arguments}
        before = tuple(
            (name, then.get(name), datum) for name, datum in hashed_arguments(job) if then.get(name) != datum.hash
        )
        return Presumed(result.value, result.duration, near.task_hash, before)

    def _with_files(self, found: Mapping[Job, Presumed]) -> Mapping[Job, Presumed]:
        wanted = {one.value.hash for one in found.values() if one.value.traits & Traits.FILES}
        held = self._repo.backend.get_held(list(wanted)) if wanted else {}
        recorded = {value: {fact.path: fact.content for fact in record.files} for value, record in held.items()}
        return {job: replace(one, files=recorded.get(one.value.hash, {})) for job, one in found.items()}


class PresumingInputs(Inputs):
    """The data of a plan's cells: an argument that was handed on by a call is what it is handed on now."""

    def __init__(self, repo: Repo, execution: ExecutionId, presumption: Presumption) -> None:
        super().__init__(repo, execution)
        self._presumption = presumption

    def argument(self, value: object, scope: Scope) -> Datum:
        datum = super().argument(value, scope)
        presumed = None if scope.job is None else self._presumption.taken.get(scope.job)
        if presumed is None or not presumed.before or datum.origin is not None:
            return datum
        if datum.hash is None:
            try:
                encode_plain(datum, "an argument")
            except ReduxError:  # the job says so, with the argument's name
                return datum
        now = presumed.passed_on.get(datum.hash or Digest(b""))
        return datum if now is None else Datum(now.hash, now.traits, now.value, now.encoded, now.stored, now.origin)


def hashed_arguments(job: Job) -> list[tuple[str, Datum]]:
    """The arguments of a job that count, with their hashes."""
    hidden = job.known.task.unhashed_args
    return [(name, datum) for name, datum in job.arguments if name.partition("[")[0] not in hidden]


def _hash_again(datum: Datum) -> Digest | None:
    if datum.value is ABSENT:
        return None
    try:
        return hash_value(datum.value)
    except (OSError, ReduxError):  # what cannot be looked at has no other hash either
        return None


def _first_there(
    found: Mapping[Digest, Sequence[Candidate]] | Mapping[Digest, Sequence[CallCandidate]],
) -> dict[Digest, Candidate | CallCandidate]:
    return {
        eval_hash: one
        for eval_hash, results in found.items()
        for one in results[::-1]
        if one.value.place is not Place.MISSING
    }
