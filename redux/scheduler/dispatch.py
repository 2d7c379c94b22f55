"""Dispatch: jobs handed out as far as limits allow, outcomes taken in, calls tried again where their task says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from redux.ahead import Answer
from redux.executors.executor import Executor, JobCancelled, JobSpec, Outcome, Question, TimedOut
from redux.executors.pool import ExecutorPool
from redux.scheduler.asking import Asking
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.inputs import Unmade
from redux.scheduler.jobs import Failed, Job
from redux.scheduler.limits import LimitExceeded, LimitHeldAbove, Limits
from redux.scheduler.outcomes import ask_what_was_read, datum_of_outcome, read_what_was_asked
from redux.scheduler.recorder import Recorder
from redux.scheduler.report import Counts, describe_error
from redux.scheduler.retries import Retries
from redux.scheduler.reuse import Reuse
from redux.scheduler.standstill import waiting_in_vain
from redux.scheduler.task_kind import TaskKind
from redux.scheduler.wholes import Whole, after_running
from redux_backends.records import JobId, JobStatus, MissKind, Reason, Seconds, Traits, new_id
from redux_backends.records import Outcome as Came

OVERDUE_SECONDS = 0.1
"""How often jobs that may take only so long are looked at."""
_PLAIN = Traits.PLAIN


class Dispatch:
    """The jobs of one execution that are with executors, or wait for a limit or their next attempt."""

    def __init__(
        self, pool: ExecutorPool, evaluator: Evaluator, reuse: Reuse, recorder: Recorder, counts: Counts,
        limits: Mapping[str, int], stop_below: Callable[[JobId], None],
    ) -> None:  # fmt: skip
        self._pool = pool
        self._evaluator = evaluator
        self._reuse = reuse
        self._recorder = recorder
        self._counts = counts
        self._limits = Limits(limits)
        self._stop_below = stop_below
        self._retries = Retries()
        self._running: dict[JobId, Job] = {}
        self._timed = 0
        self._looked: Seconds = 0.0
        self._closing = False
        self._inbox: SimpleQueue[tuple[object, Outcome | Question | None]] = SimpleQueue()
        self._asking = Asking(evaluator, self._give_up, self._interrupt, lambda job: self._inbox.put((job, None)))
        pool.connect(self._note, self._note)
        self.gate: Callable[[Job, Reason], bool] | None = None
        """whether a job that has all it takes of limits may begin; else it comes again"""

    def _note(self, key: object, came: Outcome | Question) -> None:
        self._inbox.put((key, came))

    @property
    def running(self) -> Collection[Job]:
        """The jobs that executors have."""
        return self._running.values()

    holds_back = False
    """Whether there are jobs that will never run, so that nothing more can come."""

    @property
    def idle(self) -> bool:
        """Whether nothing will come any more by itself."""
        return not self._running and not self._retries

    def waits_in_vain(self) -> Failed | None:
        """A job that waits for a limit which nobody will give back, with its error; None where there is none."""
        waiting = self._limits.waiting if self._asking else ()
        if not waiting:
            return None
        going_on = [job for job in self._running.values() if not self._asking.awaits(job)]
        stuck = waiting_in_vain(self._evaluator.unfinished, waiting, going_on)
        return Failed(self._limits.never_free(stuck[0], self.running), stuck[0]) if stuck else None

    def submit(self, job: Job, reason: Reason) -> None:
        """Have a job run, once its limits allow it."""
        try:
            if job.options.limits and not self._limits.take(job, reason, self._running.keys()):
                return
        except (LimitExceeded, LimitHeldAbove) as error:
            self._evaluator.fail(job, Failed(error, job))
            return
        self._start(job, reason)

    def drain(self) -> bool:
        """Take in all outcomes that are there, and submit what is due for another attempt; whether there were any."""
        self._give_up_overdue()
        came: list[tuple[object, Outcome | Question | None]] = []
        with suppress(Empty):
            while True:
                came.append(self._inbox.get_nowait())
        if came:
            self._take_all(came)
        return (bool(self._retries) and self._try_again()) or bool(came)

    def wait(self, patience: Seconds) -> bool:
        """Wait that long for something to come; whether something did."""
        due = self._retries.next_in()
        patience = min(patience, OVERDUE_SECONDS) if self._timed else patience
        try:
            self._take_all([self._inbox.get(timeout=patience if due is None else min(patience, due))])
        except Empty:
            self._give_up_overdue()
            return self._try_again()
        return True

    def _give_up_overdue(self) -> None:
        """By the clock, since outcomes of other jobs may keep coming."""
        if self._timed and (now := time.monotonic()) - self._looked >= OVERDUE_SECONDS:
            self._looked = now
            self._pool.give_up_overdue()

    def wake(self) -> None:
        """Make whoever waits look up. Safe from a signal handler."""
        self._inbox.put((None, None))

    def close(self, stopped: bool) -> list[Job]:
        """Let running jobs finish and start no other; the jobs that executors had not begun.

        Where the run was `stopped`, those that are schedulers are told so.
        """
        self._closing = True
        begun_not = [key for key in self._pool.cancel_waiting() if isinstance(key, Job)]
        for job in begun_not:
            self._running.pop(job.id, None)
        if stopped:
            self._pool.tell_of_stop()
        self._recorder.let_others_run(begun_not)
        self._asking.close()
        while self._running:
            with suppress(Empty):
                self._take_all([self._inbox.get(timeout=OVERDUE_SECONDS if self._timed else None)])
            self._give_up_overdue()
            self._recorder.flush_when_due()
        return begun_not

    # -- out ---------------------------------------------------------------------------------------

    def _start(self, job: Job, reason: Reason) -> None:
        if self.gate is not None and job.options.limits and not self.gate(job, reason):
            self._limits.give_back(job)
            return
        asked, order = job.eval_hash, self._order(job)
        if order is None:
            self._recorder.claims.end(asked)
            self._give_back(job)
            return
        executor, spec = order
        job.outcome, job.reason, job.status = Came.RAN, reason, JobStatus.RUNNING
        job.place = executor.name
        self._recorder.asked(job)
        if job.known.kind is TaskKind.SUBRUN:
            self._recorder.announce(job)
        self._running[job.id] = job
        self._timed += spec.timeout is not None
        self._counts[job.known.task.fullname].running += 1
        executor.submit(job, spec)

    def _order(self, job: Job) -> tuple[Executor, JobSpec] | None:
        """What is handed out for a job; None where it failed, waits for something made again, or asks anew."""
        known, options, asked = job.known, job.options, job.eval_hash
        try:
            executor = self._pool.coroutines() if known.kind is TaskKind.ASYNC else self._pool.get(options.executor)
            call = self._evaluator.inputs.call_of(job)
        except Unmade as unmade:
            self._evaluator.wait_for_remake(job, unmade.datum, unmade.error)
            return None
        except Exception as error:  # an executor that cannot be opened, a user's own decoder: it is this job's failure
            self._evaluator.fail(job, Failed(error, job))
            return None
        if asked is not None and self._evaluator.has_moved(job):
            self._reuse.forget(job, asked)
            return None
        return executor, JobSpec(
            known.task.fullname, known.task_hash, known.task.run, call.args, call.kwargs, known.task.nout,
            options.timeout, options.for_executor, job.eval_hash, options.load_module,
        )  # fmt: skip

    def _try_again(self) -> bool:
        jobs = self._retries.due()
        for job in jobs:
            assert job.forced is not None
            self.submit(job, job.forced)
        return bool(jobs)

    # -- in ----------------------------------------------------------------------------------------

    def _take_all(self, came: Sequence[tuple[object, Outcome | Question | None]]) -> None:
        answers = ask_what_was_read(key for key, one in came if isinstance(key, Job) and isinstance(one, Outcome))
        for key, one in came:
            self._arrive(key, one, answers)

    def _arrive(self, key: object, came: Outcome | Question | None, answers: Mapping[str, Answer]) -> None:
        if not isinstance(key, Job):
            return
        if isinstance(came, Question):
            self._asking.take(key, came, key.id in self._running)
        elif came is None:
            self._go_on(key)
        elif self._running.pop(key.id, None) is not None:
            self._end(key, came, answers)

    def _end(self, job: Job, outcome: Outcome, answers: Mapping[str, Answer]) -> None:
        self._counts[job.known.task.fullname].running -= 1
        self._timed -= job.options.timeout is not None
        self._give_back(job)
        job.started, job.ended = outcome.started, outcome.ended
        job.seconds = outcome.ended - outcome.started
        ends_now = outcome.error is not None and not self._tries_again(job, outcome.error)
        if self._asking.awaits(job) and not ends_now:
            self._asking.put_off(job, outcome)
        else:
            self._take_in(job, outcome, answers)

    def _take_in(self, job: Job, outcome: Outcome, answers: Mapping[str, Answer]) -> None:
        job.whole = after_running(read_what_was_asked(job, answers), self._asking.gave_up(job))
        if outcome.error is not None:
            self._raised(job, outcome.error)
            return
        self._asking.returned(job)
        if outcome.trouble is not None:
            self._recorder.give_up(outcome.trouble)
        encoded = outcome.encoded
        assert encoded is not None
        if job.known.kind is TaskKind.SUBRUN:  # no result of its own: the calls it is made of, and theirs
            self._evaluator.open(outcome.value, job)
            return
        self._recorder.note_result(job, encoded, outcome.records)
        if job.forks or (encoded.traits is not _PLAIN and encoded.traits & Traits.HANDLES):
            self._recorder.advanced(job, outcome.records)
        if job.whole is Whole.ALWAYS and not job.known.kind.taken_whole:
            self._recorder.reduced(job, encoded.hash, job.seconds)
        self._recorder.claims.end(job.eval_hash)
        if encoded.traits is not _PLAIN and encoded.traits & Traits.EXPRESSIONS:
            self._evaluator.open(outcome.value, job)
        else:
            self._evaluator.settle(job, datum_of_outcome(job, outcome))

    def _raised(self, job: Job, error: BaseException) -> None:
        if isinstance(error, TimedOut) and error.goes_on:
            self._counts[job.known.task.fullname].unheard += 1
        if job.known.kind is TaskKind.SUBRUN:
            self._stop_below(job.id)
            self._recorder.abandon(job)
        behind = self._asking.raised(job, error)
        if self._closing and isinstance(error, JobCancelled):
            self._recorder.started(job)
            return
        if not self._tries_again(job, error):
            self._evaluator.fail(job, behind or Failed(error, job))
            return
        job.status = JobStatus.FAILED
        self._recorder.failed(job, describe_error(error))
        job.attempts += 1
        why = "ran out of its time" if isinstance(error, TimedOut) else "raised"
        attempt = f"attempt {job.attempts + 1} of {job.options.retry.times + 1}, the one before {why}"
        job.renew(JobId(new_id()), Reason(MissKind.RETRIED, attempt))
        self._retries.wait(job)

    def _tries_again(self, job: Job, error: BaseException) -> bool:
        return not self._closing and not isinstance(error, JobCancelled) and self._retries.wants(job, error)

    # -- what running jobs ask ---------------------------------------------------------------------

    def _give_up(self, job: Job) -> None:
        """Nobody awaits a job any more: an async one is cancelled, another runs to its end, and none begins."""
        runs = job.id in self._running
        if (runs and job.known.kind is not TaskKind.ASYNC) or (not runs and job.scope is not None):
            return
        if job.eval_hash is not None:
            self._reuse.forget(job, job.eval_hash)
        if runs:
            self._pool.coroutines().cancel(job)
        else:
            self._retries.forget(job)
            self._evaluator.fail(job, Failed(JobCancelled(job.known.task.fullname), job))

    def _go_on(self, job: Job) -> None:
        """All that a job asked is answered, and it had ended before."""
        outcome = self._asking.outcome_of(job)
        if outcome is not None:
            self._take_in(job, outcome, ask_what_was_read((job,)))

    def _interrupt(self, job: Job) -> None:
        """Have a job end that waits for what will not run any more."""
        self._pool.coroutines().cancel(job)
        self._recorder.started(job)

    def _give_back(self, job: Job) -> None:
        if job.options.limits:
            self._limits.give_back(job)
            while not self._closing and (freed := self._limits.next_freed()) is not None:
                self._start(*freed)
