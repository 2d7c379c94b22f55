"""A run that is told and not made: at a miss nothing runs, and what the nearest earlier call gave is gone on with.

All that does not depend on a miss is decided before the first result is presumed, by the very questions that a run
asks; so what is decided until then is certain, and all later is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from redux.nested import lazies_in
from redux.redaction import REDACTED
from redux.repo import Repo
from redux.scheduler.collector import Collector
from redux.scheduler.following import Following
from redux.scheduler.inputs import jobs_behind
from redux.scheduler.jobs import ABSENT, Datum, Gather, Job
from redux.scheduler.plan import Plan, PlannedCall, Verdict
from redux.scheduler.presuming import Presumed, PresumingInputs, Presumption, hashed_arguments
from redux.scheduler.rehearsal import Unrecorded
from redux.scheduler.report import Counts, shown_arguments
from redux.scheduler.reuse import Decision, Finished, Miss, Reduced, Same
from redux.scheduler.run_loop import Run, Stage
from redux.scheduler.task_book import TaskBook
from redux.secret_names import shown_under
from redux.secrets import looks_plain
from redux.tracebacks import text_of
from redux.value import preview
from redux_backends.records import (
    Argument,
    ExecutionId,
    JobId,
    MissKind,
    Place,
    Reason,
    Seconds,
    StoredValue,
    Traits,
    ValueRecord,
)
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

_SOURCES = 8
"""How many of the calls that a result depends on are kept with it."""
_MANY = 1000
_LOOKED_INTO = 64 << 10
"""Bytes up to which a value that would be given is kept to be looked into."""


class Deferred:
    """Takes the place of Dispatch: jobs that would run wait until nothing else moves, and are presumed together."""

    def __init__(self, presume: Callable[[Sequence[Job]], None], noted: Callable[[Job, Reason], None]) -> None:
        self._presume = presume
        self._noted = noted
        self._waiting: list[Job] = []
        self.began = False

    running: Collection[Job] = ()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be presumed."""
        return not self._waiting

    @property
    def holds_back(self) -> bool:
        """Whether there are jobs of which nothing is known, so that nothing more can come."""
        return self.began

    def waits_in_vain(self) -> None:
        """Nothing runs, so nobody holds anything."""

    def submit(self, job: Job, reason: Reason) -> None:
        """Note that a job would run."""
        self._noted(job, reason)
        self._waiting.append(job)

    def drain(self) -> bool:
        """Nothing comes by itself."""
        return False

    def wait(self, patience: Seconds) -> bool:
        """Nothing else moves: presume what those give that would run."""
        self.began = True
        jobs, self._waiting = self._waiting, []
        self._presume(jobs)
        return True

    def wake(self) -> None:
        """Nobody waits."""

    def close(self, stopped: bool) -> list[Job]:
        """Nothing had begun."""
        return []


