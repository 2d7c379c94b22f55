"""What the scheduler works on: data that may not be here yet, cells that wait for it, and jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redux.expression import Expression, Operation
from redux.handle import advanced_version
from redux.rules import Steps
from redux.scheduler.task_kind import TaskKind
from redux.scheduler.wholes import Whole
from redux.task import BoundCall, Task
from redux.tasks.options import NO_OPTIONS
from redux.value import Encoded
from redux_backends.records import (
    HandleVersion,
    JobId,
    JobStatus,
    Outcome,
    Reason,
    Seconds,
    StoredValue,
    Traits,
    Upstream,
    hash_evaluation,
)
from redux_valuestore.digest import Digest


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()


class Datum:
    """A value known by its hash: its object and bytes come when somebody needs them.

    `origin` is the job that can make it again should its bytes turn out to be gone. The hash is None until somebody
    asks for it, where an operation or a container made the value.
    """

    __slots__ = ("encoded", "hash", "origin", "stored", "traits", "users", "value")

    def __init__(
        self,
        hash: Digest | None,
        traits: Traits,
        value: object = ABSENT,
        encoded: Encoded | None = None,
        stored: StoredValue | None = None,
        origin: Job | None = None,
    ) -> None:
        self.hash = hash
        self.traits = traits
        self.value = value
        self.encoded = encoded
        self.stored = stored
        self.origin = origin
        self.users = 0

    def become(self, other: Datum) -> None:
        """Take over what another datum knows: this one was made again."""
        self.hash, self.traits, self.value = other.hash, other.traits, other.value
        self.encoded, self.stored = other.encoded, other.stored


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a cell has no value: the error, and the job that raised it (None: an operation between jobs did)."""

    error: BaseException
    job: Job | None


class Cell:
    """A place in the evaluation that waits for others and then holds a datum or a failure."""

    __slots__ = ("datum", "failed", "missing", "parent", "waiters")

    def __init__(self, parent: Scope) -> None:
        self.parent = parent
        self.datum: Datum | None = None
        self.failed: Failed | None = None
        self.missing = 0
        self.waiters: list[Cell] | None = None

    @property
    def settled(self) -> bool:
        """Whether it holds its datum or failure."""
        return self.datum is not None or self.failed is not None


class Scope:
    """The cells of one job's reduced value, by the identity of their expressions, so that a shared one runs once.

    `context` is that of the job, and of the jobs made in it unless they are given another; `exported` are the options
    that they inherit.
    """

    __slots__ = ("cells", "children", "context", "exported", "grafts", "job", "kept")

    def __init__(
        self, job: Job | None, context: Mapping[str, object], exported: Mapping[str, object] = NO_OPTIONS
    ) -> None:
        self.job = job
        self.context = context
        self.exported = exported if job is None else job.exports()
        self.cells: dict[int, Cell] = {}
        self.children: list[Job] = []
        self.grafts: list[Graft] = []
        self.kept: list[object] = []
        """what has to live as long as the cells, since their expressions are known by identity"""

    @property
    def calls(self) -> Sequence[Job | Graft]:
        """The calls that the job is made of, by whomever they were made."""
        return [*self.children, *self.grafts] if self.grafts else self.children


@dataclass(frozen=True, slots=True)
class Graft:
    """A call of another scheduler: its hash (None: it left no record), the tasks in it and below it, if they are known.

    `whole` is how far the job above it may be taken whole, as far as this call goes.
    """

    call_hash: Digest | None
    task_set: Digest | None
    whole: Whole


class Gather(Cell):
    """Waits for every expression inside a value, then holds the value without them.

    It belongs to the job whose reduced value it is; for an execution's root it belongs to none.
    """

    __slots__ = ("job", "value")

    def __init__(self, scope: Scope, value: object) -> None:
        super().__init__(scope)
        self.job = scope.job
        self.value = value


class OperationCell(Cell):
    """An operation that waits for its operands."""

    __slots__ = ("operation",)

    def __init__(self, scope: Scope, operation: Operation) -> None:
        super().__init__(scope)
        self.operation = operation


class Part(Cell):
    """A value that a rule waits for; how it comes out, failures included, is the rule's matter."""

    __slots__ = ("value",)

    def __init__(self, scope: Scope, value: object) -> None:
        super().__init__(scope)
        self.value = value


class RuleCell(Cell):
    """A rule on its way. `parts` are all it ever waited for, `current` those it waits for now."""

    __slots__ = ("current", "parts", "returned", "several", "steps")

    def __init__(self, scope: Scope, steps: Steps[object]) -> None:
        super().__init__(scope)
        self.steps = steps
        self.parts: list[Part] = []
        self.current: list[Part] = []
        self.several = False
        self.returned = False


class InContext(Expression):
    """An expression that is evaluated in another context than what stands around it."""

    __slots__ = ("_context", "_expr")

    def __init__(self, expr: object, context: Mapping[str, object]) -> None:
        self._expr = expr
        self._context = context

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """Raises TypeError: it is made within an evaluation, and goes with it."""
        raise TypeError("a default argument in a context belongs to its call, and is not to be kept")


