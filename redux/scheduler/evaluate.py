"""Order: which cells exist, what they wait for, and when they are ready.

One reduction rule per kind of cell. Nothing here recurses over the call graph: new and ready cells go through
queues, so ten thousand calls deep or a hundred thousand wide cost no stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from redux.expression import OPERATIONS, Expression, Operation, TaskCall
from redux.nested import ATOMS, lazies_in, substitute
from redux.repo import Repo
from redux.scheduler.jobs import (
    ABSENT,
    Cell,
    Datum,
    Failed,
    Gather,
    Job,
    JobState,
    KnownTask,
    OperationCell,
    Scope,
)
from redux.task import BoundCall
from redux.value import Lazy, decode, encode
from redux_backends.records import JobId, Traits, Upstream, hash_evaluation, new_id
from redux_valuestore.digest import Digest, digest_struct
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import ValueMissing


class Unmade(Exception):
    """A datum's bytes turned out to be gone; its origin has to make it again."""

    def __init__(self, datum: Datum, error: ReduxError) -> None:
        self.datum, self.error = datum, error
        super().__init__(str(error))


class Events(Protocol):
    """What the evaluator tells the run loop."""

    def settled(self, job: Job) -> None:
        """A job has its final datum."""
        ...

    def failed(self, job: Job) -> None:
        """A job failed, itself or through what it waited for."""
        ...

    def remake(self, job: Job, error: ReduxError) -> None:
        """A job's bytes are gone: it must run again."""
        ...


