"""A plan with what is behind it: the root causes of what would run, and how long that takes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from redux.explain import CauseGroup, Explained, look_inside_groups
from redux.explain.tree import JobTree
from redux.planning.estimate import Estimate, estimate
from redux.repo import Repo
from redux.scheduler.opening import begin
from redux.scheduler.plan import Plan, PlannedCall, Verdict
from redux_backends.backend import CONTEXT, AskedJob, Backend
from redux_backends.records import (
    ExecutionId,
    MissKind,
    Outcome,
    Reason,
    StoredValue,
    Tag,
    TaskRecord,
    Upstream,
    ValueRecord,
)
from redux_valuestore.digest import Digest, digest_struct


@dataclass(frozen=True, slots=True)
class Foresight:
    """A `plan`, the root `causes` of what would run, most time first, and an `estimate` of the time."""

    plan: Plan
    causes: tuple[CauseGroup, ...]
    estimate: Estimate


def look_into(plan: Plan, repo: Repo, workers: int) -> Foresight:
    """What is behind a plan, and how long it takes with so many workers. Raises BackendError."""
    return Foresight(plan, tuple(root_causes(plan, repo)), estimate(plan, repo.backend, workers))


def root_causes(plan: Plan, repo: Repo) -> list[CauseGroup]:
    """The root causes of the calls that would run, as those of an execution are found. Raises BackendError."""
    if not any(call.verdict is Verdict.RUNS for call in plan.calls):
        return []
    execution = replace(begin(()), started=time.time())
    files = {value: record.files for value, record in plan.values.items() if record.files}
    now = JobTree([_as_asked(call, execution.id, at) for at, call in enumerate(plan.calls)], files)
    backend = cast(Backend, _Foreseen(repo.backend, plan, execution.id))
    return look_inside_groups(backend, repo.store, Explained(backend, execution, now).groups())


def _as_asked(call: PlannedCall, execution: ExecutionId, at: int) -> AskedJob:
    runs = call.verdict is Verdict.RUNS
    reason = (call.reason or Reason(MissKind.NEW_ARGUMENTS)) if runs else None
    return AskedJob(
        id=call.id,
        execution=execution,
        parent=call.caller,
        fullname=call.fullname,
        task_hash=call.task_hash,
        eval_hash=call.eval_hash,
        call_hash=_as_call(call.id),
        result=None,
        outcome=Outcome.RAN if runs else Outcome.SINGLE,
        reason=reason,
        started=float(at),
        seconds=(call.seconds or 0.0) if runs else 0.0,
        arguments=call.arguments,
        upstreams=tuple(Upstream(name, _as_call(one)) for name, one in call.upstreams),
    )


def _as_call(job: bytes) -> Digest:
    """What stands for the call that a job will come to."""
    return digest_struct("planned", job)


class _Foreseen:
    """A backend to which the code and the values of a plan are known, as if it had been recorded."""

    def __init__(self, backend: Backend, plan: Plan, execution: ExecutionId) -> None:
        self._backend = backend
        self._plan = plan
        self._execution = execution

    def get_tasks(self, tasks: Sequence[Digest]) -> Mapping[Digest, TaskRecord]:
        known = {task: self._plan.code[task] for task in tasks if task in self._plan.code}
        return {**self._backend.get_tasks([task for task in tasks if task not in known]), **known}

    def describe_values(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        known = {value: self._plan.values[value] for value in values if value in self._plan.values}
        return {**self._backend.describe_values([value for value in values if value not in known]), **known}

    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        known = {value: self._plan.stored[value] for value in values if value in self._plan.stored}
        return {**self._backend.get_values([value for value in values if value not in known]), **known}

    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        found = dict(self._backend.get_tags(entities))
        if self._plan.context is not None:
            said = json.dumps(self._plan.context.hex())
            found[self._execution] = (Tag("execution", self._execution, CONTEXT, said),)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)
