"""What cells wait for and then get: the expressions in them, and the data that stand in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice

from redux.ahead import Glance, answered, remote_texts
from redux.expression import Expression
from redux.nested import ATOMS, lazies_in, refuse_hidden, substitute
from redux.repo import Repo
from redux.scheduler.jobs import ABSENT, Cell, Datum, Gather, Job, OperationCell, Part, RuleCell, Scope
from redux.secrets import seal, without_plain
from redux.stand_ins import preprocessed
from redux.tables import thaw
from redux.task import BoundCall
from redux.tasks.job_info import JobInfo
from redux.value import Encoded, Lazy, encode
from redux_backends.records import ExecutionId, Traits
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import ValueMissing

_AHEAD = 1_000
"""How many of the next jobs are looked at when Files at URLs are asked about."""

CONTEXT_ARGUMENT = "(context)"
"""Under this name the whole context is an argument of a call that is reused without a look at what is below it."""


class Unmade(Exception):
    """A datum's bytes turned out to be gone; its origin has to make it again."""

    def __init__(self, datum: Datum, error: ReduxError) -> None:
        self.datum, self.error = datum, error
        super().__init__(str(error))


class NotThere(Exception):
    """A cell that had its datum is making it again, or failed to."""

    def __init__(self, source: Cell) -> None:
        self.source = source
        super().__init__("a datum is being made again")


class Inputs:
    """The data of an execution's cells, loaded from a repository when somebody needs them."""

    def __init__(self, repo: Repo, execution: ExecutionId) -> None:
        self._repo = repo
        self._contexts: dict[int, tuple[Mapping[str, object], Datum]] = {}
        self._execution = execution

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
            return self._repo.build(datum.stored, datum.stored.data)
        return self._repo.load(datum.stored)

    def fill(self, value: object, scope: Scope) -> object:
        """A value with data in place of its expressions. Raises Unmade, NotThere."""
        if type(value) in ATOMS or not lazies_in(value):
            return value
        return substitute(value, lambda lazy: self.load(datum_of(lazy, scope)))

    def argument(self, value: object, scope: Scope) -> Datum:
        """The datum of an argument. Raises Unmade, NotThere."""
        if type(value) in ATOMS:
            return Datum(None, Traits.PLAIN, value)
        if isinstance(value, Lazy):
            datum = datum_of(value, scope)
            datum.users += 1
            return datum
        return Datum(None, Traits.PLAIN, self.fill(value, scope))

    def given(self, datum: Datum, task: str, argument: str) -> Datum:
        """The datum of what a task is given in place of an argument. Raises Unmade, and what a `preprocess` raises."""
        if datum.hash is not None and not datum.traits & Traits.HOOKS:
            return datum
        value = self.load(datum)
        stand_in = preprocessed(value, task, argument)
        if stand_in is value:
            return datum
        datum.users -= 1
        return Datum(None, Traits.PLAIN, stand_in)

    def sealed(self, datum: Datum) -> Datum:
        """The datum of an argument that is a secret. Raises Unmade."""
        value = self.load(datum)
        secret = seal(value)
        if secret is value:
            return datum
        datum.users -= 1
        return Datum(None, Traits.PLAIN, secret)

    def context(self, context: Mapping[str, object]) -> Datum:
        """A context as an argument; the mapping is kept with it, so that its identity stays its own."""
        known = self._contexts.get(id(context))
        if known is None:
            datum = Datum(None, Traits.PLAIN, without_plain(thaw(context)))
            encode_plain(datum, "the context")
            known = self._contexts[id(context)] = context, datum
        return known[1]

    def call_of(self, job: Job) -> BoundCall:
        """How to call a job's function: its arguments as plain values. Raises Unmade where one's bytes are gone."""
        task = job.known.task
        values = [(name, self.load(datum)) for name, datum in job.arguments if name != CONTEXT_ARGUMENT]
        if task.told_args:
            info = self._info_of(job)
            values = [(name, info if name in task.told_args else value) for name, value in values]
        return task.bind_named(values)

    def _info_of(self, job: Job) -> JobInfo:
        assert job.eval_hash is not None
        assert job.args_hash is not None
        return JobInfo(
            self._execution.hex(), job.id.hex(), job.eval_hash.hex(), job.args_hash.hex(), job.attempts + 1,
            dict(job.options.for_executor),
        )  # fmt: skip


