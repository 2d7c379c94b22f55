"""What records are counted by: what values hold, how jobs stand, why they ran, what a tag is on."""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum


class Traits(IntFlag):
    """What a value holds, so that its validity can be asked without its bytes."""

    PLAIN = 0
    EXPRESSIONS = 1
    """It holds expressions: it is not a final result."""
    FILES = 2
    """It holds Files, each listed in `ValueRecord.files`."""
    SUBVALUES = 4
    """It refers to other values by digest, each listed in `ValueRecord.subvalues`."""
    TRUST = 8
    """Decoding it runs code named by its bytes (reduce protocol, pickle)."""
    ERROR = 16
    """It is the error a job ended with."""
    TASKS = 32
    """It holds tasks, each listed in `ValueRecord.tasks` by name and hash."""
    HOOKS = 64
    """It holds what only a run can ask if it is valid: instances that say so, the user's own functions and classes."""

    HANDLES = 128
    """It holds handles; those with a version are listed in `ValueRecord.handles`. Unrecorded ones are not valid."""
    FOREIGN = 256
    """Its bytes came from elsewhere, and are decoded with caution; no part of what the value is."""


MAY_CHANGE = Traits.FILES | Traits.TASKS | Traits.ERROR | Traits.HOOKS | Traits.HANDLES
"""What lets two results of one evaluation differ though both were right when they were recorded."""


class Place(IntEnum):
    """Where a value's bytes are."""

    INLINE = 0
    STORE = 1
    MISSING = 2


class JobStatus(IntEnum):
    """How a job stands. RUNNING in the database means RUNNING only while its execution's lease holds."""

    RUNNING = 0
    DONE = 1
    CACHED = 2
    FAILED = 3
    CANCELLED = 4
    DIED = 5


class Outcome(IntEnum):
    """Where a job's result came from."""

    RAN = 0
    SAME_EXECUTION = 1
    SINGLE = 2
    """single reduction: its evaluation was known"""
    ULTIMATE = 3
    """ultimate reduction: its finished call was known and current"""
    ACCEPTED = 4
    """an older version of its task gave it, or of one below it, and people said that the newer changes nothing"""


class MissKind(IntEnum):
    """Why a job ran."""

    NONE = 0
    NEW_TASK = 1
    CODE_CHANGED = 2
    NEW_ARGUMENTS = 3
    FILE_CHANGED = 4
    VALUE_GONE = 5
    CACHE_OFF = 6
    NO_RESULT = 7
    """The same call was made before and left no result to use: it failed, was interrupted or is not finished."""
    TASK_CHANGED = 8
    """A task held in the remembered result is not the one known now."""
    STALE_SUBTREE = 9
    """Asked shallowly: a task below it changed."""
    NOT_VALID = 10
    """A type in the remembered result says that its instance is not valid any more."""
    CANNOT_DECODE = 11
    """The remembered result cannot be built any more: a class is gone, or says no."""
    HELD_CODE_CHANGED = 12
    """A function or class held in the remembered result is not the one known now."""
    RETRIED = 13
    """The attempt before it raised, and its task says to try again."""
    HANDLE_ROLLED_BACK = 14
    """A version of a handle that it was given, or returned, is not what is outside any more."""
    NOT_WHOLE = 15
    """It can only be taken whole, and something below it has to be asked anew in each execution."""
    FORGOTTEN = 16
    """People said that what is remembered of it is not to be used."""
    FORGOTTEN_BELOW = 17
    """It can only be taken whole, and a call below it was forgotten."""
    SAMPLED = 18
    """It is known from others, and was made again to see whether it gives what they say."""


class TagEntity(StrEnum):
    """Of which kind a record is that has a tag: the `kind` of a `Tag`."""

    Execution = "execution"
    Job = "job"
    CallNode = "call"
    Task = "task"
    Value = "value"


CONTEXT = "redux.context"
"""The tag that says by the hash of a value, in hex, in which context an execution, job or call was made."""

ACCEPTS = "redux.accepts"
"""The tag of a version of a task that names an older one, whose results count for it."""

FORGOTTEN = "redux.forgotten"
"""The tag of a call, or of a job that came to none: what is remembered of its evaluation is not to be used."""

NONDETERMINISTIC = "nondeterministic"
"""The tag of a task that gave two results for one evaluation which nothing that they hold explains."""
