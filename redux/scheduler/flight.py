"""One run of what several executions miss at once: who claims a call runs it, the others wait for what it records.

Nobody waits for ever, for who has a claim waits for nobody's. A claim is had for a call whose arguments are all there
and that has what it takes of limits; it ends when the call's function has ended, not when the calls that its result
names have. Between the two such a call only waits for a worker, and workers are held by functions that await nothing
(async tasks have the event loop and claim nothing) or by sub-schedulers, where nothing is claimed and nobody waits. So
every claim ends, or its execution does, whose lease then says so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping

from redux.executors.executor import execute
from redux.scheduler.jobs import Failed, Job
from redux.scheduler.recorder import Recorder
from redux.scheduler.report import Counts
from redux.scheduler.stage import Dispatching
from redux.scheduler.task_kind import TaskKind
from redux.scheduler.turnstile import Turnstile, Waiting
from redux.tasks.options import ALL_RESULTS, CacheResult
from redux_backends.backend import Backend, Claimed
from redux_backends.records import ExecutionId, MissKind, Reason, Seconds
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

SOON: Seconds = 0.05
LATE: Seconds = 1.0
"""How long it is until it is asked again what others have, at first and at most."""
TRIES = 2
"""How often a call is waited for that then had no result: after that it runs, whoever runs it too."""
CHEAP: Seconds = 0.001
ENOUGH = 64
"""Calls of a task are not claimed once so many ran here and took less than that on average: asking costs more."""
_FURTHER = 4
"""How many times as many calls are asked for as before, where others have some of them."""
_AT_ONCE = 10_000


class Flight:
    """Takes the place of Dispatch, `behind`, and passes on to it what this execution runs.

    `counts` are those of this execution. `again` has a job decided anew, `workers` says how many jobs run at once where
    a job runs.
    """

    def __init__(
        self, behind: Dispatching, backend: Backend, execution: ExecutionId, recorder: Recorder,
        counts: Counts, again: Callable[[Job], None], workers: Callable[[Job], int | None],
    ) -> None:  # fmt: skip
        self._behind = behind
        self._backend = backend
        self._execution = execution
        self._recorder = recorder
        self._counts = counts
        self._again = again
        self._workers = workers
        self._turnstiles: dict[tuple[str, str | None], Turnstile] = {}
        self._elsewhere: dict[Job, Reason] = {}
        self._tried: dict[Job, int] = {}
        self._due: Seconds = 0.0
        self._pause: Seconds = SOON
        self._moves = 0
        self._reach = 1
        self._off = False

    # -- as Dispatch -------------------------------------------------------------------------------

    @property
    def running(self) -> Collection[Job]:
        """The jobs that executors have."""
        return self._behind.running

    @property
    def idle(self) -> bool:
        """Whether nothing will come any more by itself."""
        return self._behind.idle and not self._elsewhere and not any(one.waiting for one in self._turnstiles.values())

    @property
    def holds_back(self) -> bool:
        """Whether there are jobs that will never run, so that nothing more can come."""
        return self._behind.holds_back

    def waits_in_vain(self) -> Failed | None:
        """A job that waits for what nobody will give back, with its error; None where there is none."""
        return self._behind.waits_in_vain()

    def wake(self) -> None:
        """Make whoever waits look up. Safe from a signal handler."""
        self._behind.wake()

    def close(self, stopped: bool) -> list[Job]:
        """Let running jobs finish and start no other; the jobs that executors had not begun."""
        self._off = True
        self._turnstiles.clear()
        self._elsewhere.clear()
        return self._behind.close(stopped)

    def submit(self, job: Job, reason: Reason) -> None:
        """Have a job run, here or by whoever has claimed it."""
        if not self._may_claim(job, reason) or job.options.limits:  # one with limits is claimed once it has them
            self._behind.submit(job, reason)
            return
        name = job.known.task.fullname, job.options.executor
        turnstile = self._turnstiles.get(name)
        if turnstile is None:
            turnstile = self._turnstiles[name] = Turnstile(self._workers(job))
        turnstile.waiting.append((job, reason, self._moves))

    def drain(self) -> bool:
        """Take in all that came, here and elsewhere, and let in what there is room for; whether anything moved."""
        came = self._behind.drain()
        if self._off:
            return came
        if self._recorder.trouble is not None:
            return self._turn_off()
        try:
            for turnstile in self._turnstiles.values():
                if turnstile.waiting and turnstile.room:
                    self._let_in(turnstile)
                    came = True
            return (self._ask() if self._is_due() else False) or came
        except ReduxError:
            return self._turn_off()

    def wait(self, patience: Seconds) -> bool:
        """Wait that long for something to come, or until others are to be asked; whether there is something to do."""
        if not self._elsewhere:
            return self._behind.wait(patience)
        return self._behind.wait(min(patience, max(0.0, self._due - time.monotonic()))) or self._is_due()

    # -- claims ------------------------------------------------------------------------------------

    def enter(self, job: Job, reason: Reason) -> bool:
        """Whether a job that has what it takes of limits may begin; else it is decided again later."""
        if not self._may_claim(job, reason):
            return True
        eval_hash = _eval(job)
        try:
            claimed = self._backend.claim_evaluations((eval_hash,), self._execution, 1)
            if eval_hash in claimed.held:
                self._wait_for(job, reason)
                return False
            self._moves += claimed.moved
            self._recorder.claims.add(eval_hash, Turnstile(None))  # from here on it ends with the job, come what may
            if self._backend.check_cache(claimed.mine):  # it was decided long ago, before it waited for its limits
                self._recorder.let_others_run((job,))
                self._tried[job] = TRIES  # should that be of no use to it, it runs
                self._again(job)
                return False
        except ReduxError:
            self._turn_off()
        return True

    def _may_claim(self, job: Job, reason: Reason) -> bool:
        """Whether others may have a job's result, and have it in time; and it is not claimed already."""
        if self._off or job.known.kind is not TaskKind.PLAIN or reason.kind is MissKind.CACHE_OFF:
            return False
        ran = self._counts[job.known.task.fullname]
        if ran.done >= ENOUGH and ran.seconds_ran < CHEAP * ran.done:
            return False
        if job.forced is not None or job.forks or self._tried.get(job, 0) >= TRIES:
            return False
        allowed = job.options.cache_results
        if allowed is not ALL_RESULTS and CacheResult.SINGLE not in allowed:
            return False
        return _eval(job) not in self._recorder.claims

    def _let_in(self, turnstile: Turnstile) -> None:
        """Claim what there is room for, and run it."""
        room = turnstile.room
        asked = self._candidates(turnstile, room)
        if not asked:
            return
        turnstile.opened()
        try:
            claimed = self._backend.claim_evaluations(list(asked), self._execution, room)
            for eval_hash in claimed.mine:
                self._recorder.claims.add(eval_hash, turnstile)
            recorded = self._recorded(claimed, asked)
        except ReduxError:
            turnstile.waiting.extendleft(reversed(asked.values()))
            raise
        for eval_hash in claimed.mine:
            job, reason, _ = asked.pop(eval_hash)
            if eval_hash in recorded:
                self._again(job)
            else:
                self._behind.submit(job, reason)
        self._reach = min(_FURTHER * self._reach, _AT_ONCE) if claimed.held else 1
        for eval_hash in claimed.held:
            job, reason, _ = asked.pop(eval_hash)
            self._wait_for(job, reason)
        turnstile.waiting.extendleft(reversed(asked.values()))

    def _candidates(self, turnstile: Turnstile, room: int) -> dict[Digest, Waiting]:
        """The next jobs by their evaluations; of those with one evaluation in several contexts one is claimed."""
        asked: dict[Digest, Waiting] = {}
        equal: list[Waiting] = []
        waiting = turnstile.waiting
        wanted = min(room * self._reach, _AT_ONCE)
        while waiting and len(asked) < wanted:
            one = waiting.popleft()
            job, reason, _ = one
            if job.settled:
                continue
            if not self._may_claim(job, reason):
                self._behind.submit(job, reason)
            elif _eval(job) in asked:
                equal.append(one)
            else:
                asked[_eval(job)] = one
        waiting.extendleft(reversed(equal))
        return asked

    def _recorded(self, claimed: Claimed, asked: Mapping[Digest, Waiting]) -> Collection[Digest]:
        """What was recorded of those now claimed, between the look into the cache and the claim."""
        self._moves += claimed.moved
        doubtful = [each for each in claimed.mine if asked[each][2] != self._moves]
        return self._backend.check_cache(doubtful) if doubtful else ()

    # -- elsewhere ---------------------------------------------------------------------------------

    def _wait_for(self, job: Job, reason: Reason) -> None:
        if not self._elsewhere:
            self._pause = SOON
            self._due = time.monotonic() + self._pause
        self._elsewhere[job] = reason

    def _is_due(self) -> bool:
        return bool(self._elsewhere) and time.monotonic() >= self._due

    def _ask(self) -> bool:
        """Have all that others have no more decided again; whether there was any."""
        jobs = self._elsewhere = {job: reason for job, reason in self._elsewhere.items() if not job.settled}
        held = self._backend.held_evaluations([_eval(job) for job in jobs], self._execution)
        free = [job for job in jobs if _eval(job) not in held]
        for job in free:
            del jobs[job]
            self._tried[job] = self._tried.get(job, 0) + 1
            self._again(job)
        self._pause = SOON if free else min(1.5 * self._pause, LATE)
        self._due = time.monotonic() + self._pause
        return bool(free)

    def _turn_off(self) -> bool:
        """Claims can't be had, or nobody would see what is recorded: all that is left runs here."""
        self._off = True
        left = [*self._elsewhere.items()]
        for each in self._turnstiles.values():
            left += [(job, reason) for job, reason, _ in each.waiting]
        self._elsewhere.clear()
        self._turnstiles.clear()
        for job, reason in left:
            if not job.settled:
                self._behind.submit(job, reason)
        return True


def is_in_job() -> bool:
    """Whether this thread is at a job: a scheduler that is run there would hold the job's worker while it waits."""
    frame = sys._getframe()
    while frame is not None and frame.f_code is not execute.__code__:
        frame = frame.f_back
    return frame is not None


def _eval(job: Job) -> Digest:
    assert job.eval_hash is not None
    return job.eval_hash
