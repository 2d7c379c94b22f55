"""Order: which cells exist, what they wait for, and when they are ready.

One reduction rule per kind of cell. Nothing here recurses over the call graph: new and ready cells go through
queues, so ten thousand calls deep or a hundred thousand wide cost no stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from itertools import chain

from redux.expression import Operation
from redux.nested import lazies_in, refuse_hidden
from redux.operations import operation
from redux.rules import Steps
from redux.scheduler.binding import Binding, hash_job
from redux.scheduler.cells import FindTask, make_cell
from redux.scheduler.events import Events, perform
from redux.scheduler.inputs import (
    Inputs,
    NotThere,
    Unmade,
    datum_of,
    encode_plain,
    expressions_of,
    holds_hidden,
)
from redux.scheduler.jobs import (
    Cell,
    Datum,
    Failed,
    Gather,
    Job,
    OperationCell,
    Part,
    RuleCell,
    Scope,
)
from redux.scheduler.lines import Lines
from redux.scheduler.stepping import Ended, Wanted, advance
from redux.secrets import check_result
from redux.value import Lazy
from redux_backends.records import Traits
from redux_valuestore.errors import ReduxError

REMAKE_LIMIT = 3
"""How often a result is made again in one execution: more often is no loss, but a value that cannot be read."""


class NestedTooDeep(ReduxError):
    """A value with expressions in it is nested too deeply, or contains itself."""

    def __init__(self, cell: Cell) -> None:
        task = cell.known.task if isinstance(cell, Job) else None
        where = "a result" if task is None else f"an argument of task {task.fullname}"
        super().__init__(f"{where} is nested too deeply, or contains itself; pass it in parts")


class Evaluator:
    """The cells of one execution, and the queues they move through."""

    def __init__(
        self, inputs: Inputs, find_task: FindTask, events: Events, context: Mapping[str, object],
        exported: Mapping[str, object],
    ) -> None:  # fmt: skip
        self.inputs = inputs
        self.lines = Lines(self.inputs)
        self._binding = Binding(self.inputs, self.lines, context)
        self._context = context
        self._exported = exported
        self._find_task = find_task
        self._events = events
        self._fresh: deque[Cell] = deque()
        self._ready: deque[Cell] = deque()
        self._live: set[Job] = set()
        self._moved = False

    # -- making cells ------------------------------------------------------------------------------

    def open(self, value: object, job: Job | None) -> Gather:
        """A cell for a value whose expressions are to be evaluated as children of `job`."""
        scope = Scope(None, self._context, self._exported) if job is None else job.own_scope()
        gather = Gather(scope, value)
        self._fresh.append(gather)
        return gather

    def ask(self, job: Job, steps: Steps[object]) -> RuleCell:
        """A cell for a rule, evaluated in a job that still runs."""
        scope = job.own_scope()
        cell = RuleCell(scope, steps)
        scope.kept.append(cell)
        self._fresh.append(cell)
        return cell

    def next_wave(self, limit: int) -> list[Job]:
        """Move cells on until `limit` jobs are ready to be decided, or nothing moves; the ready jobs."""
        wave: list[Job] = []
        self._binding.begin_wave()
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
            lazies = expressions_of(cell)
        except RecursionError:
            self._fail_itself(cell, NestedTooDeep(cell))
            return
        except ReduxError as error:
            self._fail_itself(cell, error)
            return
        failed: Failed | None = None
        for lazy in lazies:
            source = cell.parent.cells.get(id(lazy)) or self._make_cell(lazy, cell.parent)
            failed = failed or source.failed
            if source.datum is None and source.failed is None:
                _wait(cell, source)
        if failed is not None:
            self.fail(cell, failed)
        elif cell.missing == 0:
            self._ready.append(cell)

    def _make_cell(self, lazy: Lazy, scope: Scope) -> Cell:
        cell = scope.cells[id(lazy)] = make_cell(lazy, scope, self._find_task)
        if not cell.settled:
            self._fresh.append(cell)
            if isinstance(cell, Job):
                self._live.add(cell)
        return cell

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
                    self._binding.bind(cell, chain(self._ready, self._fresh))
                wave.append(cell)
            elif isinstance(cell, Gather):
                self._close(cell)
            elif isinstance(cell, OperationCell):
                self._operate(cell)
            elif isinstance(cell, RuleCell):
                self._step(cell)
            elif isinstance(cell, Part):
                cell.datum = self._datum_of_parts(cell.value, cell.parent)
                self._wake(cell)
        except Unmade as unmade:
            self.wait_for_remake(cell, unmade.datum, unmade.error)
        except NotThere as gone:
            self._wait_again(cell, gone.source)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an operation may raise anything; it is that cell's failure
            self._fail_itself(cell, error)

    def again(self, job: Job) -> None:
        """Have a job decided once more."""
        self._ready.append(job)

    def has_moved(self, job: Job) -> bool:
        """Whether a datum that was made again came out differently under a job: then it asks for another evaluation."""
        if not self._moved:
            return False
        asked = job.eval_hash
        hash_job(job)
        if job.eval_hash == asked:
            return False
        self._ready.append(job)
        return True

    def _close(self, gather: Gather) -> None:
        gather.datum = self._datum_of_parts(gather.value, gather.parent)
        job = gather.job
        if job is None:
            self._deliver(gather)
            return
        gather.parent.cells.clear()
        assert gather.datum is not None
        if gather.datum.hash is None:
            gather.datum.origin = job
        self.settle(job, gather.datum)

    def _datum_of_parts(self, value: object, scope: Scope) -> Datum:
        """The datum of a value whose expressions are all there: their own one, where it is nothing but one of them."""
        if isinstance(value, Lazy):
            return datum_of(value, scope)
        return Datum(None, Traits.PLAIN, self.inputs.fill(value, scope))

    def _step(self, cell: RuleCell) -> None:
        if cell.returned:
            cell.datum = cell.current[0].datum
            self._wake(cell)
            return
        step = advance(cell, self.inputs, lambda effect: perform(effect, cell, self._fresh.append, self._events))
        if isinstance(step, Failed):
            self.fail(cell, step)
            return
        cell.returned = isinstance(step, Ended)
        cell.several = isinstance(step, Wanted) and step.several
        values = step.values if isinstance(step, Wanted) else (step.value,)
        cell.current = [Part(cell.parent, value) for value in values]
        cell.parts += cell.current
        for part in cell.current:
            _wait(cell, part)
        self._fresh.extend(cell.current)
        if not cell.current:
            self._ready.append(cell)

    def _deliver(self, root: Gather) -> None:
        """The root's value is what people see, so its bytes are needed."""
        datum, root.datum = root.datum, None
        assert datum is not None
        self.inputs.load(datum)
        if datum.hash is None and holds_hidden(datum.value):
            refuse_hidden(datum.value)
        root.datum = datum
        root.parent.cells.clear()

    def _operate(self, cell: OperationCell) -> None:
        name, operands = cell.operation._name, cell.operation._args
        if name == "identity":
            cell.datum = Datum(None, Traits.PLAIN, self.inputs.fill(operands[0], cell.parent))
        else:
            result = operation(name)(*(self.inputs.fill(operand, cell.parent) for operand in operands))
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
                encode_plain(datum, f"the result of task {job.known.task.fullname}")
                if datum.encoded is not None:
                    check_result(job.known.task.fullname, datum.encoded, False)
            except Exception as error:  # a user's own encoder may raise anything
                self._fail_itself(job, error)
                return
        if job.stale is not None:
            self._moved = self._moved or job.stale.hash != datum.hash
            job.stale.become(datum)
            job.datum, job.stale = job.stale, None
        else:
            job.datum = datum
        self._live.discard(job)
        self._events.settled(job)
        if job.scope is not None:
            job.scope.children.clear()
            job.scope.grafts.clear()
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
                self._live.discard(current)
                self._events.failed(current)
            elif isinstance(current, Gather) and current.job is not None:
                stack.append(current.job)
            elif isinstance(current, Part):
                self._tell(current, stack)
                continue
            stack += current.waiters or ()
            current.waiters = None

    def _tell(self, part: Part, stack: list[Cell]) -> None:
        """A part failed: its rule fails with it once it returned, else it is told."""
        waiters, part.waiters = part.waiters or [], None
        for waiter in waiters:
            if isinstance(waiter, RuleCell) and not waiter.returned:
                waiter.missing -= 1
                if waiter.missing == 0:
                    self._ready.append(waiter)
            else:
                stack.append(waiter)

    def _fail_itself(self, cell: Cell, error: BaseException) -> None:
        self.fail(cell, Failed(error, cell if isinstance(cell, Job) else cell.parent.job))

    def follow(self, job: Job, leader: Job) -> None:
        """Let a job wait for an equal one that is under way."""
        job.leader = leader
        _wait(job, leader)

    def wait_for_remake(self, cell: Cell, datum: Datum, error: ReduxError) -> None:
        """Let a cell wait until the job that made a datum has made it again."""
        origin = datum.origin
        if origin is None or (origin.datum is not None and origin.remade >= REMAKE_LIMIT):
            self._fail_itself(cell, error)
            return
        self._wait_again(cell, origin)
        if origin.datum is not None:
            origin.stale, origin.datum = origin.datum, None
            origin.remade += 1
            self._events.remake(origin, error)
            self._live.add(origin)
            self._ready.append(origin)

    def _wait_again(self, cell: Cell, source: Cell) -> None:
        if source.failed is not None:
            self.fail(cell, source.failed)
        else:
            _wait(cell, source)


def _wait(cell: Cell, source: Cell) -> None:
    if source.waiters is None:
        source.waiters = [cell]
    else:
        source.waiters.append(cell)
    cell.missing += 1