class FilesAhead:
    """What Files at URLs are that jobs are given, asked about many jobs at once; it counts for one wave."""

    def __init__(self) -> None:
        self._glance = Glance()

    def of(self, job: Job, following: Iterable[Cell]) -> AbstractContextManager[None]:
        """Inside, a job's arguments are encoded by what is known; else the next jobs are asked about too."""
        values = [datum.value for _, datum in job.arguments if datum.hash is None and type(datum.value) not in ATOMS]
        texts = remote_texts(values) if values else set[str]()
        if not texts <= self._glance.answers.keys():
            for cell in islice(following, _AHEAD):
                if isinstance(cell, Job) and cell.eval_hash is None and cell.bound is not None:
                    texts |= remote_texts((cell.bound.args, cell.bound.kwargs))
            self._glance.ask_ahead(texts)
        return answered(self._glance.answers)


def datum_of(lazy: Lazy, scope: Scope) -> Datum:
    """The datum that stands for an expression. Raises NotThere."""
    source = scope.cells[id(lazy)]
    if source.datum is None:
        raise NotThere(source)
    return source.datum


def expressions_of(cell: Cell) -> Sequence[Lazy]:
    """The expressions that a cell waits for. Raises HiddenExpression, RecursionError."""
    if isinstance(cell, Job):
        bound = cell.bound
        assert bound is not None
        if bound.kwargs or cell.given:
            return lazies_in((bound.args, bound.kwargs, dict(cell.given)))
        nested = [value for value in bound.args if type(value) not in ATOMS]
        return lazies_in(nested) if nested else ()
    if isinstance(cell, OperationCell):
        return lazies_in(cell.operation._args)
    if isinstance(cell, RuleCell):
        return ()
    assert isinstance(cell, (Gather, Part))
    return [cell.value] if isinstance(cell.value, Expression) else lazies_in(cell.value)


def calls_behind(value: object, scope: Scope) -> list[Digest]:
    """The calls whose results are in a value, or were operated on for it; each once, in the order of the value."""
    calls = (job.call_hash for job in jobs_behind(lazies_in(value), scope))
    return list(dict.fromkeys(call for call in calls if call is not None))


def jobs_behind(lazies: Sequence[Lazy], scope: Scope) -> list[Job]:
    """The jobs whose results are those of expressions in a scope, or were operated on for them; each once, in order."""
    found: dict[Job, None] = {}
    seen: set[int] = set()
    waiting = list(lazies)[::-1]
    while waiting:
        lazy = waiting.pop()
        if id(lazy) in seen:
            continue
        seen.add(id(lazy))
        cell = scope.cells.get(id(lazy))
        if cell is None:  # something beside it failed at once, and a rule recovered before anybody came to this
            continue
        if isinstance(cell, Job):
            found[cell] = None
        elif isinstance(cell, OperationCell):
            waiting += lazies_in(cell.operation._args)[::-1]
        elif isinstance(cell, RuleCell):
            waiting += lazies_in([part.value for part in cell.parts])[::-1]
        elif cell.datum is not None and cell.datum.origin is not None:
            found[cell.datum.origin] = None
    return list(found)


def encode_plain(datum: Datum, place: str) -> None:
    """Encode a datum that holds no expression any more; an error says that it is in `place`."""
    try:
        encoded = _encode_plain(datum.value)
    except ReduxError as error:
        error.add_note(f"it is (in) {place}")
        raise
    datum.encoded, datum.hash, datum.traits = encoded, encoded.hash, encoded.traits


def holds_hidden(value: object) -> bool:
    """Whether expressions are left in a value that only its encoding finds."""
    if type(value) in ATOMS:
        return False
    try:
        return bool(encode(value).traits & Traits.EXPRESSIONS)
    except ReduxError:  # what cannot be encoded can be returned all the same
        return False


def _encode_plain(value: object) -> Encoded:
    encoded = encode(value)
    if encoded.traits is not Traits.PLAIN and encoded.traits & Traits.EXPRESSIONS:
        refuse_hidden(value)
    return encoded
