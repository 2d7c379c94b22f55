"""What is asked to set the jobs of an execution beside earlier ones: whole trees of jobs at once.

Each question takes a number of statements that does not depend on how many jobs there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from redux_backends.answers import AskedJobs
from redux_backends.records import ExecutionId, Seconds, TaskRecord
from redux_valuestore.digest import Digest


class Forerunning(ABC):
    """What is asked to say why jobs ran that might have been known."""

    @abstractmethod
    def jobs_that_ran(self, execution: ExecutionId) -> AskedJobs:
        """The jobs of an execution that ran for a reason, with their upstreams, and all jobs that called them."""

    @abstractmethod
    def jobs_before(
        self, executions: Sequence[ExecutionId], tasks: Sequence[str], asked_by: ExecutionId | None
    ) -> AskedJobs:
        """The jobs of earlier `executions` that those of a later one may stand in for, and all jobs that called them.

        They are of these `tasks`, by full name, and of evaluations that the execution `asked_by` did not find known.
        """

    @abstractmethod
    def newest_before(self, tasks: Sequence[str], before: Seconds) -> Mapping[str, ExecutionId]:
        """For each of these `tasks`, by full name, the execution of its newest job before the moment `before`."""

    @abstractmethod
    def get_tasks(self, tasks: Sequence[Digest]) -> Mapping[Digest, TaskRecord]:
        """Tasks with their pieces of code; unknown ones are left out."""
