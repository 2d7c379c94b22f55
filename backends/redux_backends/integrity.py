"""What is asked of records when their soundness and size are looked at, and how what is bent is set aside.

A record that is set aside keeps its row, for others name it, and gets a hash that nobody asks for: the next run that
needs such a record makes it anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from redux_backends.records import EvaluationKey, JobId, JobStatus, Place, Seconds, Tag, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.frozen import frozen

ASIDE = bytes(8)
"""The hashes of records that were set aside begin with it, and no digest does."""

NOTHING = ValueRecord(
    digest_bytes(b"redux: set aside"), "redux.SetAside", 16, b"redux: set aside", "(set aside: its record was bent)"
)
"""The result of calls that were set aside. Its bytes are forgotten once it is recorded, so it is nobody's answer."""

SHARDS = 256
"""Values are looked at by the first byte of their digest, as the store's folders hold them."""

AsideKind = Literal["value", "evaluation", "call", "task set", "task", "tag"]
Grouping = Literal["execution", "task", "type"]


def is_aside(hash: bytes) -> bool:
    """Whether a record with this hash was set aside."""
    return hash.startswith(ASIDE)


def aside_hash(hash: bytes) -> bytes:
    """The hash under which a record is set aside."""
    return ASIDE + hash[len(ASIDE) :]


@frozen
class KeptValue:
    """What a value's record says of its bytes; `kept` is how many are in the record, None where they are not there."""

    hash: Digest
    size: int
    place: Place
    kept: int | None


@frozen
class Bytes:
    """The bytes of a value that are in its record, and how many they should be."""

    hash: Digest
    size: int
    data: bytes


@frozen
class KeyRow:
    """An evaluation with the number of its row; what it names and is not there has an empty hash."""

    row: int
    key: EvaluationKey


@frozen
class CallRow:
    """A finished call with what its hash is made of; what it names and is not there has an empty hash."""

    row: int
    hash: Digest
    task_hash: Digest
    args_hash: Digest
    result: Digest
    children: tuple[Digest, ...]
    counted: int
    """how many children it says it has"""
    has_own_task: bool
    """whether its task is in its task set; a call that is never taken whole has the set of none"""


@frozen
class TaskRow:
    """A task with what its hash is made of: kind, name and hash of each piece."""

    row: int
    hash: Digest
    fullname: str
    pieces: tuple[tuple[str, str, Digest], ...]


@frozen
class SetRow:
    """A task set with its members."""

    row: int
    hash: Digest
    tasks: tuple[Digest, ...]


@frozen
class TagRow:
    """A tag with what its hash is made of; a parent that is not there has an empty hash."""

    row: int
    hash: Digest
    tag: Tag
    current: bool
    superseded: bool


@frozen
class Dangling:
    """A row that names a record which is not there; `key` are the columns and numbers that name the row."""

    table: str
    column: str
    target: str
    key: tuple[tuple[str, int], ...]
    mendable: bool
    """whether nothing is lost if the row, or that part of it, goes"""


@frozen
class Gap:
    """The parts of a record are not there, or not numbered from 0 on, each once: one is lost, or was put in."""

    table: str
    row: int
    hash: bytes
    """of the record, empty where it is gone"""


@frozen
class Twin:
    """A record that is there a second time."""

    kind: str
    row: int
    hash: bytes


@frozen
class LooseResult:
    """A remembered result that no call of its evaluation has, though there are such calls."""

    row: int
    """of the evaluation"""
    eval_hash: Digest
    result: Digest


@frozen
class OddJob:
    """A job that cannot be as it is recorded; `why` is one of `ODD_JOBS`."""

    id: JobId
    status: JobStatus
    why: str


ODD_JOBS: Mapping[str, str] = {
    "runs on": "it says that it runs, and its execution has ended",
    "no result": "it is done, and no call is its result",
    "never ended": "it is finished, and has no end",
    "other evaluation": "its call is the call of another evaluation",
    "other execution": "the job that called it is of another execution",
}


