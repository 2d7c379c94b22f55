"""`@task`: what marks a function as a task, its options, and the registry of all tasks by full name."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, update_wrapper
from importlib import import_module
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from redux.code.fingerprint import TaskSource
from redux.counts import count_in_annotation
from redux.expression import RuleCall, TaskCall
from redux.namespace import compute_namespace
from redux.nested import lazies_in
from redux.scheduler_tasks import SchedulerTask, scheduler_task
from redux.secrets import annotated_secrets, looking_secret, revealing, seal_bound, seal_text
from redux.tables import merge, thaw
from redux.tasks.binding import BoundCall, bind_named, name_arguments, plain_names, without_annotations
from redux.tasks.job_info import JobInfo
from redux.tasks.keys import current_task_hash, hash_args_eval, set_task_hasher
from redux.tasks.options import (
    CONTEXT,
    NO_OPTIONS,
    CacheCheckValid,
    CacheResult,
    CacheScope,
    TaskError,
    TaskOptions,
    declare,
    given_for_call,
    naming,
)
from redux.tasks.partial import PartialTask
from redux.tasks.registry import TaskRegistry, get_task_registry
from redux_valuestore.digest import Digest

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

__all__ = [
    "BoundCall",
    "CacheCheckValid",
    "CacheResult",
    "CacheScope",
    "PartialTask",
    "SchedulerTask",
    "Task",
    "TaskError",
    "TaskOptions",
    "TaskRegistry",
    "current_task_hash",
    "get_task_registry",
    "hash_args_eval",
    "name_of_task",
    "scheduler_task",
    "set_task_hasher",
    "source_of_task",
    "task",
    "wraps_task",
]

_NO_NAMES: frozenset[str] = frozenset()
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class Task(Generic[P, R]):
    """A function whose calls are lazy, remembered and recorded.

    Calling it gives an expression (typed as the result it will have); `task.func` is the function itself, `name`,
    `namespace` and `fullname` what it is known under, `declared` its options, `overrides` those that this object's
    calls have over them. `told_args` are the parameters that get the `JobInfo`, `unhashed_args` all those that do not
    count in the key, `secret_args` those whose values are secrets.
    """

    def __init__(self, func: Callable[P, R], name: str, namespace: str, declared: TaskOptions) -> None:
        update_wrapper(self, func)
        self.func = func
        self.name = name
        self.namespace = namespace
        self.fullname = f"{namespace}.{name}" if namespace else name
        self.__redux_task__ = self.fullname
        self.declared = declared
        self.overrides: Mapping[str, object] = NO_OPTIONS
        self.signature = inspect.signature(func)
        self._names = plain_names(self.signature)
        told = (name for name, one in self.signature.parameters.items() if isinstance(one.default, JobInfo))
        self.told_args = frozenset(told)
        self.unhashed_args = declared.config_args | self.told_args
        self._revealed = declared.secret or _NO_NAMES
        self.secret_args = self._revealed | annotated_secrets(self.signature)
        self._arity = len(self._names) if self._names is not None and not self.secret_args else -1
        self._check_names("config_args", declared.config_args)
        self._check_names("secret", self._revealed)
        self._check_nout()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The lazy call of this task; arguments that don't fit the signature raise TypeError here."""
        if kwargs or len(args) != self._arity:
            bound = self._fit(args, kwargs)
            if self.secret_args:
                seal_bound(bound, self.secret_args)
                return cast(R, TaskCall(self.fullname, bound.args, bound.kwargs, self.overrides))
        return cast(R, TaskCall(self.fullname, args, kwargs, self.overrides))

    if TYPE_CHECKING:

        def options(
            self,
            *,
            cache: bool | None = ...,
            cache_scope: CacheScope | Literal["NONE", "CSE", "BACKEND"] | None = ...,
            check_valid: CacheCheckValid | Literal["full", "shallow"] = ...,
            executor: str | None = ...,
            tags: Sequence[tuple[str, object]] = ...,
            allowed_cache_results: Collection[CacheResult | Literal["CSE", "SINGLE", "ULTIMATE"]] | None = ...,
            limits: Sequence[str] | Mapping[str, int] = ...,
            retries: int = ...,
            retry_delay: float = ...,
            retry_on: type[BaseException] | tuple[type[BaseException], ...] = ...,
            timeout: float | None = ...,
            prov: bool = ...,
            export_options: Mapping[str, object] = ...,
            **for_executor: object,
        ) -> Task[P, R]: ...

    else:

        def options(self, **given: Any) -> Task[P, R]:
            """The same task, whose calls have these options over its declared ones; values may be expressions.

            Raises TaskError for an option that is none, or that only a declaration can give.
            """
            with naming(self.fullname):
                given_for_call(self.declared, {name: value for name, value in given.items() if not lazies_in(value)})
            changed = copy.copy(self)
            changed.overrides = {**self.overrides, **given}
            return changed

    def export_options(self, **given: Any) -> Task[P, R]:
        """The same task, from whose calls every job below inherits these options. Raises TaskError."""
        exported: Any = self.overrides.get("export_options", {})
        return self.options(export_options={**exported, **given})

    def update_context(self, values: Mapping[str, object] = NO_OPTIONS, **named: object) -> Task[P, R]:
        """The same task, in whose calls, and in all below them, the context has these values over those it has.

        They are given in a mapping, by name (`named`), or both.
        Raises TaskError for a value that is an expression.
        """
        given = {**values, **named}
        if lazies_in(given):
            raise TaskError(f"the context of task {self.fullname} takes plain values; pass expressions as arguments")
        before: Any = self.overrides.get(CONTEXT, {})
        return self.options(**{CONTEXT: thaw(merge(before, given))})

    def partial(self, *args: Any, **kwargs: Any) -> PartialTask[R]:
        """The task with some of its arguments given; they are evaluated with the final call."""
        if self.secret_args:
            bound = seal_bound(self.signature.bind_partial(*args, **kwargs), self.secret_args)
            return PartialTask(self, bound.args, bound.kwargs)
        return PartialTask(self, args, kwargs)

    @overload
    def call(self: Task[P, CoroutineType[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def call(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The plain result, now: remembered in the `.redux` found from the current folder upward, like any other call.

        For scripts and notebooks, also where an event loop runs (it blocks the loop). Raises what the task raises.
        """
        from redux.session import run  # noqa: PLC0415 - it stands on the scheduler, and the scheduler on tasks

        return run(self(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<task {self.fullname}>"

    @property
    def task_hash(self) -> Digest:
        """The hash of this task's code as it stands now."""
        return current_task_hash(self)

    @cached_property
    def nout(self) -> int | None:
        """How many things it returns, so that a call can be unpacked; None where nobody said so.

        `nout=`, or what the return annotation says; that may name what is defined further down, so it is read late.
        """
        declared = self.declared.nout
        return count_in_annotation(self.func) if declared is None else declared

    @cached_property
    def suspects(self) -> frozenset[str]:
        """The parameters that look as if they were given secrets, and of which nobody said whether they are."""
        if self.declared.secret is not None or self.namespace == "redux":
            return _NO_NAMES
        return looking_secret(self.signature) - self.secret_args

    @cached_property
    def run(self) -> Callable[..., Any]:
        """What a job of it calls: the function; of a script task, one that gives the script that the function gave.

        It takes secrets as they are, and gives the function in plain those that were declared by `secret`.
        """
        revealed = self._revealed - annotated_secrets(self.signature)
        func = revealing(self.func, self.signature, revealed) if revealed else self.func
        if not self.declared.script:
            return func

        def give_script(*args: Any, **kwargs: Any) -> object:
            return RuleCall("redux.script_task", (seal_text(func(*args, **kwargs)),), {})

        return update_wrapper(give_script, func)

    def _check_names(self, option: str, names: frozenset[str]) -> None:
        unknown = names - set(self.signature.parameters)
        if unknown:
            raise TaskError(
                f"task {self.fullname}: {option} names {', '.join(sorted(unknown))}, which the function does not "
                f"take; leave it out, or name one of its own: {', '.join(self.signature.parameters) or 'it has none'}"
            )

    def _check_nout(self) -> None:
        nout = self.declared.nout
        if nout is None:
            return
        annotated = count_in_annotation(self.func)
        if nout < 0 or annotated not in (None, nout):
            why = "less than nothing" if nout < 0 else f"its return annotation says {annotated}"
            raise TaskError(f"task {self.fullname}: nout={nout}, but {why}; leave one of them out")

    def _fit(self, args: tuple[object, ...], kwargs: dict[str, object]) -> inspect.BoundArguments:
        try:
            return self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"task {self.fullname}{without_annotations(self.signature)}: {error}") from None

    def bind(self, args: tuple[object, ...], kwargs: dict[str, object]) -> BoundCall:
        """The arguments in the signature's order, defaults applied: one form however the call was written.

        Those that are secrets are so from here on.
        """
        if not kwargs and len(args) == self._arity:
            return BoundCall(args, kwargs)
        bound = self._fit(args, kwargs)
        bound.apply_defaults()
        if self.secret_args:
            seal_bound(bound, self.secret_args)
        return BoundCall(bound.args, bound.kwargs)

    def name_arguments(self, bound: BoundCall) -> list[tuple[str, object]]:
        """Each argument under its name: `x`, or `rest[0]` of `*rest`, or `options[key]` of `**options`, keys sorted."""
        if self._names is not None and not bound.kwargs:
            return list(zip(self._names, bound.args, strict=True))
        return name_arguments(self.signature, bound)

    def bind_named(self, named: Sequence[tuple[str, object]]) -> BoundCall:
        """The call that `name_arguments` named: its inverse."""
        if self._names is not None:
            return BoundCall(tuple([value for _, value in named]), {})
        return bind_named(self.signature, named)


def name_of_task(value: object) -> str | None:
    """The full name of a task, None for anything else."""
    return value.fullname if isinstance(value, Task) else None


def source_of_task(task: Task[..., Any]) -> TaskSource:
    """What a task's hash is made of."""
    options = task.declared
    return TaskSource(
        task.fullname, task.func, options.version, options.hash_includes, options.source, options.packages, task.nout,
        options.script,
    )  # fmt: skip


@overload
def task(func: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(*, script: Literal[True], **options: Any) -> Callable[[Callable[P, object]], Task[P, bytes]]: ...


@overload
def task(
    *,
    name: str | None = None,
    namespace: str | None = None,
    version: str | None = None,
    cache: bool = True,
    cache_scope: CacheScope | Literal["NONE", "CSE", "BACKEND"] | None = None,
    check_valid: CacheCheckValid | Literal["full", "shallow"] = "full",
    config_args: Sequence[str] = (),
    secret: Collection[str] | None = None,
    hash_includes: Sequence[object] = (),
    packages: Sequence[str] = (),
    source: str | None = None,
    executor: str | None = None,
    tags: Sequence[tuple[str, object]] = (),
    allowed_cache_results: Collection[CacheResult | Literal["CSE", "SINGLE", "ULTIMATE"]] | None = None,
    limits: Sequence[str] | Mapping[str, int] = (),
    retries: int = 0,
    retry_delay: float = 0.0,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    timeout: float | None = None,
    prov: bool = True,
    nout: int | None = None,
    load_module: str | None = None,
    export_options: Mapping[str, object] = NO_OPTIONS,
    **for_executor: object,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Mark a function, `func`, as a task: calling it gives a lazy expression, remembered by code and arguments.

    Bare, or with `options`, all by name.
    `name`, `namespace` make its full name (namespace: argument, else the module's `redux_namespace`). `version` stands
    for the code in the hash. `cache=False` is `cache_scope="CSE"`: hits only within one execution; "NONE": every call
    runs. `check_valid="shallow"` reuses a finished call without visiting what is below it. `config_args` are left out
    of the hash; what `secret` names is never recorded and counts by a keyed hash: the function is given it in plain,
    while an argument annotated `Secret[T]` is given as one. `hash_includes` are added to the hash, and the installed
    versions of `packages`; `source` replaces the function's own text in it. `allowed_cache_results` says which hits are
    taken at all.

    A call runs on `executor`, once as much of each of `limits` is free as it takes, and may take `timeout` seconds.
    Where it raises one of `retry_on` it is tried again up to `retries` times, `retry_delay` seconds later, doubled each
    time. `prov=False` records neither it nor what is below. `nout` says how many things it returns, as does an
    annotation `-> tuple[A, B]`: a call can be unpacked, and its result must be so many. Jobs below inherit
    `export_options`. `tags` go on the task. A worker in another process imports `load_module` to have the task, where
    that is not the module of its function. Options that redux doesn't know are the executor's.

    An `async def` function may await expressions, evaluated as children of its job. It runs in the run's asyncio loop,
    takes no worker but keeps its `limits`, and is reused as a whole: `executor` and `check_valid="full"` are errors.
    Raises TaskError for a name that isn't one or that another place has, for a wrong option, and for one that
    contradicts the function.
    """
    if func is not None:
        return _make_task(func, {})
    return lambda func: _make_task(func, options)


def _make_task(func: Callable[P, R], options: dict[str, Any]) -> Task[P, R]:
    if not callable(func):
        raise TaskError(f"@task was given {func!r:.60}, which is no function; options go by name, as in @task(name=…)")
    name = options.pop("name", None) or func.__name__
    namespace = compute_namespace(func, options.pop("namespace", None))
    if not _NAME.fullmatch(name):
        raise TaskError(f"{name!r} can't name a task: use letters, digits and _ (give one with @task(name=…))")
    if inspect.isasyncgenfunction(func):
        raise TaskError(f"task {name} is an async generator, which gives no result: collect a list, and return that")
    with naming(f"{namespace}.{name}" if namespace else name):
        declared = declare(options, inspect.iscoroutinefunction(func))
    made = Task(func, name, namespace, declared)
    get_task_registry().add(made)
    if made.declared.script:
        import_module("redux.scripting")  # by name, since it stands on tasks: its task has to be known from the start
    return made


Wrapper = Callable[[Task[..., Any]], Callable[..., Any]]
"""Given the inner task, the function that is to run in its place."""


class TaskWrapper(Protocol):
    """What `wraps_task` makes: a decorator of tasks, and of functions, which keeps their arguments."""

    def __call__(self, inner: Callable[P, Any], /) -> Task[P, Any]:
        """The outer task. Raises TaskError as `@task` does."""
        ...


@overload
def wraps_task(
    wrapper_name: str | None = None,
    wrapper_hash_includes: Sequence[object] = (),
    use_wrapper_signature: Literal[False] = False,
    **options: Any,
) -> Callable[[Wrapper], TaskWrapper]: ...


@overload
def wraps_task(
    wrapper_name: str | None = None,
    wrapper_hash_includes: Sequence[object] = (),
    *,
    use_wrapper_signature: bool,
    **options: Any,
) -> Callable[[Wrapper], Callable[[Any], Task[..., Any]]]: ...


def wraps_task(
    wrapper_name: str | None = None,
    wrapper_hash_includes: Sequence[object] = (),
    use_wrapper_signature: bool = False,
    **options: Any,
) -> Any:
    """Make a decorator of tasks out of a function that wraps one.

    The decorated function is given the inner task and returns the function that runs in its place, which may call the
    inner task, or its `.func`. The outer task takes the inner one's name; the inner one moves to the namespace
    `<namespace>.<wrapper_name>`. The outer hash covers the wrapper, the inner function's code and
    `wrapper_hash_includes`. `options` are the outer task's. The outer task takes the arguments of the inner one, unless
    `use_wrapper_signature`. Raises TaskError as `@task` does.
    """

    def make_decorator(wrapper: Wrapper) -> Callable[[Any], Task[..., Any]]:
        def decorate(inner: Any) -> Task[..., Any]:
            inner_task: Task[..., Any] = inner if isinstance(inner, Task) else task(inner)
            return _wrap(inner_task, wrapper, wrapper_name or wrapper.__name__, use_wrapper_signature, options)

        return decorate

    def _wrap(
        inner: Task[..., Any], wrapper: Wrapper, label: str, own_signature: bool, options: dict[str, Any]
    ) -> Task[..., Any]:
        hidden = _move(inner, f"{inner.namespace}.{label}" if inner.namespace else label)
        made: Any = wrapper(hidden)
        declared = {"hash_includes": [*wrapper_hash_includes, wrapper, inner.func], **options}
        if not own_signature:
            made.__signature__ = inner.signature
            declared.setdefault("secret", inner.declared.secret)
        return task(name=inner.name, namespace=inner.namespace, **declared)(made)

    return make_decorator


def _move(inner: Task[..., Any], namespace: str) -> Task[..., Any]:
    """The same task under another namespace, in place of where it was registered."""
    registry = get_task_registry()
    registry.remove(inner.fullname)
    moved = Task(inner.func, inner.name, namespace, inner.declared)
    registry.add(moved)
    return moved
