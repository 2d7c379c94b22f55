"""The run loop: takes waves of ready jobs through decision, execution and record until the root has its value."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

from redux_backends.liveness import this_process
from redux_backends.records import (
    Execution,
    ExecutionId,
    JobId,
    JobStatus,
    MissKind,
    Place,
    Reason,
    StoredValue,
    Traits,
    new_id,
)
from redux_backends.records import Outcome as Came
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import ValueMissing

from redux.executors.executor import Executor, JobSpec, Outcome
from redux.executors.pool import ExecutorPool
from redux.repo import Repo
from redux.scheduler.evaluate import Evaluator, Unmade
from redux.scheduler.jobs import ABSENT, Datum, Failed, Gather, Job, JobState
from redux.scheduler.recorder import Recorder
from redux.scheduler.report import Failure, Report, TaskProgress, describe_error, describe_failure
from redux.scheduler.reuse import Decision, Finished, Miss, Reduced, Reuse, Same
from redux.scheduler.task_book import TaskBook
from redux.value import CannotDecode, encode

WAVE_SIZE = 1000
LONG_WAIT_SECONDS = 0.1
LEASE_SECONDS = 10.0
DROP_SIZE = 1 << 16
"""A value at least this large (bytes) leaves memory once its last known user has it and the store holds it."""

_WAKE = object()


class CyclicCall(ReduxError):
    """Calls wait for each other's results, so none can ever run."""


