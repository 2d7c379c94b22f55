"""Processes of this machine: for tasks that compute in Python and would wait for each other in threads.

A worker is a fresh interpreter that imports the workflow by itself, is reused for many jobs, and refuses a job whose
code it would hash differently. Values cross by their own encoding; large ones as files of a store that both see.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Event, Lock
from typing import cast

from redux.executors.exchange import Exchange
from redux.executors.executor import ExecutorError, JobSpec, Outcome, Site
from redux.executors.frames import Disconnected, pack, receive, send
from redux.executors.orders import Answer, pack_hello, pack_order, take_answer
from redux.executors.work_queue import WorkQueue


class WorkerDied(ExecutorError):
    """A worker process ended while it ran a job of the task `fullname`; `status` is its exit status, where known."""

    def __init__(self, fullname: str, status: int | None) -> None:
        self.fullname = fullname
        if status is not None and status < 0:
            how = f"by signal {signal.Signals(-status).name}"
        else:
            how = f"with status {status}"
        super().__init__(
            f"the process that ran task {fullname} ended {how}; "
            "it may have run out of memory, or crashed in native code: take fewer workers, or run it with "
            "executor='threads' to see more"
        )


class CannotStartWorker(ExecutorError):
    """The system gives no process for a job of the task `fullname` to run in, for the reason in `why`."""

    def __init__(self, fullname: str, why: OSError) -> None:
        self.fullname = fullname
        super().__init__(
            f"no worker process can be started for task {fullname} ({why.strerror or why}); "
            "end other programs, raise the limits (`ulimit -u`, `ulimit -n`), or run it with executor='threads'"
        )


class ProcessExecutor(WorkQueue):
    """A fixed number of worker processes that take jobs in order, each started when there is a job for it.

    How many they are is what its `site` says, else the number of processors. `name` is what tasks call it.
    """

    def __init__(self, site: Site, name: str = "processes") -> None:
        self.name = name
        self._exchange = Exchange(site.repo)
        self._stop = Event()
        self._benches: list[_Bench] = []
        super().__init__(site.done, site.workers or os.cpu_count() or 1, lambda: self._bench_at(site))

    def _bench_at(self, site: Site) -> _Bench:
        bench = _Bench(site, self._exchange, self._stop)
        self._benches.append(bench)
        return bench

    def tell_of_stop(self) -> None:
        """Have sub-schedulers in the workers, present and to come, begin nothing more."""
        self._stop.set()
        for bench in list(self._benches):
            bench.tell_of_stop()

    def close(self) -> None:
        """Let every worker finish its job and end."""
        super().close()
        self._exchange.close()


class _Bench:
    """What one thread works at: a worker process, started for the first job and again after one that died."""

    def __init__(self, site: Site, exchange: Exchange, stop: Event) -> None:
        self._site = site
        self._exchange = exchange
        self._stop = stop
        self._worker: Worker | None = None
        self._asked: Worker | None = None

    def close(self) -> None:
        """Let the worker go."""
        if self._worker is not None:
            self._worker.end()

    def interrupt(self) -> bool:
        """Kill the worker that runs a job."""
        asked = self._asked
        if asked is not None:
            asked.kill()
        return True

    def tell_of_stop(self) -> None:
        """Tell the worker that runs a job that the run stops."""
        asked = self._asked
        if asked is not None:
            asked.tell_of_stop()

    def run(self, spec: JobSpec) -> Outcome:
        """Run one job. Raises WorkerDied, CannotStartWorker, NoModule, CannotEncode, CannotDecode."""
        order, parcel = pack_order(spec, self._exchange)
        # A worker whose answer did not come whole is not asked again: the rest of it would answer the next question.
        worker, self._worker = self._worker or Worker(self._site, spec.fullname), None
        self._asked = worker
        try:
            if self._stop.is_set():
                worker.tell_of_stop()
            answer = worker.ask(order, spec.fullname)
        except BaseException:
            worker.end()
            raise
        finally:
            self._asked = None
        self._worker = worker
        return take_answer(answer, self._exchange, parcel.folder)


class Worker:
    """One worker process for a `site`, spoken to by one thread.

    Raises CannotStartWorker where there can be none, naming the task `fullname` that it was for.
    """

    def __init__(self, site: Site, fullname: str) -> None:
        self._sending = Lock()
        try:
            self._connection, self._process = _spawn()
        except OSError as error:
            raise CannotStartWorker(fullname, error) from error
        try:
            self._say(pack_hello(site), fullname)
        except BaseException:
            self.end()
            raise

    def ask(self, order: bytes, fullname: str) -> Answer:
        """The worker's answer to an `order`, a job of the task `fullname`. Raises WorkerDied."""
        self._say(order, fullname)
        try:
            return cast(Answer, receive(self._connection))
        except Disconnected:
            raise self._death(fullname) from None

    def tell_of_stop(self) -> None:
        """Say that the run stops. Safe from any thread; a worker that is gone need not know."""
        with suppress(Disconnected), self._sending:
            send(self._connection, pack(None))

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()

    def end(self) -> None:
        """Let the process go, and wait for its end."""
        self._connection.close()
        self._process.wait()

    def _say(self, packed: bytes, fullname: str) -> None:
        try:
            with self._sending:
                send(self._connection, packed)
        except Disconnected:
            raise self._death(fullname) from None

    def _death(self, fullname: str) -> WorkerDied:
        self._connection.close()
        return WorkerDied(fullname, self._process.wait())


_OWN_PACKAGES = ("redux", "redux_backends", "redux_valuestore", "msgpack", "blake3")
_BOOT = """
import os, sys
own = [at for at, path in enumerate(sys.path) if path == os.path.dirname(os.__file__) or path.endswith("lib-dynload")]
after = max(own, default=-1) + 1
sys.path[after:after] = sys.argv[2:]
from redux.executors.worker import main
main(int(sys.argv[1]))
"""
"""A worker's first lines. Its own modules are found behind the standard library, and the user's folders not at all,
which may well hold a queue.py; they come with the run's first message."""


def _spawn() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    # Until a worker minds its signals itself, a Ctrl-C in the terminal must not meet it.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, str(theirs.fileno()), *_own_folders()],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
    return ours, process


def _own_folders() -> list[str]:
    """The folders that redux and what it needs to start were imported from, installed or not."""
    files = [sys.modules[name].__file__ for name in _OWN_PACKAGES]
    return list(dict.fromkeys(os.path.dirname(os.path.dirname(os.path.abspath(file))) for file in files if file))
