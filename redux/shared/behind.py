"""Write-behind: a thread that sends what runs made while they go on, and what earlier ones left in the outbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Condition, Thread

from redux.repo import Repo
from redux.shared.draining import Drain
from redux.shared.harvest import Gate, Left
from redux.shared.notices import TROUBLE, UNWRITABLE, Notices
from redux.shared.outbox import Outbox, Waiting
from redux.shared.sending import Sender, Sent
from redux_backends.records import ExecutionId, Seconds
from redux_backends.urls import without_password
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import StoreError, StoreRefuses

EVERY: Seconds = 60.0
"""So often what a long run made is sent while it goes on."""
_LOOKS: Seconds = 0.1
"""So often who waits looks how far it is."""

Tell = Callable[[Sent], None]


class Behind:
    """Sends beside the run. Safe from any thread; nothing here raises: what is not sent stays in the outbox.

    `gate` is the sender's. `database` is the URL of the repository's, by which others know theirs in the outbox.
    """

    def __init__(
        self,
        sender: Sender,
        repo: Repo,
        outbox: Outbox,
        notices: Notices,
        gate: Gate,
        database: str,
        every: Seconds = EVERY,
    ) -> None:
        self._sender = sender
        self._outbox = outbox
        self._notices = notices
        self._gate = gate
        self._database = without_password(database)
        self._every = every
        self._drain = Drain(sender, outbox, repo.backend, self._database, self._tell_dropped, self._tell_failed, gate)
        self._own: dict[ExecutionId, bool] = {}
        self._change = Condition()
        self._is_changed = False
        self._closing = False
        self._thread: Thread | None = None

    def begin(self, execution: ExecutionId) -> None:
        """An execution began, of which there may be something to send."""
        try:
            self._outbox.add(execution, self._database)
        except OSError as error:
            why = f"{self._outbox.folder} cannot be written: {error.strerror or error}; see to its rights"
            self._notices.tell("outbox", f"nothing of this run is sent to the shared cache: {why}")
            return
        with self._change:
            self._own[execution] = False
            if self._thread is None or not self._thread.is_alive():  # a store in trouble ended it; it may be well again
                self._thread = Thread(target=self._work, name="redux-shared-send", daemon=True)
                self._thread.start()

    def end(self, execution: ExecutionId) -> None:
        """An execution ended, and all of it is recorded."""
        with self._change:
            if execution in self._own:
                self._own[execution] = True
                self._notify()

    def wait(self, most: Seconds, tell: Tell) -> bool:
        """Wait until all is sent, at most so long or until somebody interrupts; whether it is."""
        with self._change:
            self._closing = True
            self._notify()
        if self._thread is None:
            return True
        end = time.monotonic() + most
        try:
            while self._thread.is_alive() and (left := end - time.monotonic()) > 0:
                self._thread.join(min(left, _LOOKS))
                tell(self._sender.sent)
        except KeyboardInterrupt:
            return False
        return not self._thread.is_alive() and not self.left

    def close(self) -> None:
        """Let go: the database is not asked any more."""
        with self._change:
            self._closing = True
            self._notify()
        self._gate.shut()

    @property
    def sent(self) -> Sent:
        """What was sent so far."""
        return self._sender.sent

    @property
    def left(self) -> Sequence[Waiting]:
        """What the outbox still has of executions of this process."""
        return [each for each in self._outbox.waiting() if each.execution in self._own]

    # -- the thread --------------------------------------------------------------------------------

    def _notify(self) -> None:
        self._is_changed = True
        self._change.notify_all()

    def _work(self) -> None:
        try:
            closing = False
            while not closing:
                with self._change:
                    on_time = not self._change.wait_for(lambda: self._is_changed, self._every)
                    self._is_changed = False
                    closing = self._closing
                if self._send_own(on_time or closing) and (on_time or closing):
                    self._drain.run(self._own)
        except Left:
            return
        except Exception as error:
            self._notices.trouble(f"what this run made is not in the shared cache yet: {error!r}")

    def _send_own(self, everything: bool) -> bool:
        """Send what this process's executions made: of those that ended, and now and then of those that go on.

        Whether more can be sent.
        """
        for execution, ended in list(self._own.items()):
            if not ended and not everything:
                continue
            if not self._drain.send(execution, whole=ended):
                if self._sender.is_stopped:
                    return False
            elif ended:  # sent, or another process is at it
                with self._change:
                    del self._own[execution]
        return True

    def _tell_failed(self, execution: ExecutionId, error: Exception) -> None:
        whose = "this run" if execution in self._own else f"an earlier run (execution {execution.hex()[:8]})"
        why = str(error) if isinstance(error, ReduxError) else repr(error)
        words = f"what {whose} made is not in the shared cache yet: {why}"
        if isinstance(error, StoreRefuses):
            self._notices.tell(UNWRITABLE, words, TROUBLE)
        elif isinstance(error, StoreError):
            self._notices.trouble(words)
        else:
            self._notices.tell("failed", words)

    def _tell_dropped(self, waiting: Waiting) -> None:
        self._notices.tell("gone", waiting.dropped_words)