class Run:
    """One execution on its way: the evaluator's events, the executors' outcomes, and the loop between them."""

    def __init__(
        self, repo: Repo, book: TaskBook, pool: ExecutorPool, execution: Execution, use_cache: bool, keep_going: bool,
        progress: dict[str, TaskProgress],
    ) -> None:  # fmt: skip
        self._repo = repo
        self._book = book
        self._pool = pool
        self._execution = execution
        self._keep_going = keep_going
        self._progress = progress
        self._inbox: SimpleQueue[tuple[object, Outcome | None]] = SimpleQueue()
        self._evaluator = Evaluator(repo, book.find, self)
        self._reuse = Reuse(repo, book, use_cache)
        self._recorder = Recorder(repo, book, execution.id)
        self._running: dict[JobId, Job] = {}
        self._renewed = time.monotonic()
        self._stopping = False
        pool.connect(self._inbox.put)

    # -- the loop ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the run to end: running jobs finish and are recorded, nothing new starts. Safe from a signal handler."""
        self._stopping = True
        self._inbox.put((_WAKE, None))

    def finish(self, expression: object) -> Gather:
        """Evaluate an expression to its end."""
        root = self._evaluator.open(expression, None)
        self._root = root
        while not self._ended(root):
            wave = self._evaluator.next_wave(WAVE_SIZE)
            if wave:
                self._take(wave)
            arrived = self._drain()
            self._recorder.flush_when_due()
            if not wave and not arrived and not self._ended(root):
                self._wait()
        self._wind_up()
        return root

    def _ended(self, root: Gather) -> bool:
        if self._stopping:
            return True
        if root.failed is not None:
            return not self._keep_going or self._evaluator.unsettled == 0
        return root.datum is not None

    def _drain(self) -> bool:
        arrived = False
        while True:
            try:
                key, outcome = self._inbox.get_nowait()
            except Empty:
                return arrived
            arrived = True
            self._arrive(key, outcome)

    def _wait(self) -> None:
        if not self._running:
            self._break_cycle()
            return
        timeout = LONG_WAIT_SECONDS
        while True:
            try:
                self._arrive(*self._inbox.get(timeout=timeout))
                return
            except Empty:
                self._while_waiting()
                timeout = LEASE_SECONDS / 4

    def _while_waiting(self) -> None:
        for job in self._running.values():
            self._recorder.started(job)
        self._recorder.flush()
        self._renew_lease()

    def _renew_lease(self) -> None:
        if self._recorder.trouble is None and time.monotonic() - self._renewed > LEASE_SECONDS:
            self._renewed = time.monotonic()
            self._recorder.renew_lease()

    def _break_cycle(self) -> None:
        stuck = self._evaluator.stuck_job()
        if stuck is None:
            raise AssertionError("nothing runs, nothing is ready, and no job waits")
        error = CyclicCall(
            f"{stuck.known.task.fullname} (job {stuck.id.hex()[:8]}) waits for a call of itself with the same arguments; "
            "give the inner call other arguments, or cache_scope='NONE'"
        )
        self._evaluator.fail(stuck, Failed(error, stuck))

    def _wind_up(self) -> None:
        for key in self._pool.cancel_waiting():
            if isinstance(key, Job):
                self._running.pop(key.id, None)
                self._cancel(key)
        while self._running:
            self._arrive(*self._inbox.get())
            self._recorder.flush_when_due()
        for job in self._evaluator.unfinished():
            if job.recorded:
                self._cancel(job)
        self._recorder.flush()

    def _cancel(self, job: Job) -> None:
        job.status, job.ended = JobStatus.CANCELLED, time.time()
        job.started = job.started or job.ended
        self._recorder.cancelled(job)

    # -- decisions ---------------------------------------------------------------------------------

    def _take(self, wave: Sequence[Job]) -> None:
        now = time.time()
        for job in wave:
            job.started = job.started or now
        for job, decision in self._reuse.decide(wave):
            self._apply(job, decision)
        self._renew_lease()

    def _apply(self, job: Job, decision: Decision) -> None:
        if isinstance(decision, Reduced):
            self._apply_reduced(job, decision)
        elif isinstance(decision, Miss):
            self._submit(job, decision.reason)
        elif isinstance(decision, Same):
            self._apply_same(job, decision.leader)
        else:
            self._apply_finished(job, decision)

    def _apply_same(self, job: Job, leader: Job) -> None:
        if leader.failed is not None:
            self._evaluator.fail(job, leader.failed)
        elif leader.datum is None:
            self._evaluator.follow(job, leader)
        else:
            job.outcome = Came.SAME_EXECUTION
            job.call_hash, job.task_set = leader.call_hash, leader.task_set
            job.seconds = leader.seconds
            self._settle_cached(job, leader.datum)

    def _apply_finished(self, job: Job, decision: Finished) -> None:
        call = decision.call
        job.outcome = Came.ULTIMATE
        job.call_hash, job.task_set, job.seconds = call.call_hash, call.task_set, call.duration
        self._settle_cached(job, Datum(call.value.hash, call.value.traits, stored=call.value, origin=job))

    def _apply_reduced(self, job: Job, decision: Reduced) -> None:
        candidate = decision.candidate
        stored = candidate.value
        job.outcome, job.seconds = Came.SINGLE, candidate.duration
        if not stored.traits & Traits.EXPRESSIONS:
            job.call_hash, job.task_set = candidate.leaf, candidate.leaf_set
            self._settle_cached(job, Datum(stored.hash, stored.traits, stored=stored, origin=job))
            return
        try:
            value = self._repo.load(stored)
        except (ValueMissing, CannotDecode) as error:
            self._recorder.forget(stored.hash)
            self._submit(job, Reason(MissKind.VALUE_GONE, str(getattr(error, "digest", stored.hash).hex())))
            return
        job.status = JobStatus.CACHED
        self._evaluator.open(value, job)

    def _settle_cached(self, job: Job, datum: Datum) -> None:
        job.status, job.ended = JobStatus.CACHED, job.started
        self._evaluator.settle(job, datum)

    # -- running -----------------------------------------------------------------------------------

    def _submit(self, job: Job, reason: Reason) -> None:
        try:
            args, kwargs = self._evaluator.call_arguments(job)
        except Unmade as unmade:
            self._evaluator.wait_for_remake(job, unmade.datum, unmade.error)
            return
        known = job.known
        job.outcome, job.reason, job.status = Came.RAN, reason, JobStatus.RUNNING
        job.state = JobState.RUNNING
        self._recorder.asked(job)
        executor = self._pool.get(known.task.options.executor)
        job.place = executor.name
        self._running[job.id] = job
        self._progress_of(job).running += 1
        executor.submit(job, JobSpec(known.task.fullname, known.task_hash, known.task.func, args, kwargs))

    def _arrive(self, key: object, outcome: Outcome | None) -> None:
        if outcome is None or not isinstance(key, Job):
            return
        job = key
        if self._running.pop(job.id, None) is None:
            return
        self._progress_of(job).running -= 1
        job.started, job.ended = outcome.started, outcome.ended
        job.seconds = outcome.ended - outcome.started
        if outcome.error is not None:
            self._evaluator.fail(job, Failed(outcome.error, job))
            return
        self._note_trouble(outcome.trouble)
        encoded = outcome.encoded
        assert encoded is not None
        self._recorder.note_values(outcome.records)
        if outcome.trouble is None:
            self._recorder.reduced(job, encoded.hash, job.seconds)
        datum = _datum_of(job, outcome)
        if encoded.traits & Traits.EXPRESSIONS:
            self._evaluator.open(self._evaluator.load(datum), job)
        else:
            self._evaluator.settle(job, datum)

    def _note_trouble(self, trouble: ReduxError | None) -> None:
        if trouble is not None and self._recorder.trouble is None:
            self._recorder.trouble = trouble

    # -- what the evaluator tells ------------------------------------------------------------------

    def settled(self, job: Job) -> None:
        """A job has its final datum."""
        progress = self._progress_of(job)
        if job.status is JobStatus.CACHED:
            progress.cached += 1
            progress.seconds_saved += job.seconds
            job.ended = job.ended or job.started
        else:
            job.status = JobStatus.DONE
            progress.done += 1
            progress.seconds_ran += job.seconds
        self._recorder.settled(job)
        self._release_arguments(job)

    def _release_arguments(self, job: Job) -> None:
        for _, datum in job.arguments:
            if datum is None or datum.origin is None:
                continue
            datum.users -= 1
            if datum.users <= 0 and datum.stored is not None and datum.stored.place is Place.STORE:
                datum.value = ABSENT

    def failed(self, job: Job) -> None:
        """A job failed, itself or through what it waited for."""
        if job.state is JobState.SETTLED and job.status is JobStatus.FAILED:
            return
        ran = job.started > 0
        job.status, job.ended = JobStatus.FAILED, job.ended or time.time()
        assert job.failed is not None
        if not ran:
            return
        self._progress_of(job).failed += 1
        own = job.failed.job is job
        value = describe_error(job.failed.error) if own else None
        self._recorder.failed(job, None if value is None else _encode_error(value), value)

    def remake(self, job: Job, error: ReduxError) -> None:
        """A job's bytes are gone: it runs again, as a new attempt."""
        stale = job.stale
        assert stale is not None
        digest = stale.hash
        if digest is not None:
            self._recorder.forget(digest)
        missing = getattr(error, "digest", digest)
        if missing is not None:
            self._recorder.forget(missing)
        job.renew(JobId(new_id()), Reason(MissKind.VALUE_GONE, "" if missing is None else missing.hex()))
        self._evaluator.take_up(job)

    def _progress_of(self, job: Job) -> TaskProgress:
        name = job.known.task.fullname
        progress = self._progress.get(name)
        if progress is None:
            progress = self._progress[name] = TaskProgress()
        return progress

    @property
    def trouble(self) -> ReduxError | None:
        """Why something could not be recorded."""
        return self._recorder.trouble
