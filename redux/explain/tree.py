"""The jobs of an execution that bear on its misses, as plain data: recorded ones, or those that a plan predicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redux_backends.backend import AskedJob
from redux_backends.records import FileFact, JobId, Outcome, TaskRecord
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class JobTree:
    """Jobs in the order in which they started: all that ran for a reason, and those that called them.

    Others, which were known, may be among them. A result that is None is not known yet, and is another than before.
    `files` are those that the arguments hold, by the value's hash.
    """

    jobs: Sequence[AskedJob]
    files: Mapping[Digest, Sequence[FileFact]] = field(default_factory=dict[Digest, Sequence[FileFact]])

    def below(self) -> Mapping[JobId | None, Sequence[AskedJob]]:
        """The jobs by the one that called them; those of a caller that is not here are below None."""
        known = {job.id for job in self.jobs}
        found: defaultdict[JobId | None, list[AskedJob]] = defaultdict(list)
        for job in self.jobs:
            found[job.parent if job.parent in known else None].append(job)
        return found

    def by_call(self) -> Mapping[Digest, AskedJob]:
        """The job that stands for each call: one that ran, if any did."""
        found: dict[Digest, AskedJob] = {}
        for job in self.jobs:
            if job.call_hash is not None and (job.call_hash not in found or ran(job)):
                found[job.call_hash] = job
        return found


@dataclass(frozen=True, slots=True)
class Nearest:
    """The earlier job that one is compared with: how many arguments are `equal`, `of` how many there are.

    `same_place` says that their callers were compared, too.
    """

    job: AskedJob
    equal: int
    of: int
    same_place: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All that root causes are found from: the jobs of `now`, what each is compared with, and the code of tasks.

    `files` are those of arguments, of now and before. `contexts` are those of the execution before and of this one.
    """

    now: JobTree
    nearest: Mapping[JobId, Nearest]
    tasks: Mapping[Digest, TaskRecord]
    files: Mapping[Digest, Sequence[FileFact]]
    contexts: tuple[Digest | None, Digest | None] = (None, None)


def ran(job: AskedJob) -> bool:
    """Whether a job ran, or is to run, for a reason that is known."""
    return job.outcome is Outcome.RAN and job.reason is not None