class Evaluator:
    """The cells of one execution, and the queues they move through."""

    def __init__(self, repo: Repo, find_task: Callable[[str], KnownTask], events: Events) -> None:
        self._repo = repo
        self._find_task = find_task
        self._events = events
        self._fresh: deque[Cell] = deque()
        self._ready: deque[Cell] = deque()
        self._live: set[Job] = set()

    # -- making cells ------------------------------------------------------------------------------

    def open(self, value: object, job: Job | None) -> Gather:
        """A cell for a value whose expressions are to be evaluated as children of `job`."""
        scope = Scope(job)
        if job is not None:
            job.scope = scope
            job.state = JobState.REDUCED
        gather = Gather(scope, value)
        self._fresh.append(gather)
        return gather

    def next_wave(self, limit: int) -> list[Job]:
        """Move cells on until `limit` jobs are ready to be decided, or nothing moves; the ready jobs."""
        wave: list[Job] = []
        fresh, ready = self._fresh, self._ready
        while len(wave) < limit and (fresh or ready):
            if ready:
                self._resume(ready.popleft(), wave)
            else:
                self._wait_for_inputs(fresh.popleft())
        return wave

    def _wait_for_inputs(self, cell: Cell) -> None:
        if cell.settled:
            return
        try:
            lazies = _inputs(cell)
        except ReduxError as error:
            self.fail(cell, Failed(error, cell if isinstance(cell, Job) else cell.parent.job))
            return
        for lazy in lazies:
            source = cell.parent.cells.get(id(lazy)) or self._make_cell(lazy, cell.parent)
            if source.failed is not None:
                self.fail(cell, source.failed)
                return
            if source.datum is None:
                _wait(cell, source)
        if cell.missing == 0:
            self._ready.append(cell)

    def _make_cell(self, lazy: Lazy, scope: Scope) -> Cell:
        cell: Cell
        if isinstance(lazy, TaskCall):
            cell = self._make_job(lazy, scope)
        elif isinstance(lazy, Operation):
            cell = OperationCell(scope, lazy)
            self._fresh.append(cell)
        else:
            raise TypeError(f"no rule evaluates {type(lazy).__name__}")
        scope.cells[id(lazy)] = cell
        return cell

    def _make_job(self, call: TaskCall, scope: Scope) -> Cell:
        try:
            known = self._find_task(call._fullname)
            bound = known.task.bind(call._args, dict(call._kwargs))
        except (ReduxError, TypeError) as error:
            cell = Cell(scope)
            cell.failed = Failed(error, scope.job)
            return cell
        job = Job(scope, JobId(new_id()), known, bound)
        scope.children.append(job)
        self._fresh.append(job)
        self._live.add(job)
        return job

    # -- what is under way -------------------------------------------------------------------------

    @property
    def unfinished(self) -> Collection[Job]:
        """Jobs that have neither a result nor a failure."""
        return self._live

    def stuck_job(self) -> Job | None:
        """Where nothing moves any more: a job that waits for an equal one above it, None where there is none."""
        waiting = [job for job in self._live if job.leader is not None]
        for job in waiting:
            above = job.parent.job
            while above is not None:
                if above is job.leader:
                    return job
                above = above.parent.job
        return waiting[0] if waiting else None

    # -- cells whose inputs are there --------------------------------------------------------------

    def _resume(self, cell: Cell, wave: list[Job]) -> None:
        if cell.settled:
            return
        try:
            if isinstance(cell, Job):
                if cell.eval_hash is None:
                    self._bind_arguments(cell)
                wave.append(cell)
            elif isinstance(cell, Gather):
                self._close(cell)
            elif isinstance(cell, OperationCell):
                self._operate(cell)
        except Unmade as unmade:
            self.wait_for_remake(cell, unmade.datum, unmade.error)
        except Exception as error:  # an operation may raise anything; it is that cell's failure
            self.fail(cell, Failed(error, cell if isinstance(cell, Job) else cell.parent.job))

    def _bind_arguments(self, job: Job) -> None:
        bound = job.bound
        assert bound is not None
        task = job.known.task
        arguments: list[tuple[str, Datum]] = []
        upstreams: list[Upstream] = []
        parts: list[object] = []
        hidden = task.options.config_args
        for name, value in task.name_arguments(bound):
            datum = self._argument(value, job.parent)
            arguments.append((name, datum))
            if datum.origin is not None or type(value) not in ATOMS:
                upstreams += [Upstream(name, call) for call in _calls_behind(value, job.parent)]
            if hidden and name.partition("[")[0] in hidden:
                continue
            if datum.hash is None:
                _encode_argument(datum, task.fullname, name)
            parts += (name, datum.hash)
        job.arguments, job.upstreams = arguments, upstreams
        job.args_hash = digest_struct("Args", *parts)
        job.eval_hash = hash_evaluation(job.known.task_hash, job.args_hash)
        job.state = JobState.READY

    def _argument(self, value: object, scope: Scope) -> Datum:
        if isinstance(value, Lazy):
            datum = scope.cells[id(value)].datum
            assert datum is not None
            datum.users += 1
            return datum
        return Datum(None, Traits.PLAIN, self._fill(value, scope))

    def call_of(self, job: Job) -> BoundCall:
        """How to call a job's function: its arguments as plain values. Raises Unmade where one's bytes are gone."""
        values = [(name, self.load(datum)) for name, datum in job.arguments]
        return job.known.task.bind_named(values)

    def _fill(self, value: object, scope: Scope) -> object:
        if type(value) in ATOMS or not lazies_in(value):
            return value
        return substitute(value, lambda lazy: self._value_of(lazy, scope))

    def _value_of(self, lazy: Lazy, scope: Scope) -> object:
        datum = scope.cells[id(lazy)].datum
        assert datum is not None
        return self.load(datum)

    def load(self, datum: Datum) -> object:
        """The value of a datum, fetched and verified where it isn't here. Raises Unmade where its bytes are gone."""
        if datum.value is ABSENT:
            try:
                datum.value = self._load_absent(datum)
            except ReduxError as error:
                raise Unmade(datum, error) from error
        return datum.value

    def _load_absent(self, datum: Datum) -> object:
        if datum.stored is None:
            assert datum.hash is not None
            raise ValueMissing(datum.hash, "this execution", "no longer held")
        if datum.stored.data is not None:
            # Inline bytes were verified when the hit was chosen, or were made here.
            return decode(datum.stored.data, self._repo.fetch_by_hash)
        return self._repo.load(datum.stored)

    def _close(self, gather: Gather) -> None:
        if isinstance(gather.value, Lazy):
            gather.datum = gather.parent.cells[id(gather.value)].datum
        else:
            gather.datum = Datum(None, Traits.PLAIN, self._fill(gather.value, gather.parent))
        job = gather.job
        if job is None:
            self._deliver(gather)
            return
        gather.parent.cells.clear()
        assert gather.datum is not None
        if gather.datum.hash is None:
            gather.datum.origin = job
        self.settle(job, gather.datum)

    def _deliver(self, root: Gather) -> None:
        """The root's value is what people see, so its bytes are needed."""
        datum, root.datum = root.datum, None
        assert datum is not None
        self.load(datum)
        root.datum = datum
        root.parent.cells.clear()

    def _operate(self, cell: OperationCell) -> None:
        name, operands = cell.operation._name, cell.operation._args
        if name == "identity":
            cell.datum = Datum(None, Traits.PLAIN, self._fill(operands[0], cell.parent))
        else:
            result = OPERATIONS[name](*(self._fill(operand, cell.parent) for operand in operands))
            if lazies_in(result):
                cell.operation = Operation("identity", (result,))
                self._fresh.append(cell)
                return
            cell.datum = Datum(None, Traits.PLAIN, result)
        self._wake(cell)

    # -- endings -----------------------------------------------------------------------------------

    def settle(self, job: Job, datum: Datum) -> None:
        """Give a job its final datum, and wake what waited for it."""
        if datum.hash is None:
            try:
                datum.encoded = encode(datum.value)
            except Exception as error:
                error.add_note(f"it is (in) the result of task {job.known.task.fullname}")
                self.fail(job, Failed(error, job))
                return
            datum.hash, datum.traits = datum.encoded.hash, datum.encoded.traits
        if job.stale is not None:
            job.stale.become(datum)
            job.datum, job.stale = job.stale, None
        else:
            job.datum = datum
        job.state = JobState.SETTLED
        self._live.discard(job)
        self._events.settled(job)
        if job.scope is not None:
            job.scope.children.clear()
        job.bound = job.scope = None
        self._wake(job)

    def _wake(self, cell: Cell) -> None:
        waiters, cell.waiters = cell.waiters, None
        for waiter in waiters or ():
            waiter.missing -= 1
            if waiter.missing == 0:
                self._ready.append(waiter)

    def fail(self, cell: Cell, failed: Failed) -> None:
        """Fail a cell and everything that waits for it."""
        stack = [cell]
        while stack:
            current = stack.pop()
            if current.settled:
                continue
            current.failed = failed
            if isinstance(current, Job):
                current.state = JobState.SETTLED
                self._live.discard(current)
                self._events.failed(current)
            elif isinstance(current, Gather) and current.job is not None:
                stack.append(current.job)
            stack += current.waiters or ()
            current.waiters = None

    def follow(self, job: Job, leader: Job) -> None:
        """Let a job wait for an equal one that is under way."""
        job.leader = leader
        _wait(job, leader)

    def wait_for_remake(self, cell: Cell, datum: Datum, error: ReduxError) -> None:
        """Let a cell wait until the job that made a datum has made it again."""
        origin = datum.origin
        if origin is None:
            self.fail(cell, Failed(error, cell if isinstance(cell, Job) else cell.parent.job))
            return
        _wait(cell, origin)
        if origin.datum is not None:
            origin.stale, origin.datum = origin.datum, None
            self._events.remake(origin, error)
            self._live.add(origin)
            self._ready.append(origin)


