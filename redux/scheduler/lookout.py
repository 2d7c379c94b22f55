"""What a run looks at from time to time: which jobs take long, and whether some wait for each other for ever."""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import islice

from redux.scheduler.circles import follower_in_circle
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.jobs import Failed, Job
from redux.scheduler.recorder import Recorder
from redux.scheduler.task_kind import TaskKind
from redux_backends.records import Seconds
from redux_valuestore.errors import ReduxError

BUSY_SECONDS = 0.25
"""How often it is looked while outcomes keep coming."""
_FOREMOST = 64
"""How many of the jobs handed out first are looked at then: those behind them may still wait for a worker."""


class CyclicCall(ReduxError):
    """Calls wait for each other's results, so none can ever run."""

    def __init__(self, stuck: Job) -> None:
        self.fullname = stuck.known.task.fullname
        super().__init__(
            f"task {self.fullname} (job {stuck.id.hex()[:8]}) waits for a call of itself with the same "
            "arguments; give the inner call other arguments, or the task cache_scope='NONE'"
        )


class Lookout:
    """Looks at the jobs of one execution."""

    def __init__(self, evaluator: Evaluator, recorder: Recorder) -> None:
        self._evaluator = evaluator
        self._recorder = recorder
        self._looked: Seconds = time.monotonic()
        self._foremost: frozenset[Job] = frozenset()

    def look(self, running: Collection[Job], in_vain: Failed | None) -> bool:
        """Nothing came for a while: note what runs, and fail a job that waits for ever; whether there was one.

        That is one in a circle, or the one that waits `in_vain`.
        """
        self._looked = time.monotonic()
        for job in running:
            self._recorder.started(job)
        if in_vain is not None and in_vain.job is not None:
            self._evaluator.fail(in_vain.job, in_vain)
            return True
        return self._break_circle(running)

    def look_if_due(self, now: Seconds, running: Collection[Job]) -> None:
        """The same where it was not looked for long, but only of jobs that ran then and still do."""
        if now - self._looked < BUSY_SECONDS:
            return
        self._looked = now
        foremost = frozenset(islice(running, _FOREMOST))
        for job in foremost & self._foremost:
            self._recorder.started(job)
        self._foremost = foremost
        self._break_circle(running)

    def _break_circle(self, running: Collection[Job]) -> bool:
        asking = any(job.known.kind is TaskKind.ASYNC for job in running)
        stuck = follower_in_circle(self._evaluator.unfinished) if asking else None
        if stuck is None:
            return False
        self._evaluator.fail(stuck, Failed(CyclicCall(stuck), stuck))
        return True
