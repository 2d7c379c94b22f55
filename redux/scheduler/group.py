"""A group: what one transaction writes, while it is gathered."""

from __future__ import annotations

from collections.abc import Sequence

from redux_backends.records import (
    Batch,
    CallNode,
    Evaluation,
    EvaluationKey,
    HandleVersion,
    Job,
    Tag,
    TaskRecord,
    TaskSet,
    ValueRecord,
)
from redux_valuestore.digest import Digest

HITS_PER_JOB = 2
"""How many jobs' rows weigh as much as one evaluation: losing a hit's row costs nothing but the row."""


class Group:
    """What happened since the last group was taken; tasks by their hashes."""

    __slots__ = ("calls", "evaluations", "handles", "jobs", "keys", "new_jobs", "new_tasks", "tags", "values")

    def __init__(self) -> None:
        self.values: list[ValueRecord] = []
        self.new_tasks: list[Digest] = []
        self.keys: list[EvaluationKey] = []
        self.evaluations: list[Evaluation] = []
        self.calls: list[CallNode] = []
        self.new_jobs: list[Job] = []
        self.jobs: list[Job] = []
        self.tags: list[Tag] = []
        self.handles: list[HandleVersion] = []

    @property
    def weight(self) -> int:
        """How much would be lost with it, in evaluations."""
        return len(self.keys) + (len(self.new_jobs) + len(self.jobs)) // HITS_PER_JOB

    def as_batch(self, tasks: Sequence[TaskRecord], task_sets: Sequence[TaskSet]) -> Batch:
        """The same as a batch, with the records of its tasks and with new task sets."""
        return Batch(
            self.values, tasks, self.keys, self.evaluations, task_sets, self.calls, self.jobs, self.new_jobs,
            self.tags, (), self.handles,
        )  # fmt: skip