@frozen
class Usage:
    """What one execution, task or type has in values: bytes that nobody else has, and bytes that others have too."""

    name: str
    values: int
    own_database: int
    own_store: int
    shared_database: int
    shared_store: int


@frozen
class Tally:
    """Values in the database and in the store: how many, and their bytes."""

    inline: int
    database: int
    stored: int
    store: int

    @property
    def values(self) -> int:
        """How many there are in all."""
        return self.inline + self.stored


class Integrity(ABC):
    """The records as `redux fsck` and `redux du` look at them. Pages show one state each, so a run may go on beside."""

    @abstractmethod
    def clock(self) -> Seconds:
        """The database's clock: seconds since the epoch."""

    @abstractmethod
    def complaints(self) -> Sequence[str]:
        """What the database itself finds wrong with its own form; nothing where it is sound or cannot look."""

    @abstractmethod
    def rebuild_indexes(self) -> None:
        """Make the database's indexes anew from its rows."""

    @abstractmethod
    def dangling(self) -> Iterator[Dangling]:
        """Rows that name what is not there."""

    @abstractmethod
    def gaps(self) -> Iterator[Gap]:
        """Records whose parts are not in order, or not there."""

    @abstractmethod
    def twins(self) -> Iterator[Twin]:
        """Records that are there more than once, all but the oldest of each."""

    @abstractmethod
    def loose_results(self) -> Iterator[LooseResult]:
        """Remembered results without expressions that none of the evaluation's calls has; set-aside calls are none."""

    @abstractmethod
    def odd_jobs(self) -> Iterator[OddJob]:
        """Jobs that cannot be as they are recorded."""

    @abstractmethod
    def evaluations(self) -> Iterator[Sequence[KeyRow]]:
        """All evaluations, page by page."""

    @abstractmethod
    def calls(self) -> Iterator[Sequence[CallRow]]:
        """All finished calls, page by page."""

    @abstractmethod
    def tasks(self) -> Iterator[Sequence[TaskRow]]:
        """All tasks, page by page."""

    @abstractmethod
    def task_sets(self) -> Iterator[Sequence[SetRow]]:
        """All task sets, page by page."""

    @abstractmethod
    def tags(self) -> Iterator[Sequence[TagRow]]:
        """All tags, current or not, page by page."""

    @abstractmethod
    def values(self, shard: int) -> Sequence[KeptValue]:
        """The values whose digest begins with this byte."""

    @abstractmethod
    def inline_bytes(self) -> Iterator[Sequence[Bytes]]:
        """The bytes of all values that are in their records, page by page."""

    @abstractmethod
    def remakable(self, values: Sequence[Digest]) -> frozenset[Digest]:
        """Which of these values are results, or parts of results, of recorded calls, so that a run makes them again."""

    @abstractmethod
    def set_aside(self, kind: AsideKind, row: int) -> None:
        """Let a bent record, and every call that rests on it, be found by nobody; rows that name them stay.

        Of a task only the code is dropped. `NOTHING` must be recorded.
        """

    @abstractmethod
    def settle_tag(self, row: int) -> None:
        """Note again whether a tag is current: it has a value, and no other supersedes it."""

    @abstractmethod
    def unlink(self, row: Dangling) -> None:
        """Drop a row, or the part of it, that names what is not there. Only where it is `mendable`."""

    # -- sizes -------------------------------------------------------------------------------------

    @abstractmethod
    def bytes_on_disk(self) -> int:
        """What the database takes on its disk, its log included."""

    @abstractmethod
    def tally(self) -> Tally:
        """All values, each once, but for those whose bytes are gone."""

    @abstractmethod
    def usage(self, by: Grouping) -> Sequence[Usage]:
        """What each execution (its id in hex), task or type has in values, most own bytes first.

        A task's and an execution's values are arguments and results of their calls, with the values inside them.
        """

    @abstractmethod
    def unused(self) -> Tally:
        """The values that no call has: neither argument nor result, nor part of one."""
