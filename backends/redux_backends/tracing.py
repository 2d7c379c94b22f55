"""Following data from record to record: what made a value, what used it, what a call fed; many at once.

Each question takes one statement for a thousand things asked about, and answers only about what is there. Answers are
in the order of their hashes, so that equal records give equal answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from redux_backends.records import Evaluation, ExecutionId, FileFact, JobId
from redux_valuestore.digest import Digest

Traced = Mapping[Digest, Sequence[Digest]]
"""The hashes that were found for each of those asked about."""


class Tracing(ABC):
    """What is asked to follow data upstream and downstream."""

    @abstractmethod
    def makers_of(self, values: Sequence[Digest]) -> Traced:
        """The finished calls whose result is a value."""

    @abstractmethod
    def results_of(self, tasks: Sequence[Digest], limit: int) -> Mapping[Digest, Sequence[Evaluation]]:
        """What the last `limit` evaluations of each of the hashes in `tasks` gave, newest first.

        Those that left no result count too. An evaluation is as new as the first time that it was asked for, and what
        it gave as the last time it gave it.
        """

    @abstractmethod
    def users_of(self, values: Sequence[Digest]) -> Traced:
        """The finished calls of which a value is an argument."""

    @abstractmethod
    def fed_by(self, calls: Sequence[Digest]) -> Traced:
        """The finished calls that have arguments made from a call's result."""

    @abstractmethod
    def callers_of(self, calls: Sequence[Digest]) -> Traced:
        """The finished calls in which a job called a call."""

    @abstractmethod
    def parents_of(self, calls: Sequence[Digest]) -> Traced:
        """The finished calls that have a call among their children, whether or not jobs tell of it too.

        There is no index for it: each question reads all edges.
        """

    @abstractmethod
    def executions_of(self, calls: Sequence[Digest]) -> Mapping[Digest, Sequence[ExecutionId]]:
        """The executions in which a job came to a call."""

    @abstractmethod
    def containers_of(self, values: Sequence[Digest]) -> Traced:
        """The values of which a value is a part, as values list them in `subvalues`."""

    @abstractmethod
    def holders_of(self, files: Sequence[FileFact]) -> Mapping[FileFact, Sequence[Digest]]:
        """The values that hold a File of this path with this content."""

    @abstractmethod
    def jobs_behind(self, calls: Sequence[Digest]) -> Mapping[Digest, JobId]:
        """The job that stands for each call: the newest that ran it, else the newest that came by it."""


def newest_results(results: Iterable[Evaluation]) -> Sequence[Evaluation]:
    """What was given last first, in one order for all backends."""
    return sorted(results, key=lambda one: (-one.recorded, one.eval_hash, one.result))
