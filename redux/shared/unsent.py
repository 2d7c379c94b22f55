"""Nothing is sent to the shared cache: why, told once there would have been something to send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from redux.repo import Repo
from redux.shared.harvest import anything_ran
from redux.shared.notices import Notices
from redux.shared.outbox import Waiting
from redux.shared.sending import Sent
from redux_backends.records import ExecutionId, Seconds
from redux_valuestore.errors import ReduxError

NO_KEY = (
    "what this run made is not sent to the shared cache, for you have no key to sign it with; `redux trust keygen` "
    "makes one"
)


def bad_key(trouble: ReduxError) -> str:
    """What is told where there is a key to sign with that cannot be used."""
    return f"what this run made is not sent to the shared cache, for it cannot be signed: {trouble}"


class Unsent:
    """Stands where `Behind` would, and tells `why` nothing is sent."""

    def __init__(self, repo: Repo, notices: Notices, why: str) -> None:
        self._backend = repo.backend
        self._notices = notices
        self._why = why
        self.left: Sequence[Waiting] = ()

    def begin(self, execution: ExecutionId) -> None:
        """Nothing is noted."""

    def end(self, execution: ExecutionId) -> None:
        """Tell why what an execution ran is not sent, if it ran anything."""
        with suppress(ReduxError):  # of which the run itself tells
            if anything_ran(self._backend, execution):
                self._notices.tell("unsent", self._why)

    def wait(self, most: Seconds, tell: Callable[[Sent], None]) -> bool:
        """There is nothing to wait for."""
        return True

    def close(self) -> None:
        """Nothing is open."""
