"""Where an execution takes place: what the run loop is given besides the code and the storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from redux.scheduler.jobs import Failed, Job
from redux.tasks.options import NO_OPTIONS
from redux_backends.records import Reason, Seconds

if TYPE_CHECKING:
    from redux.scheduler.evaluate import Evaluator
    from redux.scheduler.inputs import Inputs
    from redux.scheduler.recorder import Recorder
    from redux.scheduler.reuse import Reuse


class Dispatching(Protocol):
    """What becomes of jobs that are to run."""

    @property
    def running(self) -> Collection[Job]:
        """The jobs that executors have."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing will come any more by itself."""
        ...

    @property
    def holds_back(self) -> bool:
        """Whether there are jobs that will never run, so that nothing more can come."""
        ...

    def waits_in_vain(self) -> Failed | None:
        """A job that waits for what nobody will give back, with its error; None where there is none."""
        ...

    def submit(self, job: Job, reason: Reason) -> None:
        """Have a job run."""
        ...

    def drain(self) -> bool:
        """Take in all that came; whether anything did."""
        ...

    def wait(self, patience: Seconds) -> bool:
        """Wait that long for something to come; whether something did."""
        ...

    def wake(self) -> None:
        """Make whoever waits look up. Safe from a signal handler."""
        ...

    def close(self, stopped: bool) -> list[Job]:
        """Let running jobs finish and start no other; the jobs that had not begun.

        Where the run was `stopped`, those that are schedulers are told so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an execution takes place: what becomes of jobs that are to run, what is recorded, what the context is."""

    recorder: Recorder
    dispatch: Callable[[Evaluator, Reuse], Dispatching]
    context: Mapping[str, object]
    exported: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """options that all jobs inherit"""
    inputs: Inputs | None = None
    """the data of its cells, where they are not just what is recorded"""
    evaluator: type[Evaluator] | None = None
    """what moves its cells, where it is not the usual one"""
