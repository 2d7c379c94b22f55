"""Without a network: nothing is asked of the shared cache, and what runs make waits in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from redux.shared.harvest import anything_ran
from redux.shared.outbox import Outbox
from redux_backends.backend import Backend
from redux_backends.records import ExecutionId
from redux_backends.urls import without_password
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import StoreUnavailable
from redux_valuestore.urls import without_login_and_query


class Offline:
    """A `repo.Shared` that has nothing, and notes in the outbox what is to be sent another time."""

    def __init__(self, outbox: Outbox, backend: Backend, database: str) -> None:
        self._outbox = outbox
        self._backend = backend
        self._database = without_password(database)

    def bring(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        """Nothing is found."""
        return frozenset()

    def refused(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Nothing is there to be left out."""
        return frozenset()

    def choose_sample(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Nothing is made again."""
        return frozenset()

    def begin(self, execution: ExecutionId) -> None:
        """Note an execution, for whatever becomes of this process."""
        with suppress(OSError):  # `redux cache push EXECUTION` sends it all the same
            self._outbox.add(execution, self._database)

    def end(self, execution: ExecutionId) -> None:
        """Strike an execution out in which nothing ran."""
        with suppress(ReduxError):
            if not anything_ran(self._backend, execution):
                self._outbox.remove(execution)

    def wait(self, tell: Callable[[str], None]) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Nothing is open."""


class UnaskedValues:
    """The large values of a shared cache at `url` that settings keep from being asked: each may well be there."""

    def __init__(self, url: str) -> None:
        self._where = without_login_and_query(url)

    def get(self, digest: Digest) -> memoryview:
        """Raises `StoreUnavailable`."""
        raise self._unasked()

    def has(self, digest: Digest) -> bool:
        """Raises `StoreUnavailable`."""
        raise self._unasked()

    def size(self, digest: Digest) -> int:
        """Raises `StoreUnavailable`."""
        raise self._unasked()

    def _unasked(self) -> StoreUnavailable:
        return StoreUnavailable(f"nothing is asked of the shared cache {self._where}: settings say so", self._where)
