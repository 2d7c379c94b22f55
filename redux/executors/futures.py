"""Any `concurrent.futures.Executor` as a place for jobs: a process pool, a Dask client's, or one of the user's own."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial

from redux.executors.code_package import CodePackage
from redux.executors.exchange import Exchange
from redux.executors.executor import ExecutorError, JobSpec, MakePool, Outcome, Site, TimedOut
from redux.executors.orders import pack_hello, pack_order, read_answer
from redux.executors.remote import CODE_WANTED, work
from redux_valuestore.errors import ReduxError


class PoolFailed(ExecutorError):
    """The user's executor `name` failed to run a job of the task `fullname`, or to take it, with this `error`."""

    def __init__(self, name: str, fullname: str, error: BaseException) -> None:
        self.fullname = fullname
        super().__init__(
            f"executor {name} did not run task {fullname}: {type(error).__name__}: {error}; "
            "see its own logs, or run the task with executor='threads'"
        )


@dataclass(slots=True)
class _Sent:
    """A job that the pool has; `since` is when it was first seen running."""

    key: object
    spec: JobSpec
    folder: str | None
    order: bytes
    since: float | None = None


class FuturesExecutor:
    """Hands jobs to an executor of the user's, and shuts it down with the run.

    `make` makes that executor, `name` is what tasks call it, `site` says where values and outcomes go.
    `code` is what of the project its workers are sent; without it they see the project themselves. The workers import
    the workflow by themselves, fetch large values from the store and put large results there.
    """

    def __init__(self, name: str, site: Site, make: MakePool, code: CodePackage | None = None) -> None:
        self.name = name
        self._site = site
        self._pool = make()
        self._exchange = Exchange(site.repo) if code is None else Exchange.seen_by_workers(site.repo, None)
        self._hello = pack_hello(site, None if code is None else code.letter())
        self._code = None if code is None else code.data
        self._code_sent = False
        self._sent: dict[Future[bytes], _Sent] = {}
        self._unheard: list[Future[bytes]] = []
        self._changing = threading.Lock()

    def submit(self, key: object, spec: JobSpec) -> None:
        """Hand the job `spec` to the pool; whatever goes wrong with it is the outcome under its `key`."""
        try:
            order, parcel = pack_order(spec, self._exchange)
        except Exception as error:  # a user's own encoder
            self._failed(key, spec, error)
            return
        # The first job brings the code; what a later one meets without it sends that one back.
        with_code, self._code_sent = not self._code_sent, True
        self._hand(_Sent(key, spec, parcel.folder, order), with_code)

    def _hand(self, sent: _Sent, with_code: bool) -> None:
        code = self._code if with_code else None
        try:
            future = self._pool.submit(work, os.getpid(), self._hello, sent.order, code)
        except Exception as error:  # a pool that is shut or broken raises what it likes
            self._failed(sent.key, sent.spec, error)
            return
        with self._changing:
            self._sent[future] = sent
        future.add_done_callback(self._came)

    def _failed(self, key: object, spec: JobSpec, error: Exception) -> None:
        now = time.time()
        failed = error if isinstance(error, ReduxError) else PoolFailed(self.name, spec.fullname, error)
        self._site.done(key, Outcome(now, now, error=failed))

    def cancel_waiting(self) -> list[object]:
        """Take back what the pool has not begun."""
        with self._changing:
            waiting = [future for future in self._sent if not future.done()]
        taken: list[object] = []
        for future in waiting:
            sent = self._sent.get(future)
            if sent is not None and future.cancel():
                taken.append(sent.key)
        return taken

    def give_up_overdue(self) -> None:
        """Report the jobs that were seen running for longer than they may be; what still comes of them is dropped."""
        with self._changing:
            timed = [(future, sent) for future, sent in self._sent.items() if sent.spec.timeout is not None]
        now = time.monotonic()
        for future, sent in timed:
            limit = sent.spec.timeout
            if sent.since is None and future.running():
                sent.since = now
            if limit is None or sent.since is None or now - sent.since < limit or self._take(future) is None:
                continue
            self._unheard.append(future)
            ended = time.time()
            self._site.done(sent.key, Outcome(ended - limit, ended, error=TimedOut(sent.spec.fullname, limit, True)))

    def close(self) -> None:
        """Shut the pool down; jobs that were given up are not waited for."""
        wait = not self._sent and all(future.done() for future in self._unheard)
        try:
            self._pool.shutdown(wait=wait, cancel_futures=True)
        finally:
            self._exchange.close()

    def _take(self, future: Future[bytes]) -> _Sent | None:
        with self._changing:
            return self._sent.pop(future, None)

    def _came(self, future: Future[bytes]) -> None:
        sent = self._take(future)
        if sent is None or future.cancelled():
            return
        began = time.time()
        read = partial(read_answer, exchange=self._exchange, folder=sent.folder)
        try:
            packed = future.result()
            if packed == CODE_WANTED:
                self._hand(sent, with_code=True)
                return
            outcome = read(packed)
        except CancelledError:
            return
        except ReduxError as error:
            outcome = Outcome(began, time.time(), error=error)
        except BaseException as error:  # a broken pool raises what it likes
            outcome = Outcome(began, time.time(), error=PoolFailed(self.name, sent.spec.fullname, error))
        self._site.done(sent.key, outcome)
