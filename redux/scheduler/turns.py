"""What stands outside is changed by one execution at a time, from where that execution takes it to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redux.scheduler.evaluate import Evaluator
from redux.scheduler.jobs import Failed, Job
from redux.scheduler.recorder import Recorder
from redux_backends.records import ExecutionId, HandleVersion
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


class NotRolledBack(ReduxError):
    """A call could change what a handle stands for, and it could not be recorded that older results are invalid."""

    def __init__(self, fullname: str, error: ReduxError) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} was not run: what it may do to its handle makes older results invalid, and that could "
            f"not be recorded ({error})"
        )


class HandleBusy(ReduxError):
    """Another execution changes what a handle stands for."""

    def __init__(self, fullname: str, handle: str, owner: ExecutionId) -> None:
        self.fullname, self.handle, self.execution = fullname, handle, owner
        super().__init__(
            f"task {fullname} was not run: what {handle} stands for is being changed by another run"
            f"{f' ({owner.hex()[:8]})' if any(owner) else ''}; run it again when that one has ended"
        )


class HandleMovedOn(ReduxError):
    """What a handle stands for is not any more what an execution took it to be."""

    def __init__(self, fullname: str, handle: str) -> None:
        self.fullname, self.handle = fullname, handle
        super().__init__(
            f"task {fullname} was not run: what {handle} stands for has moved on since this run took it from the "
            "cache, for a call before this one ran again; run it again"
        )


class Turns:
    """One execution's turn at what handles stand for. Jobs that may not go on are failed."""

    def __init__(self, evaluator: Evaluator, recorder: Recorder) -> None:
        self._evaluator = evaluator
        self._recorder = recorder
        self._claimed: set[Digest] = set()

    def claim(self, jobs: Iterable[Job]) -> bool:
        """Have the lines of these jobs for this execution alone until it ends.

        True where one is new: others may have changed what was remembered until now.
        """
        before = len(self._claimed)
        for job in jobs:
            for fork in job.forks:
                # Asked each time: another process of this execution may have had it, and have ended.
                if not job.settled:
                    self._claim(job, fork.line, fork.given.name)
        return len(self._claimed) > before

    def _claim(self, job: Job, line: Digest, handle: str) -> None:
        fullname = job.known.task.fullname
        try:
            owner = self._recorder.claim(line)
        except ReduxError as error:
            self._fail(job, NotRolledBack(fullname, error))
            return
        if owner is None:
            self._claimed.add(line)
        else:
            self._fail(job, HandleBusy(fullname, handle, owner))

    def begin(self, jobs: Sequence[Job]) -> None:
        """Before jobs change what handles stand for: what came of these versions before is no longer valid."""
        waiting = [job for job in jobs if not job.settled]
        try:
            moved = self._recorder.rolled_back({digest for job in waiting for digest in _came_from(job)})
            for job in waiting:
                for fork in job.forks:
                    if not moved.isdisjoint(_calls_behind(fork.origin)) and not job.settled:
                        self._fail(job, HandleMovedOn(job.known.task.fullname, fork.given.name))
            waiting = [job for job in waiting if not job.settled]
            if waiting:
                self._recorder.roll_back(*self._evaluator.lines.rollbacks(waiting))
        except ReduxError as error:
            for job in waiting:
                self._fail(job, NotRolledBack(job.known.task.fullname, error))

    def _fail(self, job: Job, error: ReduxError) -> None:
        self._evaluator.fail(job, Failed(error, job))


def _came_from(job: Job) -> list[Digest]:
    return [digest for fork in job.forks for digest in _calls_behind(fork.origin)]


def _calls_behind(version: HandleVersion) -> tuple[Digest, ...]:
    """The versions that calls made and this one is: itself, or those that it was merged from."""
    return version.parents if len(version.parents) > 1 else (version.hash,) if version.parents else ()
