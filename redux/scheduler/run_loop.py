"""The run loop: takes waves of ready jobs through decision, execution and record until the root has its value."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from redux.beside import beside
from redux.repo import Repo
from redux.rules import Grafted, TagsNoted
from redux.scheduler.collector import Collector
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.inputs import Inputs
from redux.scheduler.jobs import ABSENT, Datum, Failed, Gather, Job
from redux.scheduler.lookout import CyclicCall, Lookout
from redux.scheduler.outcomes import release
from redux.scheduler.recorder import Recorder
from redux.scheduler.report import Counts, ErrorValue, TaskProgress, TaskStatus, describe_error
from redux.scheduler.reuse import Decision, Finished, Miss, Reduced, Reuse, Same
from redux.scheduler.task_book import TaskBook
from redux.scheduler.turns import Turns
from redux.scheduler.validity import reason_of_loss
from redux.scheduler.wholes import wholeness
from redux.tags import TagError, Tags
from redux.tasks.options import NO_OPTIONS
from redux_backends.backend import BackendError
from redux_backends.records import (
    Execution,
    ExecutionId,
    JobId,
    JobStatus,
    Reason,
    Seconds,
    Traits,
    new_id,
)
from redux_backends.records import Outcome as Came
from redux_valuestore.errors import ReduxError

WAVE_SIZE = 1000
_PLAIN = Traits.PLAIN
LONG_WAIT_SECONDS = 0.1
LEASE_SECONDS = 10.0
LOOK_SECONDS = 2.5


class Dispatching(Protocol):
    """What becomes of jobs that are to run."""

    @property
    def running(self) -> Collection[Job]:
        """The jobs that executors have."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing will come any more by itself."""
        ...

    @property
    def holds_back(self) -> bool:
        """Whether there are jobs that will never run, so that nothing more can come."""
        ...

    def waits_in_vain(self) -> Failed | None:
        """A job that waits for what nobody will give back, with its error; None where there is none."""
        ...

    def submit(self, job: Job, reason: Reason) -> None:
        """Have a job run."""
        ...

    def drain(self) -> bool:
        """Take in all that came; whether anything did."""
        ...

    def wait(self, patience: Seconds) -> bool:
        """Wait that long for something to come; whether something did."""
        ...

    def wake(self) -> None:
        """Make whoever waits look up. Safe from a signal handler."""
        ...

    def close(self, stopped: bool) -> list[Job]:
        """Let running jobs finish and start no other; the jobs that had not begun.

        Where the run was `stopped`, those that are schedulers are told so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an execution takes place: what becomes of jobs that are to run, what is recorded, what the context is."""

    recorder: Recorder
    dispatch: Callable[[Evaluator, Reuse], Dispatching]
    context: Mapping[str, object]
    exported: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """options that all jobs inherit"""
    inputs: Inputs | None = None
    """the data of its cells, where they are not just what is recorded"""


