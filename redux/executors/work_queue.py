"""Jobs in order, and the threads that take them: what every executor of this machine stands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import Protocol

from redux.executors.executor import Done, ExecutorError, JobSpec, Outcome, TimedOut


class Bench(Protocol):
    """What one thread works at, from its first job to its last."""

    def run(self, spec: JobSpec, /) -> Outcome:
        """Run one job."""
        ...

    def interrupt(self) -> bool:
        """Make the job that runs end, if that can be done from outside: whether it can. Called by another thread."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class _Timed:
    """A job that may take only so long, on a thread."""

    key: object
    spec: JobSpec
    began: float
    bench: Bench


class CannotStartThread(ExecutorError):
    """The system gives no thread for a job to run in."""

    def __init__(self, fullname: str, why: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"no thread can be started for task {fullname} ({why}); "
            "end other programs, or raise the limit of processes (`ulimit -u`) or of memory"
        )


class WorkQueue:
    """A fixed number of threads that take jobs in order, each started when there is a job for it.

    Simpler queues than `concurrent.futures` has, because a cheap job would pay more for its future than for itself.
    """

    def __init__(self, done: Done, limit: int, bench: Callable[[], Bench]) -> None:
        self._done = done
        self._limit = limit
        self._bench = bench
        self._orders: SimpleQueue[tuple[object, JobSpec] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._timed: dict[Thread, _Timed] = {}
        # Whoever takes a job out of it, the thread at its end or `give_up_overdue`, says how it came out.

    @property
    def workers(self) -> int:
        """How many jobs run at once."""
        return self._limit

    def submit(self, key: object, spec: JobSpec) -> None:
        """Take a job; a thread is started for it while there are fewer than the limit."""
        self._orders.put((key, spec))
        if len(self._threads) < self._limit:
            self._start(spec)

    def cancel_waiting(self) -> list[object]:
        """Give back the keys of jobs that no thread has taken."""
        keys: list[object] = []
        while True:
            try:
                order = self._orders.get_nowait()
            except Empty:
                return keys
            if order is not None:
                keys.append(order[0])

    def give_up_overdue(self) -> None:
        """Report the jobs that took longer than they may; another thread takes the place of one that is stuck."""
        for thread, timed in list(self._timed.items()):
            limit = timed.spec.timeout
            if limit is None or time.monotonic() - timed.began < limit or self._timed.pop(thread, None) is None:
                continue
            if thread in self._threads:
                self._threads.remove(thread)
            goes_on = not timed.bench.interrupt()
            now = time.time()
            self._done(timed.key, Outcome(now - limit, now, error=TimedOut(timed.spec.fullname, limit, goes_on)))
            if not self._orders.empty():
                self._start(timed.spec)

    def close(self) -> None:
        """Let every thread finish its job and end."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self, spec: JobSpec) -> None:
        thread = Thread(target=self._work, name=f"redux-{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if self._threads:
                self._limit = len(self._threads)  # those there are will do
                return
            for key in self.cancel_waiting():
                now = time.time()
                self._done(key, Outcome(now, now, error=CannotStartThread(spec.fullname, str(error))))
            return
        self._threads.append(thread)

    def _work(self) -> None:
        bench = self._bench()
        try:
            while (order := self._orders.get()) is not None:
                key, spec = order
                if spec.timeout is None:
                    self._done(key, _run_guarded(bench.run, spec))
                elif not self._run_timed(bench, key, spec):
                    return
                del order, key, spec
        finally:
            bench.close()

    def _run_timed(self, bench: Bench, key: object, spec: JobSpec) -> bool:
        """Whether the job ended before it was given up."""
        thread = current_thread()
        self._timed[thread] = _Timed(key, spec, time.monotonic(), bench)
        outcome = _run_guarded(bench.run, spec)
        if self._timed.pop(thread, None) is None:
            return False
        self._done(key, outcome)
        return True


def _run_guarded(run: Callable[[JobSpec], Outcome], spec: JobSpec) -> Outcome:
    """A job's outcome, whatever happens: a thread that died without a word would leave the run waiting for ever."""
    began = time.time()
    try:
        return run(spec)
    except BaseException as error:
        return Outcome(began, time.time(), error=error)
