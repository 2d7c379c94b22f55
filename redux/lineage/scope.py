"""Which calls and jobs a lineage is made of, and who called them; a whole execution's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redux.lineage.reading import Reader
from redux_backends.exchange import CallRecord
from redux_backends.records import Argument, ExecutionId, Job, JobId, Outcome
from redux_valuestore.digest import DIGEST_SIZE, Digest

StepKey = bytes
"""What names a step: the hash of its call, or the id of a job that came to none."""


@dataclass(slots=True)
class Scope:
    """The steps so far by what names them, each with its job, if one stands for it; and the callers of each.

    What the steps were given and gave is in `reader`.
    """

    reader: Reader
    steps: dict[StepKey, Job | None] = field(default_factory=dict)
    callers: defaultdict[StepKey, set[StepKey]] = field(default_factory=lambda: defaultdict(set))

    def call(self, key: StepKey) -> CallRecord | None:
        """The finished call of a step; None for a job that came to none."""
        return self.reader.calls.get(Digest(key))

    def arguments(self, key: StepKey) -> Sequence[Argument]:
        """What a step was given; nothing where its arguments never came."""
        record = self.call(key)
        job = self.steps.get(key)
        eval_hash = record.call.eval_hash if record is not None else job.eval_hash if job is not None else None
        asked = self.reader.keys.get(eval_hash) if eval_hash is not None else None
        return asked.arguments if asked is not None else ()

    def children(self, key: StepKey) -> Iterable[StepKey]:
        """The steps here that a step called."""
        record = self.call(key)
        return [child for child in record.call.children if child in self.steps] if record is not None else ()

    def add_children(self) -> None:
        """Note for each step that its calls have it as their caller."""
        for key in self.steps:
            for child in self.children(key):
                self.callers[child].add(key)


def key_of(job: Job) -> StepKey:
    """The step that a job is, or is an attempt at."""
    return job.id if job.call_hash is None else job.call_hash


def calls_among(keys: Iterable[StepKey]) -> set[Digest]:
    """Those of some steps that are finished calls."""
    return {Digest(key) for key in keys if len(key) == DIGEST_SIZE}


def jobs_among(keys: Iterable[StepKey]) -> set[JobId]:
    """Those of some steps that are jobs which came to no call."""
    return {JobId(key) for key in keys if len(key) != DIGEST_SIZE}


def execution_scope(reader: Reader, execution: ExecutionId) -> Scope:
    """All jobs of an execution, and the calls below those that it took whole from earlier ones."""
    jobs = reader.read_jobs_of(execution)
    reader.read_calls(job.call_hash for job in jobs if job.call_hash is not None)
    reader.read_keys(job.eval_hash for job in jobs if job.eval_hash is not None and job.call_hash is None)
    scope = Scope(reader)
    for job in jobs:
        standing = scope.steps.get(key_of(job))
        if standing is None or (standing.outcome is not Outcome.RAN and job.outcome is Outcome.RAN):
            scope.steps[key_of(job)] = job
    for job in jobs:
        caller = reader.jobs.get(job.parent) if job.parent is not None else None
        if caller is not None:
            scope.callers[key_of(job)].add(key_of(caller))
    fresh = _below(scope, list(scope.steps))
    while fresh:
        reader.read_calls(fresh)
        known = [call for call in fresh if call in reader.calls]
        scope.steps |= dict.fromkeys(known)
        fresh = _below(scope, known)
    scope.add_children()
    return scope


def joined(scopes: Sequence[Scope]) -> Scope:
    """The steps of several scopes over one reader as one."""
    found = Scope(scopes[0].reader)
    for scope in scopes:
        found.steps |= {key: job for key, job in scope.steps.items() if key not in found.steps}
        for key, callers in scope.callers.items():
            found.callers[key] |= callers
    found.add_children()
    return found


def _below(scope: Scope, keys: Iterable[StepKey]) -> list[Digest]:
    """The calls that steps made and that are no steps yet, each once."""
    records = [record for key in keys if (record := scope.call(key)) is not None]
    children = (child for record in records for child in record.call.children)
    return [child for child in dict.fromkeys(children) if child not in scope.steps]


def add_steps(scope: Scope, calls: Iterable[Digest], jobs: Iterable[JobId] = ()) -> None:
    """Read calls and jobs and add them as steps, with the jobs that stand for the calls and who called them."""
    reader = scope.reader
    calls, jobs = list(calls), list(jobs)
    reader.read_calls(calls)
    reader.read_behind(calls)
    reader.read_jobs(jobs)
    reader.read_parents(jobs)
    standing = {call: reader.jobs.get(reader.behind[call]) if call in reader.behind else None for call in calls}
    added: dict[StepKey, Job | None] = {call: job for call, job in standing.items() if call in reader.calls}
    added |= {job: reader.jobs[job] for job in jobs if job in reader.jobs}
    reader.read_keys(job.eval_hash for job in added.values() if job is not None and job.eval_hash is not None)
    for key, job in added.items():
        scope.steps.setdefault(key, job)
        record = scope.call(key)
        for child in record.call.children if record is not None else ():
            scope.callers[child].add(key)
    for key, job in added.items():
        caller = reader.jobs.get(job.parent) if job is not None and job.parent is not None else None
        # Where a caller was met on the way, that is the one; the job that ran a call may have been another's, long ago.
        if caller is not None and not scope.callers.get(key):
            scope.callers[key].add(key_of(caller))