class Run:
    """One execution on its way: the evaluator's events, the executors' outcomes, and the loop between them."""

    def __init__(
        self, repo: Repo, book: TaskBook, execution: ExecutionId, use_cache: bool, counts: Counts,
        collector: Collector, stage: Stage,
    ) -> None:  # fmt: skip
        self._repo = repo
        self._counts = counts
        inputs = stage.inputs or Inputs(repo, execution)
        self._evaluator = Evaluator(inputs, book.find, self, stage.context, stage.exported)
        self._reuse = Reuse(repo, book, use_cache)
        self._recorder = stage.recorder
        self._dispatch = stage.dispatch(self._evaluator, self._reuse)
        self._turns = Turns(self._evaluator, self._recorder)
        self._lookout = Lookout(self._evaluator, self._recorder)
        self._collector = collector
        self._stopping = False
        self._described: tuple[Failed, ErrorValue] | None = None

    @property
    def trouble(self) -> ReduxError | None:
        """Why something could not be recorded."""
        return self._recorder.trouble

    def record_execution(self, execution: Execution, tags: Tags = ()) -> None:
        """Record how the execution stands; where that fails, the run goes on without recording."""
        self._recorder.record_execution(execution)
        self._recorder.tag_execution(tags)

    def note_context(self, context: Mapping[str, object], begins: bool) -> None:
        """Record the context of the execution; where it was begun before, what is different here."""
        (self._recorder.begin_within if begins else self._recorder.go_on_within)(context)

    def tag_execution(self, tags: Tags) -> None:
        """Record further tags of the execution."""
        self._recorder.tag_execution(tags)

    def status(self) -> Mapping[str, TaskStatus]:
        """How the jobs of each task stand. Safe from any thread."""
        unfinished = list(self._evaluator.unfinished)
        begun = Counter(job.known.task.fullname for job in unfinished if job.asked or job.scope is not None)
        known = Counter(job.known.task.fullname for job in unfinished)
        ended = dict(self._counts)
        return {
            name: TaskStatus(known[name] - begun[name], begun[name], one.failed, one.cached, one.done)
            for name in {**ended, **known}
            for one in (ended.get(name) or TaskProgress(),)
        }

    # -- the loop ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the run to end: running jobs finish and are recorded, nothing new starts. Safe from a signal handler."""
        self._stopping = True
        self._dispatch.wake()

    def keep_lease(self) -> AbstractContextManager[None]:
        """Inside, it is said every few seconds that the execution runs, whatever the loop and the jobs are at."""

        def renew(ended: Event) -> None:
            while not ended.wait(LEASE_SECONDS):
                self._recorder.renew_lease()

        return beside(renew, "redux-lease")

    def evaluate(self, value: object, keep_going: bool) -> Gather:
        """Evaluate a value's expressions to their end, or to the first failure."""
        root = self._evaluator.open(value, None)
        while not self._is_over(root, keep_going):
            if not self._move() and not self._is_over(root, keep_going):
                with self._collector.resumed():
                    self._wait()
        return root

    def wind_up(self) -> None:
        """Let running jobs finish, give up the others, and record all that is known."""
        for job in self._dispatch.close(self._stopping):
            self._cancel(job)
        for job in list(self._evaluator.unfinished):
            if job.recorded:
                self._cancel(job)
        self._recorder.finish()

    def let_go(self) -> None:
        """Untie the jobs from their results, so that all of it goes at once and not by the collector."""
        self._reuse.let_go()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping

    def _move(self) -> bool:
        """One round: a wave of ready jobs, the outcomes that came, and a group if it is due; whether there were any."""
        wave = self._evaluator.next_wave(WAVE_SIZE)
        if wave:
            self._take(wave)
        arrived = self._dispatch.drain()
        self._recorder.flush_when_due()
        self._collector.collect_when_due()
        self._lookout.look_if_due(time.monotonic(), self._dispatch.running)
        return bool(wave) or arrived

    def _is_over(self, root: Gather, keep_going: bool) -> bool:
        if self._stopping:
            return True
        if root.failed is not None:
            return not keep_going or not self._evaluator.unfinished
        return root.datum is not None

    def _wait(self) -> None:
        if self._dispatch.idle:
            if self._dispatch.holds_back:
                self._stopping = True
            else:
                self._break_cycle()
            return
        patience = LONG_WAIT_SECONDS
        while not self._dispatch.wait(patience):
            moves = self._lookout.look(self._dispatch.running, self._dispatch.waits_in_vain())
            self._recorder.flush()
            if moves:
                return
            patience = LOOK_SECONDS

    def _break_cycle(self) -> None:
        stuck = self._evaluator.stuck_job()
        if stuck is None:
            raise AssertionError("nothing runs, nothing is ready, and no job waits for another")
        self._evaluator.fail(stuck, Failed(CyclicCall(stuck), stuck))

    def _cancel(self, job: Job) -> None:
        job.status, job.started = JobStatus.CANCELLED, job.started or time.time()
        job.ended = job.ended or job.started  # one that has not run took no time, however long it waited
        self._recorder.cancelled(job)

    # -- decisions ---------------------------------------------------------------------------------

    def _take(self, wave: Sequence[Job]) -> None:
        now = time.time()
        for job in wave:
            job.started = job.started or now
        decisions = self._decide(wave)
        moving = _moving(decisions)
        if moving and self._turns.claim(moving):
            again = dict(self._decide([job for job in moving if not job.settled]))
            decisions = [(job, again.get(job, decision)) for job, decision in decisions]
            moving = _moving(decisions)
        if moving:
            self._turns.begin(moving)
        for job, decision in decisions:
            self._apply(job, decision)

    def _decide(self, wave: Sequence[Job]) -> list[tuple[Job, Decision]]:
        try:
            return self._reuse.decide(wave)
        except ReduxError as error:
            self._recorder.give_up(error)
            self._reuse.stop_asking()
            return self._reuse.decide(wave)

    def _apply(self, job: Job, decision: Decision) -> None:
        if job.settled:
            return
        if isinstance(decision, Reduced):
            self._apply_reduced(job, decision)
        elif isinstance(decision, Miss):
            self._dispatch.submit(job, decision.reason)
        elif isinstance(decision, Same):
            self._apply_same(job, decision.leader)
        else:
            self._apply_finished(job, decision)

    def _apply_same(self, job: Job, leader: Job) -> None:
        if leader.failed is not None:
            job.leader = leader
            self._evaluator.fail(job, leader.failed)
        elif leader.datum is None:
            self._evaluator.follow(job, leader)
        else:
            job.outcome = Came.SAME_EXECUTION
            _be_the_call_of(leader, job)
            job.seconds = leader.seconds
            self._settle_cached(job, leader.datum)

    def _apply_finished(self, job: Job, decision: Finished) -> None:
        call = decision.call
        job.outcome = Came.ULTIMATE
        job.call_hash, job.task_set, job.seconds = call.call_hash, call.task_set, call.duration
        stored = call.value
        self._settle_cached(job, Datum(stored.hash, stored.traits, decision.value, stored=stored, origin=job))

    def _apply_reduced(self, job: Job, decision: Reduced) -> None:
        candidate = decision.candidate
        stored = candidate.value
        job.outcome, job.seconds = Came.SINGLE, candidate.duration
        if stored.traits is _PLAIN or not stored.traits & Traits.EXPRESSIONS:
            job.call_hash, job.task_set = candidate.leaf, candidate.leaf_set
            self._settle_cached(job, Datum(stored.hash, stored.traits, decision.value, stored=stored, origin=job))
            return
        try:
            value = self._repo.load(stored) if decision.value is ABSENT else decision.value
        except ReduxError as error:
            self._recorder.forget(stored.hash)
            if job.forks:
                self._turns.claim([job])
                self._turns.begin([job])
            if not job.settled:
                self._dispatch.submit(job, reason_of_loss(stored.hash, error))
            return
        self._evaluator.open(value, job)

    def _settle_cached(self, job: Job, datum: Datum) -> None:
        job.ended = job.started
        self._evaluator.settle(job, datum)

    # -- what the evaluator tells ------------------------------------------------------------------

    def settled(self, job: Job) -> None:
        """A job has its final datum."""
        progress = self._counts[job.known.task.fullname]
        job.ended = job.ended or time.time()
        if job.outcome is not Came.RAN:
            job.status = JobStatus.CACHED
            progress.cached += 1
            progress.seconds_saved += job.seconds
        else:
            job.status = JobStatus.DONE
            progress.done += 1
            progress.seconds_ran += job.seconds
        job.whole = wholeness(job)
        self._recorder.settled(job)
        for _, datum in job.arguments:
            release(datum)

    def failed(self, job: Job) -> None:
        """A job failed, itself or through what it waited for."""
        assert job.failed is not None
        if job.started == 0.0 and job.failed.job is not job:
            return  # it was never called: what it waited for failed
        job.status, job.ended = JobStatus.FAILED, job.ended or time.time()
        job.started = job.started or job.ended
        self._counts[job.known.task.fullname].failed += 1
        if job.leader is not None and job.leader.failed is job.failed:
            _be_the_call_of(job.leader, job)
        job.whole = wholeness(job)
        self._recorder.failed(job, self._describe(job.failed))

    def _describe(self, failed: Failed) -> ErrorValue:
        """The error as it is recorded, for the job that raised it and for those above it: theirs is the same."""
        known = self._described
        if known is None or known[0] is not failed:
            known = self._described = failed, describe_error(failed.error)
        return known[1]

    def remake(self, job: Job, error: ReduxError) -> None:
        """A job's bytes are gone: it runs again, as a new attempt."""
        stale = job.stale
        assert stale is not None
        assert stale.hash is not None
        self._recorder.forget(stale.hash)
        self._recorder.forget(getattr(error, "digest", stale.hash))
        job.renew(JobId(new_id()), reason_of_loss(stale.hash, error))

    def grafted(self, effect: Grafted) -> None:
        """Another scheduler did work for this run."""
        for tally in effect.counts:
            self._counts[tally.fullname].add(tally)
        if effect.trouble is not None:
            self._recorder.give_up(BackendError(effect.trouble))

    def tagged(self, job: Job | None, value: Datum, noted: TagsNoted) -> None:
        """A rule of that job (None: of the root) has tags recorded; below a silent job nothing is.

        Raises TagError for tags of a job where there is none.
        """
        if noted.job_tags and job is None:
            raise TagError("apply_tags has job_tags outside of any job; give execution_tags, or say it in a task")
        if job is not None and job.silent:
            return
        if noted.tags:
            self._recorder.tag_value(value, noted.tags)
        if job is not None:
            self._recorder.tag_job(job, noted.job_tags)
        self._recorder.tag_execution(noted.execution_tags)


def _be_the_call_of(leader: Job, job: Job) -> None:
    job.call_hash, job.task_set, job.whole = leader.call_hash, leader.task_set, leader.whole


def _moving(decisions: Sequence[tuple[Job, Decision]]) -> list[Job]:
    """The jobs that are to run and were given handles."""
    return [job for job, decision in decisions if isinstance(decision, Miss) and job.forks and not job.settled]
