"""Processes of this machine: for tasks that compute in Python and would wait for each other in threads.

A worker is a fresh interpreter that imports the workflow by itself, is reused for many jobs, and refuses a job whose
code it would hash differently. Values cross by their own encoding; large ones as files of a store that both see.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import cast

from redux.executors.executor import JobSpec, Outcome, Site
from redux.executors.frames import Disconnected, receive, send
from redux.repo import Repo
from redux.value import Encoded, decode, encode, pickle_is_allowed
from redux_backends.records import FileFact, TaskFact, Traits, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.errors import ReduxError
from redux_valuestore.local import LocalStore
from redux_valuestore.store import StoreError


class WorkerDied(ReduxError):
    """A worker process ended while it ran a job."""

    def __init__(self, fullname: str, status: int | None) -> None:
        self.fullname = fullname
        if status is not None and status < 0:
            how = f"by signal {signal.Signals(-status).name}"
        else:
            how = f"with status {status}"
        super().__init__(
            f"the process that ran task {fullname} ended {how}; "
            "it may have run out of memory, or crashed in native code"
        )


class NoModule(ReduxError):
    """A task lives where another process cannot import it."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} was defined interactively, so a worker process cannot import it; "
            "put it into a module, or run it with executor='threads'"
        )


class ForeignError(Exception):
    """An error raised in a worker process, of a type that cannot be rebuilt here."""


