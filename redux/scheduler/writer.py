"""The writer: puts groups into the database beside the run loop, in order, one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from queue import SimpleQueue
from threading import Event, Lock, Semaphore, Thread

from redux_backends.backend import BackendError
from redux_backends.records import Batch
from redux_valuestore.errors import ReduxError

GROUPS_AHEAD = 2
"""How many groups may wait: a database slower than the run holds the run back, not the memory."""


class Writer:
    """Writes groups in a thread of its own. After the first trouble it writes nothing more."""

    def __init__(self, write: Callable[[Batch], None], on_trouble: Callable[[ReduxError], None]) -> None:
        self._write = write
        self._on_trouble = on_trouble
        self._groups: SimpleQueue[tuple[Batch, Callable[[], object] | None] | None] = SimpleQueue()
        self._room = Semaphore(GROUPS_AHEAD)
        self._thread: Thread | None = None
        self._trouble: ReduxError | None = None
        self._writing = Lock()

    def end(self, why: ReduxError) -> None:
        """Write nothing more from when this returns. Safe from any thread."""
        with self._writing:
            self._trouble = self._trouble or why

    def put(self, group: Batch, then: Callable[[], object] | None = None) -> None:
        """Have a group written soon, after those before it, and `then` be called by the thread that wrote it."""
        self._put(group, then)

    def write_through(self, group: Batch) -> None:
        """Have a group written after those before it, and return when it is. Raises the first trouble there was."""
        written = Event()
        self._put(group, written.set)
        written.wait()
        if self._trouble is not None:
            raise self._trouble

    def _put(self, group: Batch, then: Callable[[], object] | None) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._work, name="redux-writer", daemon=True)
            self._thread.start()
        self._room.acquire()
        self._groups.put((group, then))

    def finish(self, group: Batch) -> None:
        """Write a last group, and return when all is written."""
        if self._thread is None:
            self._attempt(group)
        else:
            self._groups.put((group, None))
            self._groups.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (waiting := self._groups.get()) is not None:
            group, then = waiting
            self._attempt(group)
            self._room.release()
            if then is not None:
                then()

    def _attempt(self, group: Batch) -> None:
        if not any(getattr(group, part.name) for part in fields(group)):
            return
        with self._writing:
            if self._trouble is not None:
                return
            try:
                self._write(group)
            except Exception as error:  # whatever it is, it must not cost the result
                self._trouble = as_trouble(error)
                self._on_trouble(self._trouble)


def as_trouble(error: Exception) -> ReduxError:
    """Why something could not be recorded, in words; what is no trouble of the storage is a fault of redux."""
    if isinstance(error, ReduxError):
        return error
    trouble = BackendError(f"{type(error).__name__}: {error}; this is a fault of redux, please report it")
    trouble.__cause__ = error
    return trouble
