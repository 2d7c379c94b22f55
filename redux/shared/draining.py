"""Draining: what earlier runs left in the outbox is sent, each execution for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from redux.shared.harvest import Gate, Left
from redux.shared.outbox import Outbox, Waiting
from redux.shared.sending import Sender, Sent, nobody
from redux_backends.backend import Backend
from redux_backends.records import ExecutionId, JobStatus, Seconds

_RECORDED_WITHIN: Seconds = 60.0
"""An execution is noted before it is recorded; one that was noted just now may not be there yet."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Sends by `sender` what an `outbox` has of executions in a `database`, known by its URL without a password.

    `gate` is passed whenever the `backend` is asked. `dropped` is told of an execution that is not there any more, and
    `failed` why one could not be sent: it stays, and the others go on as far as the store is in use.
    """

    sender: Sender
    outbox: Outbox
    backend: Backend
    database: str
    dropped: Callable[[Waiting], None]
    failed: Callable[[ExecutionId, Exception], None]
    gate: Gate = field(default_factory=Gate)
    tell: Callable[[Sent], None] = nobody

    def run(self, but: Collection[ExecutionId] = ()) -> None:
        """Send all that are over, `but` some. What still goes on elsewhere is left to that run."""
        for waiting in self.outbox.waiting():
            if waiting.database != self.database or waiting.execution in but:
                continue
            went_well = self.send(waiting.execution, lambda waiting=waiting: self._is_over(waiting))
            if not went_well and self.sender.is_stopped:
                return

    def send(self, execution: ExecutionId, is_over: Callable[[], bool] = lambda: True, *, whole: bool = True) -> bool:
        """Send one, unless another process is at it; `whole` ones are struck out. False where it failed."""
        try:
            with self.outbox.held(execution) as is_held:
                if is_held and is_over():
                    self.sender.send(execution, tell=self.tell)
                    if whole:
                        self.outbox.remove(execution)
        except Left:
            raise
        except Exception as error:
            self.failed(execution, error)
            return False
        return True

    def _is_over(self, waiting: Waiting) -> bool:
        with self.gate:
            known = self.backend.get_execution(waiting.execution)
        if known is None and time.time() - waiting.since > _RECORDED_WITHIN:
            self.outbox.remove(waiting.execution)
            self.dropped(waiting)
        return known is not None and known.status is not JobStatus.RUNNING