class Forecast(Run):
    """One execution as it is expected to go."""

    def __init__(
        self, repo: Repo, book: TaskBook, execution: ExecutionId, use_cache: bool, context: Mapping[str, object],
        collector: Collector,
    ) -> None:  # fmt: skip
        self._presumption = Presumption(repo, execution)
        self._book = book
        self._context = context
        self._values: dict[Digest, ValueRecord] = {}
        self._stored: dict[Digest, StoredValue] = {}
        self._deferred = Deferred(self._presume, self._would_run)
        self._calls: dict[JobId, PlannedCall] = {}
        self._jobs: dict[JobId, Job] = {}
        self._leaders: dict[JobId, JobId] = {}
        self._doubts: dict[JobId, tuple[JobId, ...]] = {}
        self._endings: list[tuple[JobId, tuple[JobId, ...]]] = []
        stage = Stage(
            Unrecorded(repo, book, execution),
            lambda evaluator, reuse: self._deferred,
            context,
            inputs=PresumingInputs(repo, execution, self._presumption),
            evaluator=Following,
        )
        super().__init__(repo, book, execution, use_cache, Counts(), collector, stage)

    def plan(self, expression: object) -> Plan:
        """What a run of an expression would do. Raises the error of what fails before anything would run."""
        try:
            root = self.evaluate(expression, keep_going=True)
        finally:
            self.wind_up()
        self._note_waiting(root)
        failed = root.failed
        if failed is not None and not self._deferred.began:
            raise failed.error
        complete = root.datum is not None and all(self._is_known(job) for job in self._jobs.values())
        told = None if failed is None else f"{type(failed.error).__name__}: {text_of(failed.error)}"
        value = root.datum.value if root.datum is not None and not self._deferred.began else None
        calls = tuple(map(self._told, self._calls.values()))
        code = {one.task_hash: self._book.record_of(one.task_hash) for one in calls if one.verdict is Verdict.RUNS}
        context = self._note_context()
        return Plan(
            calls, complete, told, value, tuple(self._endings), code, self._values, self._stored, context
        )  # fmt: skip

    # -- what is decided ---------------------------------------------------------------------------

    def _apply(self, job: Job, decision: Decision) -> None:
        if not job.settled and not isinstance(decision, Miss):
            self._note(job, Verdict.REUSED, None, decision)
        super()._apply(job, decision)

    def _would_run(self, job: Job, reason: Reason) -> None:
        self._calls.pop(job.id, None)
        self._note(job, Verdict.RUNS, reason)
        for name, datum in hashed_arguments(job):
            is_text = isinstance(datum.value, (str, bytes))
            self._keep(datum, is_text and looks_plain(job.known.task, name, datum.value))

    def _keep(self, datum: Datum, is_secret: bool = False) -> None:
        """Remember what a value is, for what is said of the plan: nobody records it."""
        if datum.hash is None or datum.hash in self._values or datum.value is ABSENT:
            return
        encoded = datum.encoded
        said = REDACTED if is_secret else preview(datum.value)
        if encoded is None:
            record = ValueRecord(datum.hash, type(datum.value).__name__, 0, None, said, datum.traits)
        else:
            record = ValueRecord(datum.hash, encoded.type_name, encoded.size, None, said, datum.traits, encoded.files)
            if not self._deferred.began and encoded.size <= _LOOKED_INTO and len(self._stored) < _MANY:
                data = b"".join(encoded.chunks)
                self._stored[datum.hash] = StoredValue(datum.hash, data, Place.INLINE, datum.traits)
        self._values[datum.hash] = record

    def _note_context(self) -> Digest | None:
        if not self._context:
            return None
        datum = self._evaluator.inputs.context(self._context)
        self._keep(datum)
        return datum.hash

    def _note(self, job: Job, verdict: Verdict, reason: Reason | None, hit: Decision | None = None) -> None:
        if job.id in self._calls:
            return
        before = self._jobs_behind(job) if self._deferred.began else []
        caller = job.parent.job
        sources = self._sources(before, None if caller is None else self._calls.get(caller.id))
        if sources and verdict is Verdict.REUSED:
            verdict = Verdict.MAY_RUN
        self._jobs[job.id] = job
        if isinstance(hit, Same):
            self._leaders[job.id] = hit.leader.id
        given = [(name, datum.hash) for name, datum in hashed_arguments(job)]
        self._calls[job.id] = PlannedCall(
            id=job.id,
            fullname=job.known.task.fullname,
            task_hash=job.known.task_hash,
            shown=shown_arguments(job),
            verdict=verdict,
            is_certain=not self._deferred.began and not _has_handles(job),
            caller=None if caller is None else caller.id,
            eval_hash=job.eval_hash,
            reason=reason,
            sources=sources,
            after=tuple(one.id for one in (*before, *([hit.leader] if isinstance(hit, Same) else []))),
            upstreams=self._upstreams(job) if before else (),
            arguments=tuple(Argument(name, value) for name, value in given if value is not None),
            seconds=_former_seconds(hit),
        )

    def _told(self, call: PlannedCall) -> PlannedCall:
        """A call as it is told: one with the result of an equal call that left none before may fail with that."""
        leader = self._calls.get(self._leaders[call.id]) if call.id in self._leaders else None
        may_fail = leader is not None and leader.reason is not None and leader.reason.kind is MissKind.NO_RESULT
        return replace(call, is_certain=False) if may_fail else call

    def settled(self, job: Job) -> None:
        """A job has its final datum: note on whose results that depends."""
        if self._deferred.began:
            made = () if job.scope is None else job.scope.children
            self._doubts[job.id] = self._doubts_of(job, made)
            self._endings.append((job.id, tuple(child.id for child in made)))
        super().settled(job)

    def _doubts_of(self, job: Job, made: Sequence[Job]) -> tuple[JobId, ...]:
        call = self._calls.get(job.id)
        if call is not None and call.verdict is Verdict.RUNS:
            return (job.id,)
        below = (doubt for child in made for doubt in self._doubts.get(child.id, ()))
        found = dict.fromkeys((*(call.sources if call is not None else ()), *islice(below, _MANY)))
        return tuple(found)[:_SOURCES]

    def _jobs_behind(self, job: Job) -> list[Job]:
        """The jobs on whose results a job's arguments depend, also by way of a rule that made the call."""
        evaluator = self._evaluator
        assert isinstance(evaluator, Following)
        bound = job.bound
        given = lazies_in((bound.args, bound.kwargs, dict(job.given))) if bound is not None else []
        return jobs_behind([*given, *evaluator.read_for(job)], job.parent)

    def _upstreams(self, job: Job) -> tuple[tuple[str, JobId], ...]:
        bound = job.bound
        named = [] if bound is None else job.known.task.name_arguments(bound)
        return tuple((name, one.id) for name, value in named for one in jobs_behind(lazies_in(value), job.parent))

    def _sources(self, before: Sequence[Job], caller: PlannedCall | None) -> tuple[JobId, ...]:
        of_the_caller = caller.sources if caller is not None and self._deferred.began else ()
        doubts = (source for one in before for source in self._doubts.get(one.id, ()))
        return tuple(dict.fromkeys((*of_the_caller, *islice(doubts, _MANY))))[:_SOURCES]

    def _note_waiting(self, root: Gather) -> None:
        """Calls that wait for what nobody knows; what they wait for was made after them."""
        waiting: list[Job] = []
        looking = list(root.parent.children)
        while looking:
            job = looking.pop()
            if job.id not in self._calls:
                waiting.append(job)
            if job.scope is not None:
                looking += job.scope.children
        versions = self._presumption.versions(job.known.task.fullname for job in waiting)
        for job in waiting:
            self._note_one_waiting(job, versions[job.known.task.fullname])

    def _note_one_waiting(self, job: Job, known: Sequence[Digest]) -> None:
        if not known:
            self._note(job, Verdict.RUNS, Reason(MissKind.NEW_TASK))
        elif job.known.task_hash not in known:
            self._note(job, Verdict.RUNS, Reason(MissKind.CODE_CHANGED, known[0].hex()))
        else:
            self._note(job, Verdict.MAY_RUN, None)
        call = self._calls[job.id]
        self._doubts[job.id] = (job.id,) if call.verdict is Verdict.RUNS else call.sources

    def _is_known(self, job: Job) -> bool:
        """Whether what a call makes is known, or presumed."""
        call = self._calls[job.id]
        presumed = call.presumed is not None and not job.known.kind.taken_whole and not call.is_another
        return job.settled and (presumed or call.verdict is not Verdict.RUNS)

    # -- what is presumed --------------------------------------------------------------------------

    def _presume(self, jobs: Sequence[Job]) -> None:
        waiting = [job for job in jobs if not job.settled]
        found = self._presumption.take(waiting)
        for job in waiting:
            self._doubts[job.id] = (job.id,)
        olds = {old for one in found.values() for _, old, _ in one.before if old is not None}
        shown_before = self._repo.backend.describe_values(list(olds)) if olds else {}
        for job, presumed in found.items():
            self._go_on(job, presumed, shown_before)

    def _go_on(self, job: Job, presumed: Presumed, shown_before: Mapping[Digest, ValueRecord]) -> None:
        stored, value = presumed.value, ABSENT
        if stored.traits & Traits.EXPRESSIONS:
            try:
                value = self._repo.load(stored)
            except ReduxError:  # then nothing is known of what it gives
                del self._presumption.taken[job]
                return
        before = tuple(
            (name, None if old is None else _preview(shown_before.get(old)), shown_under(name, shown(datum)))
            for name, old, datum in presumed.before
        )
        self._calls[job.id] = replace(
            self._calls[job.id],
            presumed=presumed.task_hash,
            before=before,
            seconds=presumed.seconds,
            is_another=bool(before) and value is not ABSENT,
        )
        job.seconds = presumed.seconds
        if value is ABSENT:
            self._evaluator.settle(job, Datum(stored.hash, stored.traits, stored=stored))
        else:
            self._evaluator.open(value, job)


def shown(datum: Datum) -> str:
    """A datum in a line, as far as its value is here; as long as what is recorded of values, to be told from it."""
    return "…" if datum.value is ABSENT else preview(datum.value)


def _former_seconds(hit: Decision | None) -> Seconds | None:
    if isinstance(hit, Reduced):
        return hit.candidate.duration
    return hit.call.duration if isinstance(hit, Finished) else None


def _preview(record: ValueRecord | None) -> str:
    return "…" if record is None else record.preview


def _has_handles(job: Job) -> bool:
    data = [job.datum, *(datum for _, datum in job.arguments)]
    return bool(job.forks) or any(one is not None and one.traits & Traits.HANDLES for one in data)
