"""A dry run: what is remembered is walked, what would run is noted with its reason, and nothing is recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redux.repo import Repo
from redux.scheduler.jobs import Datum, Job
from redux.scheduler.recorder import Recorder
from redux.scheduler.report import shown_arguments
from redux_backends.backend import Backend
from redux_backends.records import Execution, ExecutionId, HandleVersion, Reason, Rollback, Seconds, ValueRecord
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class WouldRun:
    """A call that is not remembered: its task's `fullname`, its `arguments` as text, the `reason` to run it."""

    fullname: str
    arguments: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What a dry run found: `would_run` are the calls that would run first. What comes after them is not known yet.

    Where nothing would run, `value` is the result that is remembered.
    """

    would_run: tuple[WouldRun, ...]
    value: object = None


class Rehearsal:
    """Takes the place of Dispatch: jobs are noted and go nowhere."""

    def __init__(self) -> None:
        self.noted: list[WouldRun] = []

    running: Collection[Job] = ()
    idle = True

    @property
    def holds_back(self) -> bool:
        """Whether there are jobs that will never run, so that nothing more can come."""
        return bool(self.noted)

    def waits_in_vain(self) -> None:
        """Nothing runs, so nobody holds anything."""

    def submit(self, job: Job, reason: Reason) -> None:
        """Note that a job would run."""
        self.noted.append(WouldRun(job.known.task.fullname, shown_arguments(job), reason))

    def drain(self) -> bool:
        """Nothing ever comes."""
        return False

    def wait(self, patience: Seconds) -> bool:
        """Nothing ever comes."""
        return False

    def wake(self) -> None:
        """Nobody waits."""

    def close(self, stopped: bool) -> list[Job]:
        """Nothing had begun."""
        return []


class _Asked:
    """A backend that is only asked: what is gone or damaged is noted by who runs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def forget_value(self, value: Digest) -> None:
        pass

    def adopt_value(self, value: Digest) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)


def only_asked(repo: Repo) -> Repo:
    """A repository as nobody changes it who only looks; what its shared cache has comes there all the same."""
    looked_at = Repo(cast(Backend, _Asked(repo.backend)), repo.store, repo.inline_limit, repo.admission)
    looked_at.address, looked_at.shared = repo.address, repo.shared
    return looked_at


class Unrecorded(Recorder):
    """Takes the place of the recorder: everything happens as ever, and nothing is written."""

    def keep(self, datum: Datum, is_secret: bool = False) -> None:
        """Let the encoding go."""
        datum.encoded = None

    def note_values(self, records: Iterable[ValueRecord]) -> None:
        """Nothing is written."""

    def claim(self, line: Digest) -> ExecutionId | None:
        """Nothing runs, so nobody is in the way."""

    def rolled_back(self, versions: Collection[Digest]) -> frozenset[Digest]:
        """What is remembered is asked when it is looked at."""
        return frozenset()

    def roll_back(self, rollbacks: Sequence[Rollback], versions: Sequence[HandleVersion]) -> None:
        """Nothing runs, so all stays valid."""

    def record_execution(self, execution: Execution) -> None:
        """Nothing is written."""

    def begin_within(self, context: Mapping[str, object]) -> None:
        """Nothing is written."""

    def renew_lease(self) -> None:
        """Nothing is written."""

    def flush(self) -> None:
        """Let go of what was gathered."""
        self._take()

    def finish(self) -> None:
        """Let go of what was gathered."""
        self._take()
