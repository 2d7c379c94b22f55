"""Decide: for a whole wave of jobs, what is known already, and for the others why not. The only asker of the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from redux.repo import Repo, Shared
from redux.scheduler.heeding import Heeding
from redux.scheduler.jobs import ABSENT, Job
from redux.scheduler.task_book import TaskBook
from redux.scheduler.validity import ASKED, HELD, Sound, Validity
from redux.scheduler.wholes import Whole, may_be_taken
from redux.tasks.options import ALL_RESULTS, CacheCheckValid, CacheResult, CacheScope
from redux.words.reasons import REFUSED
from redux_backends.backend import CallCandidate, Candidate
from redux_backends.records import NO_TASKS, MissKind, Reason, StoredValue, Traits, ValueRecord, hash_evaluation
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


@frozen
class Same:
    """An equal job of this execution has, or will have, the result."""

    leader: Job


@frozen
class Finished:
    """A whole call is known and still current (ultimate reduction); `value` is its result where that was built."""

    call: CallCandidate
    value: object = ABSENT
    accepted: bool = False
    """whether code below it changed, in a way that people said changes nothing"""


@frozen
class Reduced:
    """One step is known; its value may be an expression to go on with (single reduction). `value` is it where built."""

    candidate: Candidate
    value: object = ABSENT


@frozen
class Miss:
    """It has to run."""

    reason: Reason


Decision = Same | Finished | Reduced | Miss

_PLAIN = Traits.PLAIN
_CACHE_OFF = Miss(Reason(MissKind.CACHE_OFF))
_STALE = Reason(MissKind.STALE_SUBTREE)
_NOT_WHOLE = Reason(MissKind.NOT_WHOLE)
_HOLDS_FORGOTTEN = Reason(MissKind.FORGOTTEN_BELOW)
_SAMPLED = Miss(Reason(MissKind.SAMPLED))
_NO_CALLS: frozenset[Digest] = frozenset()


class Reuse:
    """The three caches: same execution, finished call, single reduction.

    `first` remembers this execution's first job for each evaluation in each context; with `use_cache` off only that is
    asked.
    """

    def __init__(self, repo: Repo, book: TaskBook, use_cache: bool, heeding: Heeding) -> None:
        self._repo = repo
        self._book = book
        self._heeding = heeding
        self._validity = Validity(repo, book, heeding)
        self._use_cache = use_cache
        self._first: dict[bytes, Job] = {}
        self._known_sets: set[Digest] = set()
        self._current_sets: dict[Digest, Whole] = {NO_TASKS: Whole.NEVER}
        self._accepted_sets: set[Digest] = set()
        self._doubtful_sets: set[Digest] = set()
        self._outdone_sets: set[Digest] = set()
        self._known_versions: dict[str, Sequence[Digest]] = {}

    def stop_asking(self) -> None:
        """Ask the backend no more: it is in trouble."""
        self._use_cache = False

    def forget(self, job: Job, asked: Digest) -> None:
        """The first job of an evaluation turned out to be another's."""
        key = asked + job.context_hash
        if self._first.get(key) is job:
            del self._first[key]

    def let_go(self) -> None:
        """Forget this execution's jobs and their results."""
        for job in self._first.values():
            job.datum = None
        self._first.clear()

    def decide(self, wave: Sequence[Job]) -> list[tuple[Job, Decision]]:
        """A decision for every job of a wave, asking the backend once per kind of question."""
        self._heeding.load()
        decisions: list[tuple[Job, Decision]] = []
        asking: list[Job] = []
        for job in wave:
            early = self._decide_alone(job)
            if early is None:
                asking.append(job)
            else:
                decisions.append((job, early))
        if asking:
            decisions += self._ask_backend(asking)
        return decisions

    def _decide_alone(self, job: Job) -> Decision | None:
        if job.leader is not None:
            return Same(job.leader)
        scope = CacheScope.NONE if job.silent else job.options.cache_scope
        assert job.eval_hash is not None
        if scope is not CacheScope.NONE and _allows(job, CacheResult.CSE):
            leader = self._first.setdefault(job.eval_hash + job.context_hash, job)
            if leader is not job and job.forced is None:
                return Same(leader)
        if job.forced is not None:
            return Miss(job.forced)
        if scope is not CacheScope.BACKEND or not self._use_cache:
            return _CACHE_OFF
        return None

    # -- asking ------------------------------------------------------------------------------------

    def _ask_backend(self, jobs: list[Job]) -> list[tuple[Job, Decision]]:
        self._validity.look_anew()
        why: dict[Digest, Reason] = {}
        decisions, misses = self._look_up(jobs, why)
        shared = self._repo.shared
        if shared is not None:
            if misses:
                found, misses = self._look_up_shared(shared, misses, why)
                decisions += found
            decisions = _without_sample(shared, decisions)
        if misses and self._heeding.accepts:
            found, misses = self._look_up_older(misses, why)
            decisions += found
        return decisions + self._reasons(misses, why)

    def _look_up_shared(
        self, shared: Shared, jobs: list[Job], why: dict[Digest, Reason]
    ) -> tuple[list[tuple[Job, Decision]], list[Job]]:
        """The same for jobs that miss, once what the shared cache has of them was brought here."""
        brought = shared.bring([_eval(job) for job in jobs])
        for refused in shared.refused(each for job in jobs if (each := _eval(job)) not in brought):
            why.setdefault(refused, Reason(MissKind.NO_RESULT, REFUSED))
        if not brought:
            return [], jobs
        for eval_hash in brought:
            why.pop(eval_hash, None)
        decisions, misses = self._look_up([job for job in jobs if _eval(job) in brought], why)
        return decisions, misses + [job for job in jobs if _eval(job) not in brought]

    def _look_up_older(
        self, jobs: list[Job], why: dict[Digest, Reason]
    ) -> tuple[list[tuple[Job, Decision]], list[Job]]:
        """The same for versions of the jobs' tasks whose results count for theirs; jobs that miss are as before."""
        decisions: list[tuple[Job, Decision]] = []
        older = {job: self._heeding.older(job.known.task_hash) for job in jobs}
        asking, at = [job for job in jobs if older[job] and not self._is_forgotten(job)], 0
        while asking:
            for job in asking:
                job.ask_as(older[job][at])
            found, missed = self._look_up(asking, why)
            decisions += found
            at += 1
            asking = [job for job in missed if at < len(older[job]) and not self._is_forgotten(job)]
            further = set(asking)
            for job in missed:
                reason = why.get(_eval(job))
                if job not in further:
                    job.ask_as(job.known.task_hash)
                if reason is not None:
                    why.setdefault(hash_evaluation(job.known.task_hash, _args(job)), reason)
        taken = {job for job, _ in decisions}
        return decisions, [job for job in jobs if job not in taken]

    def _is_forgotten(self, job: Job) -> bool:
        """Whether what a job asks for is forgotten: then nothing older stands in for it, it is to run."""
        return self._heeding.of_evaluation(_eval(job)) is not None

    def _look_up(self, jobs: list[Job], why: dict[Digest, Reason]) -> tuple[list[tuple[Job, Decision]], list[Job]]:
        """What is known of jobs, and those of which nothing is that may be used; `why` is told of the others."""
        self._validity.ask_handles(fork.after(_eval(job)) for job in jobs for fork in job.forks)
        decisions: list[tuple[Job, Decision]] = []
        shallow = [
            job
            for job in jobs
            if job.options.check_valid is CacheCheckValid.SHALLOW and _allows(job, CacheResult.ULTIMATE)
        ]
        if shallow:
            finished = self._finished_calls(shallow, why)
            decisions += [(job, finished[_eval(job)]) for job in shallow if _eval(job) in finished]
            jobs = [job for job in jobs if _eval(job) not in finished]
        wanted = [_eval(job) for job in jobs if _allows(job, CacheResult.SINGLE)]
        candidates = self._repo.backend.check_cache(wanted) if wanted else {}
        held = self._held(candidate.value for found in candidates.values() for candidate in found)
        misses: list[Job] = []
        for job in jobs:
            chosen = self._choose(job, candidates.get(_eval(job), ()), held, why)
            if chosen is None:
                misses.append(job)
            else:
                decisions.append((job, chosen))
        return decisions, misses

    def _choose(
        self,
        job: Job,
        found: Sequence[Candidate],
        held: Mapping[Digest, ValueRecord],
        why: dict[Digest, Reason],
    ) -> Reduced | None:
        forgotten = self._heeding.of_evaluation(_eval(job)) if self._heeding.forgets else None
        for candidate in found:
            if forgotten is not None and candidate.recorded <= forgotten.until:
                why.setdefault(_eval(job), Reason(MissKind.FORGOTTEN, forgotten.words))
                continue
            verdict = self._judge(job, candidate.value, held)
            if isinstance(verdict, Sound):
                return Reduced(candidate, verdict.value)
            why.setdefault(_eval(job), verdict)
        return None

    def _finished_calls(self, jobs: list[Job], why: dict[Digest, Reason]) -> dict[Digest, Finished]:
        found = self._repo.backend.find_calls([_eval(job) for job in jobs])
        self._learn_sets({call.task_set for calls in found.values() for call in calls})
        held = self._held(call.value for calls in found.values() for call in calls)
        holding = self._holding_forgotten(call for calls in found.values() for call in calls)
        asked_by = {_eval(job): job for job in jobs}
        chosen: dict[Digest, Finished] = {}
        for eval_hash, calls in found.items():
            job = asked_by[eval_hash]
            for call in calls:
                if call.task_set == NO_TASKS and not job.known.kind.taken_whole:
                    continue
                verdict = self._judge_forgotten(call, holding) or self._judge_set(job, call.task_set)
                verdict = verdict or self._judge(job, call.value, held)
                if isinstance(verdict, Sound) and job.known.kind.taken_whole:
                    verdict = self._judge_below(call) or verdict
                if isinstance(verdict, Sound):
                    chosen[eval_hash] = Finished(call, verdict.value, call.task_set in self._accepted_sets)
                    break
                why.setdefault(eval_hash, verdict)
        return chosen

    def _judge(self, job: Job, value: StoredValue, held: Mapping[Digest, ValueRecord]) -> Sound | Reason:
        """Whether a remembered result of a job may be used: what it did to its handles must still be so."""
        rolled_back = self._validity.judge_handles(fork.after(_eval(job)) for fork in job.forks) if job.forks else None
        return rolled_back or self._validity.judge(value, held)

    def _judge_set(self, job: Job, task_set: Digest) -> Reason | None:
        """Why a finished call may not be used, by the tasks that it was made of."""
        whole = self._current_sets.get(task_set)
        if whole is None:
            return _STALE
        return None if may_be_taken(job.known.kind, whole) else _NOT_WHOLE

    def _holding_forgotten(self, calls: Iterable[CallCandidate]) -> frozenset[Digest]:
        """Those of these calls that have one below them that is forgotten."""
        if not self._heeding.forgets:
            return _NO_CALLS
        return self._heeding.hold_forgotten([one.call_hash for one in calls if one.task_set in self._doubtful_sets])

    def _judge_forgotten(self, call: CallCandidate, holding: frozenset[Digest]) -> Reason | None:
        """Why a finished call may not be used, by what people said of it and of those below it."""
        said = self._heeding.of_call(call.call_hash)
        if said is not None:
            return Reason(MissKind.FORGOTTEN, said.words)
        holds = call.call_hash in holding or call.task_set in self._outdone_sets
        return _HOLDS_FORGOTTEN if holds else None

    def _judge_below(self, call: CallCandidate) -> Reason | None:
        """Why a finished call may not be used, by what calls below it were given and gave."""
        below = self._repo.backend.values_below(call.call_hash, ASKED)
        if not below:
            return None
        values = self._repo.backend.get_values(list(below))
        held = self._held(values.values())
        for value in values.values():
            verdict = self._validity.judge(value, held)
            if isinstance(verdict, Reason):
                return verdict
        return None

    def _learn_sets(self, sets: set[Digest]) -> None:
        unknown = sets - self._known_sets
        if unknown:
            self._known_sets |= unknown
            current, fleeting = self._book.current_hashes, self._book.fleeting_hashes
            standing = current | self._heeding.standing_for(current)
            fleeting |= self._heeding.standing_for(fleeting)
            for digest, members in self._repo.backend.get_task_sets(unknown).items():
                if members and members <= standing:
                    self._current_sets[digest] = Whole.ON_TRUST if members & fleeting else Whole.ALWAYS
                    if not members <= current:
                        self._accepted_sets.add(digest)
                if self._heeding.may_hold_forgotten(members):
                    self._doubtful_sets.add(digest)
                if self._heeding.may_stand_for_forgotten(members):
                    self._outdone_sets.add(digest)

    def _held(self, values: Iterable[StoredValue]) -> Mapping[Digest, ValueRecord]:
        wanted = {value.hash for value in values if value.traits is not _PLAIN and value.traits & HELD}
        if not wanted:
            return {}
        held = self._repo.backend.get_held(list(wanted))
        self._validity.ask_ahead(held.values())
        return held

    # -- reasons -----------------------------------------------------------------------------------

    def _reasons(self, misses: list[Job], why: dict[Digest, Reason]) -> list[tuple[Job, Decision]]:
        if not misses:
            return []
        self._learn_versions({job.known.task.fullname for job in misses})
        asked = [
            _eval(job)
            for job in misses
            if _eval(job) not in why and job.known.task_hash in self._known_versions[job.known.task.fullname]
        ]
        if self._heeding.revokes:
            asked += [old for job in misses for old in self._older_calls(job)]
        seen = self._repo.backend.known_evaluations(asked) if asked else frozenset[Digest]()
        return [(job, Miss(why.get(_eval(job)) or self._reason(job, seen))) for job in misses]

    def _learn_versions(self, fullnames: set[str]) -> None:
        unknown = [name for name in sorted(fullnames) if name not in self._known_versions]
        if unknown:
            found = self._repo.backend.known_tasks(unknown)
            self._known_versions.update({name: found.get(name, ()) for name in unknown})

    def _reason(self, job: Job, seen: frozenset[Digest]) -> Reason:
        versions = self._known_versions[job.known.task.fullname]
        if not versions:
            return Reason(MissKind.NEW_TASK)
        if job.known.task_hash not in versions:
            return Reason(MissKind.CODE_CHANGED, versions[0].hex())
        if _eval(job) in seen:
            return Reason(MissKind.NO_RESULT)
        if self._heeding.revokes:  # a version that is known for having been accepted may never have been called
            for old, asked in zip(self._heeding.revoked(job.known.task_hash), self._older_calls(job), strict=True):
                if asked in seen:
                    return Reason(MissKind.CODE_CHANGED, old.hex())
        return Reason(MissKind.NEW_ARGUMENTS)

    def _older_calls(self, job: Job) -> list[Digest]:
        """The same call of the versions that the job's accepted, until that was revoked."""
        return [hash_evaluation(old, _args(job)) for old in self._heeding.revoked(job.known.task_hash)]


def _without_sample(shared: Shared, decisions: list[tuple[Job, Decision]]) -> list[tuple[Job, Decision]]:
    """The same, where calls that others made and that are in the sample are made again."""
    again = shared.choose_sample(_eval(job) for job, _ in decisions)
    return [(job, _SAMPLED if _eval(job) in again else decision) for job, decision in decisions] if again else decisions


def _allows(job: Job, result: CacheResult) -> bool:
    allowed = job.options.cache_results
    return allowed is ALL_RESULTS or result in allowed


def _args(job: Job) -> Digest:
    assert job.args_hash is not None
    return job.args_hash


def _eval(job: Job) -> Digest:
    assert job.eval_hash is not None
    return job.eval_hash
