"""The sub-schedulers at work in this process, by their jobs: counted with their run, and stopped with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from redux.scheduler.report import Counts, TaskProgress, TaskStatus
from redux_backends.records import JobId


class SubScheduler(Protocol):
    """A scheduler that is a job of another one."""

    @property
    def progress(self) -> Mapping[str, TaskProgress]:
        """Counts per task."""
        ...

    @property
    def status(self) -> Mapping[str, TaskStatus]:
        """How many jobs of each task stand how."""
        ...

    def stop(self) -> None:
        """Begin nothing more."""
        ...

    def abandon(self) -> None:
        """Begin and record nothing more: nobody waits for it."""
        ...


class SubSchedulers:
    """Those of one scheduler, by the ids of their jobs in hex. Safe from any thread."""

    def __init__(self) -> None:
        self._at_work: dict[str, SubScheduler] = {}
        self._given_up: set[str] = set()
        self._raised: dict[str, BaseException] = {}

    @contextmanager
    def at_work(self, job: str, made: SubScheduler) -> Iterator[None]:
        """Inside, a sub-scheduler counts and is reached; it begins nothing where its job was given up before."""
        self._at_work[job] = made
        try:
            if job in self._given_up:
                made.abandon()
            yield
        finally:
            del self._at_work[job]

    def stop(self) -> None:
        """Stop them all."""
        for one in list(self._at_work.values()):
            one.stop()

    def abandon(self) -> None:
        """Give them all up."""
        for one in list(self._at_work.values()):
            one.abandon()

    def give_up(self, job: JobId) -> None:
        """A job was given up: if it is a sub-scheduler here, or comes to be one, that one begins nothing more."""
        self._given_up.add(job.hex())
        below = self._at_work.get(job.hex())
        if below is not None:
            below.abandon()

    def progress_with(self, own: Mapping[str, TaskProgress]) -> Mapping[str, TaskProgress]:
        """Counts per task, those of all of them added to a run's `own`."""
        at_work = list(self._at_work.values())
        if not at_work:
            return own
        together = Counts()
        for counts in (own, *(one.progress for one in at_work)):
            for name, count in dict(counts).items():
                together[name].running += count.running
                together[name].add(count.tally(name))
        return together

    def status_with(self, own: Mapping[str, TaskStatus]) -> Mapping[str, TaskStatus]:
        """How jobs stand, those of all of them added to a run's `own`."""
        together = dict[str, TaskStatus]()
        for status in (own, *(one.status for one in list(self._at_work.values()))):
            for name, count in status.items():
                together[name] = count + together.get(name, TaskStatus())
        return together

    def keep_error(self, job: str, error: BaseException) -> None:
        """Keep the very error that one of them raised."""
        self._raised[job] = error

    def take_error(self, job: str) -> BaseException | None:
        """What was kept for a job, if anything was."""
        return self._raised.pop(job, None)

    def forget_errors(self) -> None:
        """Nobody will take what was kept."""
        self._raised.clear()
