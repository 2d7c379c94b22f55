"""What a check finds: kinds of trouble, what they mean, what is to be done about them, and how they are mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from redux_backends.integrity import AsideKind, Dangling
from redux_backends.records import JobId
from redux_valuestore.digest import Digest


class Kind(StrEnum):
    """The kinds of trouble."""

    DATABASE = "database damaged"
    INDEX = "index damaged"
    DANGLING = "dangling row"
    DISORDER = "parts out of order"
    TWIN = "recorded twice"
    EVALUATION = "evaluation bent"
    RESULT = "remembered result bent"
    CALL = "call bent"
    TASK = "task bent"
    TASK_SET = "task set bent"
    TAG = "tag bent"
    JOB = "odd job"
    MISSING = "value missing"
    SIZE = "value of another size"
    DAMAGED = "value damaged"
    MISPLACED = "file in the wrong folder"
    LOST = "value lost"
    UNREACHABLE = "store out of reach"
    ORPHAN = "bytes nobody names"
    LEFTOVER = "half-written file"
    FOREIGN = "foreign file"


NOTES = frozenset({Kind.LOST, Kind.ORPHAN, Kind.LEFTOVER, Kind.FOREIGN})
"""What is told and is no damage: nothing that anybody may ask for is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind of trouble means, and what to do about it."""

    means: str
    todo: str


_REPAIR = "`redux fsck --repair`"
_COPY = "take a copy that is whole, or keep the database as it is and begin another with --db"
WORDS: Mapping[Kind, Words] = {
    Kind.DATABASE: Words(
        "the database's own check complains: pages of its file were damaged",
        "`sqlite3 redux.db .recover` saves what can be read; or " + _COPY,
    ),
    Kind.INDEX: Words(
        "an index does not agree with its table, so records that are there are not found",
        f"{_REPAIR} makes the indexes anew",
    ),
    Kind.DANGLING: Words(
        "a row names a record that is not there",
        f"{_REPAIR} drops such links; a record that has lost what it is made of stays: {_COPY}",
    ),
    Kind.DISORDER: Words(
        "the parts of a record are not numbered one after the other: one was lost or put in",
        f"{_REPAIR} sets such records aside, and the next run makes them again",
    ),
    Kind.TWIN: Words(
        "one record is there twice, and it is chance which of them is found",
        f"{_REPAIR} sets the younger aside, if it is a value, evaluation, call or task set; else: {_COPY}",
    ),
    Kind.EVALUATION: Words(
        "what was asked for does not have the hash it is found by, so its result may be that of another call",
        f"{_REPAIR} sets it aside with its calls, and the next run makes them again",
    ),
    Kind.RESULT: Words(
        "a result is remembered that no call of its evaluation came to: it, or the call, was changed",
        f"{_REPAIR} sets the evaluation aside with its calls, and the next run makes them again",
    ),
    Kind.CALL: Words(
        "task, arguments, result and children of a finished call do not have its hash: one of them was changed",
        f"{_REPAIR} sets it aside, and the next run records it again",
    ),
    Kind.TASK: Words(
        "the pieces of code kept for a task do not have its hash; no answer depends on them",
        f"{_REPAIR} drops them: `redux explain-miss` will not show that code",
    ),
    Kind.TASK_SET: Words(
        "the tasks below a call do not have their hash, so a call may be taken as current that is not",
        f"{_REPAIR} sets it aside with its calls, and the next run records them again",
    ),
    Kind.TAG: Words(
        "a tag does not have its hash, or does not count as what it is: now on its record, or no longer",
        f"{_REPAIR} sets it aside (`redux tag add` puts one back), or lets it count as what it is",
    ),
    Kind.JOB: Words(
        "a job cannot be as it is recorded; no answer depends on it",
        f"{_REPAIR} ends one that says it runs though its execution has ended; others stay as they are",
    ),
    Kind.MISSING: Words(
        "the bytes of a value are not there",
        f"{_REPAIR} notes it, and the next run that needs the value makes it again",
    ),
    Kind.SIZE: Words(
        "the bytes of a value are fewer or more than its record says",
        f"{_REPAIR} sets them aside, and the next run that needs the value makes it again",
    ),
    Kind.DAMAGED: Words(
        "the bytes of a value do not have its hash",
        f"{_REPAIR} sets them aside, and the next run that needs the value makes it again",
    ),
    Kind.MISPLACED: Words(
        "the bytes of a value lie under a name that is not theirs",
        f"{_REPAIR} gives them their name",
    ),
    Kind.LOST: Words(
        "the bytes of a value are gone, and no recorded call makes it: it came from the workflow's code or the command "
        "line",
        "nothing breaks; a run of its call by `redux run --no-cache` records it again",
    ),
    Kind.UNREACHABLE: Words(
        "the store cannot be listed or read, so bytes were not checked",
        "see to it (`redux doctor` says more), and check again",
    ),
    Kind.ORPHAN: Words(
        "files of the store that no record names, as a run leaves that is killed before it records them, or as another "
        "database has that shares the store",
        "nothing need be done; while nothing runs, and if no database shares the store, such a file may be deleted",
    ),
    Kind.LEFTOVER: Words("a writer died while it wrote them", f"{_REPAIR} removes them"),
    Kind.FOREIGN: Words("files among the store's that redux has not put there", "move them elsewhere"),
}


@dataclass(frozen=True, slots=True)
class Forget:
    """Set damaged bytes aside and note that the value is gone; the next run makes it again."""

    value: Digest


@dataclass(frozen=True, slots=True)
class PutBack:
    """Give the bytes under `stray` their own name."""

    value: Digest
    stray: Digest


@dataclass(frozen=True, slots=True)
class SetAside:
    """Let a bent record be found by nobody."""

    kind: AsideKind
    row: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """Drop a link that leads nowhere."""

    row: Dangling


@dataclass(frozen=True, slots=True)
class Settle:
    """Note again whether a tag is current."""

    row: int


@dataclass(frozen=True, slots=True)
class EndJob:
    """End a job with its execution."""

    job: JobId


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Make the database's indexes anew."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Remove the half-written files of writers that died."""


Mend = Forget | PutBack | SetAside | Unlink | Settle | EndJob | Rebuild | Sweep


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble: `what` it concerns (value, call, row, file, …) by its hash, id or path, and in `detail` how."""

    kind: Kind
    what: str
    id: str
    detail: str
    mend: Mend | None = None
    """how it is mended; None where nothing can"""
    value: Digest | None = None
    """the value whose bytes are concerned"""

    @property
    def is_damage(self) -> bool:
        """Whether something is missing or wrong that somebody may ask for."""
        return self.kind not in NOTES