class Known(Expression):
    """An expression whose datum is there already."""

    __slots__ = ("_datum",)

    def __init__(self, datum: Datum) -> None:
        self._datum = datum

    def __repr__(self) -> str:
        return "<known value>"

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """Raises TypeError: it stands for its datum only within one evaluation."""
        raise TypeError("a value that a rule settled belongs to its execution, and is not to be kept")


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task as this execution knows it: under one hash, with the set that a leaf call of it has."""

    task: Task[..., Any]
    task_hash: Digest
    leaf_set: Digest
    kind: TaskKind


@dataclass(frozen=True, slots=True)
class Fork:
    """A version of a handle that a job is given, and the one that it was made from for this job."""

    given: HandleVersion
    origin: HandleVersion
    line: Digest
    """the version of the handle as it was made"""

    def after(self, eval_hash: Digest) -> HandleVersion:
        """What a call made of it, whether it returned the handle or not."""
        return HandleVersion(advanced_version(self.given.hash, eval_hash), self.given.name, (self.given.hash,))


class Job(Cell):
    """One attempt to get a call's result. `given` are the options of its call, `options` what holds for it.

    A silent one leaves no job, call or evaluation behind; all below it are silent too. `counts_as` is the version of
    its task that its call is one of: the task's own, or an older one whose results it takes.
    """

    __slots__ = (
        "args_hash",
        "arguments",
        "asked",
        "attempts",
        "bound",
        "call_hash",
        "context",
        "context_hash",
        "counts_as",
        "ended",
        "eval_hash",
        "forced",
        "forks",
        "given",
        "id",
        "known",
        "leader",
        "options",
        "outcome",
        "place",
        "reason",
        "recorded",
        "remade",
        "scope",
        "seconds",
        "silent",
        "stale",
        "started",
        "status",
        "task_set",
        "upstreams",
        "whole",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, id: JobId, known: KnownTask, bound: BoundCall, given: Mapping[str, object]
    ) -> None:
        super().__init__(scope)
        self.id = id
        self.known = known
        self.counts_as = known.task_hash
        self.context = scope.context
        self.context_hash: bytes = b""
        self.given = given
        self.options = known.task.declared
        self.bound: BoundCall | None = bound
        self.arguments: Sequence[tuple[str, Datum]] = ()
        self.upstreams: list[Upstream] = []
        self.args_hash: Digest | None = None
        self.eval_hash: Digest | None = None
        self.status = JobStatus.RUNNING
        self.outcome = Outcome.RAN
        self.reason: Reason | None = None
        self.forced: Reason | None = None
        self.forks: Sequence[Fork] = ()
        self.leader: Job | None = None
        self.scope: Scope | None = None
        self.call_hash: Digest | None = None
        self.task_set: Digest | None = None
        self.started: Seconds = 0.0
        self.ended: Seconds = 0.0
        self.seconds: Seconds = 0.0
        self.stale: Datum | None = None
        self.recorded = False
        self.asked = False
        self.silent = scope.job is not None and scope.job.silent
        self.remade = 0
        self.attempts = 0
        self.place = ""
        self.whole = Whole.ALWAYS

    def exports(self) -> Mapping[str, object]:
        """The options that every job below inherits."""
        own, inherited = self.options.exported, self.parent.exported
        return {**inherited, **dict(own)} if own else inherited

    def own_scope(self) -> Scope:
        """Where what it calls is evaluated: made for its result, or before, where it asks while it runs."""
        if self.scope is None:
            self.scope = Scope(self, self.context)
        return self.scope

    @property
    def is_accepted(self) -> bool:
        """Whether it takes the results of an older version of its task."""
        return self.counts_as != self.known.task_hash

    @property
    def own_eval_hash(self) -> Digest | None:
        """The evaluation of its task's own version, whichever it takes the results of."""
        if self.args_hash is None or not self.is_accepted:
            return self.eval_hash
        return hash_evaluation(self.known.task_hash, self.args_hash)

    def ask_as(self, task_hash: Digest) -> None:
        """Ask for the same call of this version of its task."""
        if task_hash != self.counts_as:
            assert self.args_hash is not None
            self.counts_as, self.eval_hash = task_hash, hash_evaluation(task_hash, self.args_hash)

    def renew(self, id: JobId, reason: Reason) -> None:
        """Make it a new attempt, which has to run whatever the cache says."""
        self.ask_as(self.known.task_hash)
        self.id, self.forced = id, reason
        self.status, self.outcome = JobStatus.RUNNING, Outcome.RAN
        self.leader = self.scope = self.call_hash = self.task_set = None
        self.started = self.ended = self.seconds = 0.0
        self.recorded = False
        self.whole = Whole.ALWAYS

    def __repr__(self) -> str:
        return f"<job {self.id.hex()[:8]} {self.known.task.fullname} {self.status.name.lower()}>"
