"""`subrun` as the scheduler has it: the rule that makes the job, and the task that is the sub-scheduler."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from redux.call_defaults import calls_in, taken_defaults
from redux.errors import ConfigError
from redux.executors.code_package import moved_code
from redux.executors.configured import pools_of
from redux.executors.executor import CodeDiffers
from redux.executors.orders import ForeignError
from redux.executors.pool import meant
from redux.executors.worker import import_workflow, stops
from redux.expression import RuleCall, TaskCall
from redux.flow.subrun import ELSEWHERE, SUBRUN
from redux.nested import lazies_in
from redux.redaction import redacted
from redux.repo import open_repo
from redux.rules import Grafted, Steps, Surroundings, SurroundingsAsked, Tally, rule
from redux.scheduler.current import get_current_scheduler, scheduler_here
from redux.scheduler.report import ExecutionFailed, FailedBelow, Failure
from redux.scheduler.scheduler import Scheduler
from redux.scheduler.terms import Joined, Terms
from redux.serializers.secrets import mark_of
from redux.settings.folder import PROJECT_FOLDER
from redux.settings.layers import ExecutorSettings, Layer
from redux.settings.precedence import user_file
from redux.settings.source import read_table
from redux.tables import merge, thaw
from redux.task import get_task_registry, task
from redux.tasks.job_info import JobInfo
from redux.tasks.options import CONTEXT
from redux.tracebacks import text_of
from redux.value import Encoded, Lazy, Secret, decode, encode, has_current_code
from redux_backends.records import ExecutionId, JobId
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.errors import ReduxError

redux_namespace = "redux"

_GRAFTED = "redux.grafted"
_SHOWN = 200


class SubrunError(ReduxError):
    """A sub-scheduler cannot work where its job runs."""


# -- what crosses ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    """An expression that is opened where its tasks are known: as text, and as its bytes with the large parts beside."""

    shown: str
    data: bytes = field(repr=False)
    parts: tuple[bytes, ...] = field(default=(), repr=False)
    defaults: tuple[tuple[str, str, Digest], ...] = field(default=(), repr=False)
    """what its calls take that nobody gave them: a task's full name, the argument's, and the value's hash"""

    def open(self) -> object:
        """The expression. Raises CannotDecode; CodeDiffers for classes that are not the same code here."""
        if not has_current_code(memoryview(self.data)):
            raise CodeDiffers(SUBRUN, "an argument's class")
        parts = {digest_bytes(part): part for part in self.parts}
        return decode(self.data, lambda digest: memoryview(bytearray(parts[digest])))