def _wait(cell: Cell, source: Cell) -> None:
    if source.waiters is None:
        source.waiters = [cell]
    else:
        source.waiters.append(cell)
    cell.missing += 1


def _calls_behind(value: object, scope: Scope) -> list[Digest]:
    """The calls whose results are in a value, or were operated on for it; each once, in the order of the value."""
    found: dict[Digest, None] = {}
    seen: set[int] = set()
    waiting = lazies_in(value)[::-1]
    while waiting:
        lazy = waiting.pop()
        if id(lazy) in seen:
            continue
        seen.add(id(lazy))
        cell = scope.cells[id(lazy)]
        if isinstance(cell, Job):
            if cell.call_hash is not None:
                found[cell.call_hash] = None
        elif isinstance(cell, OperationCell):
            waiting += lazies_in(cell.operation._args)[::-1]
    return list(found)


def _inputs(cell: Cell) -> Sequence[Lazy]:
    if isinstance(cell, Job):
        bound = cell.bound
        assert bound is not None
        if bound.kwargs:
            return lazies_in((bound.args, bound.kwargs))
        nested = [value for value in bound.args if type(value) not in ATOMS]
        return lazies_in(nested) if nested else ()
    if isinstance(cell, OperationCell):
        return lazies_in(cell.operation._args)
    assert isinstance(cell, Gather)
    return [cell.value] if isinstance(cell.value, Expression) else lazies_in(cell.value)


def _encode_argument(datum: Datum, fullname: str, name: str) -> None:
    try:
        encoded = encode(datum.value)
    except ReduxError as error:
        error.add_note(f"it is (in) the argument {name} of task {fullname}")
        raise
    datum.encoded, datum.hash, datum.traits = encoded, encoded.hash, encoded.traits