class ProcessExecutor:
    """A fixed number of worker processes that take jobs in order, each started when there is a job for it."""

    name = "processes"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._limit = site.workers or os.cpu_count() or 1
        self._orders: SimpleQueue[tuple[object, JobSpec] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._exchange = _Exchange(site.repo)

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job; a worker is started for it while there are fewer than the limit."""
        self._orders.put((key, spec))
        if len(self._threads) < self._limit:
            thread = Thread(target=self._serve, name=f"redux-worker-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs that no worker has taken."""
        keys: list[object] = []
        while True:
            try:
                order = self._orders.get_nowait()
            except Empty:
                return keys
            if order is not None:
                keys.append(order[0])

    def close(self) -> None:
        """Let every worker finish its job and end."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._exchange.close()

    def _serve(self) -> None:
        worker: Worker | None = None
        while (order := self._orders.get()) is not None:
            key, spec = order
            began = time.time()
            try:
                worker = worker or Worker(self._site, self._exchange.store.root)
                outcome = worker.run(spec, self._exchange)
            except WorkerDied as error:
                worker = None
                outcome = Outcome(began, time.time(), error=error)
            except Exception as error:  # whatever goes wrong on the way is this job's outcome
                outcome = Outcome(began, time.time(), error=error)
            self._site.done(key, outcome)
            del order, key, spec, outcome
        if worker is not None:
            worker.end()


class _Exchange:
    """Where large values lie for a worker and the run both to see: the repository's own folder, or a passing one."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._passing: str | None = None
        if isinstance(repo.store, LocalStore):
            self.store = repo.store
        else:
            self._passing = tempfile.mkdtemp(prefix="redux-exchange-")
            self.store = LocalStore(self._passing)

    def hand_over(self, value: object) -> bytes:
        """The bytes of a value, its large parts put where the other side finds them."""
        encoded = encode(value)
        self._put_parts(encoded)
        return b"".join(encoded.chunks)

    def _put_parts(self, encoded: Encoded) -> None:
        for part in encoded.subvalues:
            self._put_parts(part)
            self.store.put(part.hash, part.chunks)

    def adopt(self, records: tuple[ValueRecord, ...]) -> None:
        """Bring values that a worker stored here into the repository."""
        if self.store is self._repo.store:
            return
        for record in records:
            if record.data is None:
                self._repo.store.put(record.hash, (self.store.get(record.hash),))

    def close(self) -> None:
        if self._passing is not None:
            shutil.rmtree(self._passing, ignore_errors=True)


_spawning = Lock()


class Worker:
    """One worker process, spoken to by one thread."""

    def __init__(self, site: Site, exchange: str) -> None:
        self._site = site
        ours, theirs = socket.socketpair()
        with _spawning, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "redux.executors.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self._connection = ours
        hello = (sys.path, str(site.folder), exchange, site.repo.inline_limit, pickle_is_allowed())
        self._say(hello, "")

    def run(self, spec: JobSpec, exchange: _Exchange) -> Outcome:
        """Run one job. Raises WorkerDied, NoModule, CannotEncode."""
        module, path = _origin(spec)
        call = exchange.hand_over((spec.args, spec.kwargs))
        self._say((spec.fullname, spec.task_hash, module, path, call), spec.fullname)
        try:
            reply = receive(self._connection)
        except Disconnected:
            raise self._death(spec.fullname) from None
        kind, started, ended, *rest = cast("tuple[str, float, float, object]", reply)
        if kind == "error":
            return Outcome(started, ended, error=_rebuild_error(cast("tuple[bytes, str, str]", rest[0])))
        if kind == "unstored":
            return _unstored(started, ended, *cast("tuple[tuple[bytes, ...], str]", tuple(rest)))
        records = tuple(_record(fields) for fields in cast("tuple[tuple[object, ...], ...]", rest[0]))
        exchange.adopt(records)
        return _outcome(self._site.repo, exchange, started, ended, records)

    def end(self) -> None:
        """Let the process go, and wait for its end."""
        self._connection.close()
        self._process.wait()

    def _say(self, message: object, fullname: str) -> None:
        try:
            send(self._connection, message)
        except Disconnected:
            raise self._death(fullname) from None

    def _death(self, fullname: str) -> WorkerDied:
        self._connection.close()
        return WorkerDied(fullname, self._process.wait())


def _origin(spec: JobSpec) -> tuple[str, str]:
    name = spec.func.__module__
    path = getattr(sys.modules.get(name), "__file__", None)
    if path is None:
        raise NoModule(spec.fullname)
    return name, os.path.abspath(path)


def _record(fields: tuple[object, ...]) -> ValueRecord:
    digest, type_name, size, data, preview, traits, files, subvalues, tasks = fields
    return ValueRecord(
        Digest(cast(bytes, digest)),
        cast(str, type_name),
        cast(int, size),
        cast("bytes | None", data),
        cast(str, preview),
        Traits(cast(int, traits)),
        tuple(FileFact(*fact) for fact in cast("tuple[tuple[str, Digest | None], ...]", files)),
        cast("tuple[Digest, ...]", subvalues),
        tuple(TaskFact(*fact) for fact in cast("tuple[tuple[str, Digest], ...]", tasks)),
    )


def _outcome(
    repo: Repo, exchange: _Exchange, started: float, ended: float, records: tuple[ValueRecord, ...]
) -> Outcome:
    root = records[-1]
    encoded = Encoded(root.hash, (), root.size, root.type_name, root.traits, root.files, root.tasks)
    if not root.traits & Traits.EXPRESSIONS:
        return Outcome(started, ended, absent=True, encoded=encoded, records=records)
    inline = {record.hash: record.data for record in records if record.data is not None}

    def fetch(digest: Digest) -> memoryview:
        data = inline.get(digest)
        return memoryview(data) if data is not None else exchange.store.get(digest)

    return Outcome(started, ended, decode(fetch(root.hash), fetch), encoded=encoded, records=records)


def _unstored(started: float, ended: float, parts: tuple[bytes, ...], trouble: str) -> Outcome:
    """A good value whose large bytes found no room in the store, so that they came through the socket."""
    by_digest = {digest_bytes(part): memoryview(part) for part in parts}
    value = decode(memoryview(parts[-1]), by_digest.__getitem__)
    return Outcome(started, ended, value, encoded=encode(value), trouble=StoreError(trouble))


def _rebuild_error(parts: tuple[bytes, str, str]) -> BaseException:
    data, shown, traceback_text = parts
    error: BaseException = ForeignError(shown)
    if data:
        try:
            given = decode(data, _nothing_elsewhere)
        except ReduxError:
            given = None
        if isinstance(given, BaseException):
            error = given
    error.__redux_traceback__ = traceback_text  # pyright: ignore[reportAttributeAccessIssue]
    return error


def _nothing_elsewhere(digest: Digest) -> memoryview:
    raise ReduxError(f"an error refers to a value elsewhere: {digest.hex()}")