@dataclass(frozen=True, slots=True)
class SealedWithSecrets(Sealed):
    """The same with the secrets that are in it, so that they cross along with it."""

    secrets: tuple[Secret[Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Module:
    """A module with tasks: one of them by its full name, the module's name, and its file."""

    task: str
    name: str
    path: str


@dataclass(frozen=True, slots=True, repr=False)
class Below:
    """How a sub-scheduler is to work: under which terms, in which surroundings, with which code."""

    terms: Terms
    context: Mapping[str, object]
    exported: Mapping[str, object]
    new_execution: bool
    modules: tuple[Module, ...]
    load_modules: tuple[str, ...]
    executors: tuple[ExecutorSettings, ...]
    pools: Mapping[str, Any]
    """what makes the run's own executors, as far as it can cross"""

    def __repr__(self) -> str:
        return "<how its run works>"


@dataclass(frozen=True, slots=True, repr=False)
class Far:
    """Another project: its folder, settings over its own, modules to import first, and whose folder not to look in.

    `named` tells who said which modules, in words.
    """

    folder: str
    config: Mapping[str, object]
    load_modules: tuple[str, ...]
    caller_folder: str
    named: str = "load_modules of the subrun"

    def __repr__(self) -> str:
        return f"<project {self.folder}>"


@dataclass(frozen=True, slots=True)
class Wrong:
    """How a sub-scheduler's evaluation failed: the error, its traceback, and where the error itself may be kept."""

    error: BaseException
    traceback_text: str
    kept: str
    chain: tuple[tuple[str, str], ...]
    job_id: JobId | None


def seal(expression: object) -> Sealed:
    """An expression as a value, whatever is in it. Raises CannotEncode."""
    encoded = encode(expression)
    # No repr of plain values, which may show where in memory they are: the text is part of the key.
    lazies = [expression] if isinstance(expression, Lazy) else lazies_in(expression)
    shown = redacted(", ".join(map(repr, lazies)))[:_SHOWN]
    said = (shown, b"".join(encoded.chunks), tuple(_parts(encoded)), tuple(taken_defaults(expression)))
    secrets = {mark_of(one): one for one in cast("tuple[Secret[Any], ...]", encoded.secrets)}
    return SealedWithSecrets(*said, tuple(secrets.values())) if secrets else Sealed(*said)


def _parts(encoded: Encoded) -> Iterator[bytes]:
    for part in encoded.subvalues:
        yield from _parts(part)
        yield b"".join(part.chunks)


# -- in the scheduler ------------------------------------------------------------------------------


@rule(SUBRUN)
def _make_job(
    expr: Any, executor: Any, config: Any, config_dir: Any, new_execution: bool, load_modules: Any,
    task_options: Mapping[str, Any],
) -> Steps[Any]:  # fmt: skip
    said = yield (executor, config, config_dir, load_modules)
    executor, config, config_dir, load_modules = said
    around = yield SurroundingsAsked()
    scheduler = get_current_scheduler()
    if config_dir is not None:
        import_module(ELSEWHERE)  # it stands on the session, which stands on this
        modules = tuple(_homes_of(expr) if load_modules is None else load_modules)
        far = Far(_project_folder(config_dir), thaw(config or {}), modules, str(scheduler.folder))
        return TaskCall(ELSEWHERE, (seal(expr), [], {}, far), {}, {**task_options, "executor": executor})
    said = _read(config or {}, scheduler)
    below = _below(scheduler, executor, said, around, new_execution, tuple(load_modules or ()))
    options = {**task_options, "executor": executor}
    if said.context:
        options[CONTEXT] = thaw(said.context)
    return TaskCall(SUBRUN, (seal(expr), below), {}, options)


def _homes_of(expr: object) -> list[str]:
    """The modules of the tasks that an expression calls, as far as they are known here."""
    return list(dict.fromkeys(called.func.__module__ for called, *_ in calls_in(expr)))


def _project_folder(config_dir: str) -> str:
    path = Path(config_dir).absolute()
    return str(path.parent if path.name == PROJECT_FOLDER else path)


def _read(config: Mapping[str, object], scheduler: Scheduler) -> Layer:
    said = read_table(config, "the config of subrun", scheduler.folder)
    if said.database is not None or said.store is not None or said.inline_limit is not None:
        raise ConfigError(
            "the config of subrun",
            "says where to record, but a subrun records where its run does: leave that out, or name another project's "
            "folder as config_dir=",
        )
    of_the_run = [
        name
        for name in ("setup", "pickle", "context_file", "status_interval", "single_flight")
        if getattr(said, name) is not None
    ]
    if of_the_run:
        raise ConfigError(
            "the config of subrun",
            f"says {of_the_run[0]}, which holds for a whole run: say it in the run's own settings",
        )
    return said


def _below(
    scheduler: Scheduler, executor: str, said: Layer, around: Surroundings, new_execution: bool,
    load_modules: tuple[str, ...],
) -> Below:  # fmt: skip
    terms = scheduler.terms
    held = meant(executor, scheduler.executors)
    inline = held == "inline"
    terms = replace(
        terms,
        executor=said.executor or (held if inline else terms.executor),
        workers=said.workers or terms.workers,
        use_cache=terms.use_cache if said.cache is None else said.cache,
        keep_going=terms.keep_going if said.keep_going is None else said.keep_going,
        limits=tuple({**dict(terms.limits), **dict(said.limits or ())}.items()),
        federated_tasks=(*(said.federated_tasks or ()), *terms.federated_tasks),
        inside=terms.inside if inline else tuple(dict.fromkeys((*terms.inside, held))),
    )
    context = thaw(merge(around.context, said.context or {}))
    exported = {**around.exported, "prov": False} if around.silent else dict(around.exported)
    named = tuple(replace(one, options=thaw(one.options)) for one in said.executors or ())
    pools = {name: make for name, make in scheduler.executors.items() if _crosses(make)}
    return Below(terms, context, exported, new_execution, tuple(_modules()), load_modules, named, pools)


def _crosses(make: object) -> bool:
    try:
        encode(make)
    except ReduxError:  # a lambda, or what holds a connection: there will be no such executor in another process
        return False
    return True


def _modules() -> Iterator[Module]:
    """The modules of all tasks, each once; of those that another process can import."""
    seen: set[str] = set()
    for each in get_task_registry():
        name = each.func.__module__
        path = getattr(sys.modules.get(name), "__file__", None)
        if name not in seen and path is not None:
            seen.add(name)
            yield Module(each.fullname, name, os.path.abspath(path))


@rule(_GRAFTED)
def _graft(
    value: Any,
    calls: Sequence[tuple[Digest | None, Digest | None, int]],
    counts: Sequence[Tally],
    trouble: str | None,
    wrong: Wrong | None,
) -> Steps[Any]:
    """What a sub-scheduler came to, in the job that it was."""
    yield Grafted(tuple(calls), trouble, tuple(counts))
    if wrong is not None:
        raise _error_of(wrong)
    return value


def _error_of(wrong: Wrong) -> BaseException:
    scheduler = get_current_scheduler()
    assert scheduler is not None
    error = scheduler.take_error(wrong.kept)
    if error is None:
        error = wrong.error
        BaseException.__setattr__(error, "__redux_traceback__", wrong.traceback_text)
    BaseException.__setattr__(error, "__redux_below__", FailedBelow(wrong.chain, wrong.job_id))
    return error


# -- in the worker ---------------------------------------------------------------------------------


@task(
    name="subrun", version="1", check_valid="shallow", allowed_cache_results=["CSE", "ULTIMATE"],
    config_args=["below"],
)  # fmt: skip
def run_below(expression: Sealed, below: Below, job: JobInfo = JobInfo()) -> Any:
    """Be the scheduler of an expression."""
    with _scheduler(below, job.job_id) as scheduler:
        for name in below.load_modules:
            import_module(name)
        expr = expression.open()
        if below.new_execution:
            said = ("subrun", expression.shown)
            tags = {"caller": f"{job.execution_id}/{job.job_id}"}
            joined = scheduler.run_beside(expr, said, tags, below.context, below.exported)
        else:
            here, parent = ExecutionId(bytes.fromhex(job.execution_id)), JobId(bytes.fromhex(job.job_id))
            joined = scheduler.join(expr, here, parent, below.context, below.exported)
    counts = () if below.new_execution else tuple(one.tally(name) for name, one in joined.report.counts.items())
    return _outcome(joined, counts, job.job_id, scheduler_here(below.terms.token))


@contextmanager
def _scheduler(below: Below, job: str) -> Iterator[Scheduler]:
    outer, executors = scheduler_here(below.terms.token), pools_of(below.executors)
    if outer is not None:
        with outer.sub_scheduler(below.terms, executors, job) as scheduler:
            yield scheduler
        return
    address = below.terms.address
    if address is None:
        raise SubrunError(
            "this run keeps its records in memory, which a worker in another process cannot reach; run it on storage "
            "of a project (`redux run`, open_scheduler), or give subrun executor='threads'"
        )
    moved = moved_code.get()
    place_of = str if moved is None else moved.place_of
    for module in below.modules:
        if get_task_registry().get(module.task) is None:
            import_workflow(module.name, place_of(module.path))
    # Hashed as the run does: by what the project has here, wherever the run itself has it.
    terms = replace(below.terms, folder=place_of(below.terms.folder))
    try:
        repo = open_repo(
            address.database, address.store, address.inline_limit, address.password_command, admission=address.admission
        )
    except ReduxError as error:
        raise SubrunError(
            f"a sub-scheduler records where its run does, and this worker cannot: {error}; give the run a database "
            "that this worker sees under the same address, or give subrun executor='threads'"
        ) from error
    try:
        if address.shared is not None:
            from redux.shared.opening import share_at  # noqa: PLC0415 - only where there is one

            share_at(repo, address.shared, os.environ, user_file())
        scheduler = Scheduler.on(repo, terms, {**below.pools, **executors})
        with stops.heard_by(scheduler.stop):
            yield scheduler
    finally:
        repo.close()


def _outcome(joined: Joined, counts: tuple[Tally, ...], job: str, outer: Scheduler | None) -> RuleCall:
    report, failure = joined.report, joined.report.failure
    if failure is None and report.stopped:
        stopped = ExecutionFailed(report.execution_id, "was stopped before its end")
        failure = Failure(stopped, str(stopped), (), None)
    wrong = None if failure is None else _wrong(failure, job, outer)
    return RuleCall(_GRAFTED, (report.result, joined.calls, counts, report.storage_trouble, wrong), {})


def _wrong(failure: Failure, job: str, outer: Scheduler | None) -> Wrong:
    error = failure.error
    if outer is not None:
        outer.keep_error(job, error)
    shown = f"{type(error).__name__}: {text_of(error)}"
    try:
        portable = error if outer is None and not encode(error).subvalues else ForeignError(shown)
    except Exception:  # it has no encoding, or its own code has faults: its text will do
        portable = ForeignError(shown)
    return Wrong(portable, failure.traceback_text, job, failure.chain, failure.job_id)
