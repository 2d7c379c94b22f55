"""What people said of records that runs heed, and the records that it concerns; many at once.

It is said by tags of redux's own: of a version of a task that it accepts an older one's results, of a call that it is
forgotten. So it has a history, can be taken back, and goes wherever its records go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from redux_backends.records import ExecutionId, JobId, Seconds, Tag
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


@frozen
class Asked:
    """What was called: an evaluation by its `eval_hash`, and the version of the task in it, `task_hash`."""

    eval_hash: Digest
    task_hash: Digest


@frozen
class Remembered:
    """A record, `entity`, by which people mean an evaluation, `eval_hash`.

    Its `kind` is call, or job where that one came to no call. `fullname` is its task's, `seconds` how long it took.
    `recorded` is the moment at which a result of the evaluation was last given.
    """

    kind: str
    entity: bytes
    eval_hash: Digest
    fullname: str
    seconds: Seconds
    recorded: Seconds


@frozen
class AcceptedJobs:
    """The `count` of jobs of one version of a task, `task_hash`, in an execution that took results of `given_by`.

    `fullname` is the task's. The two are the same where it was calls below that older versions gave.
    """

    fullname: str
    task_hash: Digest
    given_by: Digest
    count: int


class Amending(ABC):
    """What is asked to heed what people said of records."""

    @abstractmethod
    def tags_of(self, keys: Sequence[str]) -> Sequence[Tag]:
        """All current tags of these keys, in the order in which they came to this database."""

    @abstractmethod
    def evaluations_of(self, calls: Sequence[Digest], jobs: Sequence[JobId]) -> Mapping[bytes, Asked]:
        """What finished calls and jobs called; those that are unknown, or never came to call it, are left out."""

    @abstractmethod
    def have_below(self, calls: Sequence[Digest], key: str) -> frozenset[Digest]:
        """Those of these finished calls that have a call with a current tag of this key somewhere below them."""

    @abstractmethod
    def accepted_in(self, execution: ExecutionId) -> Sequence[AcceptedJobs]:
        """The jobs of an execution that took results of older code, by task and version, in the order of these."""

    @abstractmethod
    def remembered(self, kind: str, ids: Sequence[bytes]) -> Sequence[Remembered]:
        """By what people mean all that is remembered of some records of a `kind`: call, job, execution or task.

        Of an execution that is what ran in it. All calls of each evaluation are there, whoever made them, and those of
        its jobs without a call where it has results; in the order of their ids.
        """
