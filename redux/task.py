"""`@task`: what marks a function as a task, its options, and the registry of all tasks by full name."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast, overload

from redux.code.fingerprint import TaskSource
from redux.counts import count_in_annotation
from redux.expression import TaskCall
from redux.value import set_task_resolver
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_NAMESPACE = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*")


class TaskError(ReduxError):
    """A task was declared wrongly, or is not known."""

    exit_code = 2


class CacheScope(StrEnum):
    """How far a hit may come from: nowhere, the same execution, or the backend."""

    NONE = "NONE"
    CSE = "CSE"
    BACKEND = "BACKEND"


class CacheCheckValid(StrEnum):
    """What is checked before a remembered result is used: every value on the way, or the finished call at once."""

    FULL = "full"
    SHALLOW = "shallow"


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """The options of `@task` that the scheduler reads."""

    version: str | None = None
    cache_scope: CacheScope = CacheScope.BACKEND
    check_valid: CacheCheckValid = CacheCheckValid.FULL
    config_args: frozenset[str] = frozenset()
    hash_includes: tuple[object, ...] = ()
    source: str | None = None
    executor: str | None = None
    tags: tuple[tuple[str, object], ...] = ()
    nout: int | None = None


@frozen
class BoundCall:
    """A call's arguments bound to the signature, defaults applied: how to call, and each argument under its name."""

    args: tuple[object, ...]
    kwargs: dict[str, object]


class Task(Generic[P, R]):
    """A function whose calls are lazy, remembered and recorded.

    Calling it gives an expression (typed as the result it will have); `task.func` is the function itself.
    """

    def __init__(self, func: Callable[P, R], name: str, namespace: str, options: TaskOptions) -> None:
        update_wrapper(self, func)
        self.func = func
        self.name = name
        self.namespace = namespace
        self.fullname = f"{namespace}.{name}" if namespace else name
        self.__redux_task__ = self.fullname
        self.options = options
        self.signature = inspect.signature(func)
        self._names = _plain_names(self.signature)
        self._arity = len(self._names) if self._names is not None else -1
        unknown = options.config_args - set(self.signature.parameters)
        if unknown:
            raise TaskError(
                f"task {self.fullname}: config_args names {', '.join(sorted(unknown))}, "
                "which the function does not take"
            )
        self._check_nout()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The lazy call of this task; arguments that don't fit the signature raise TypeError here."""
        if kwargs or len(args) != self._arity:
            self._check_fit(args, kwargs)
        return cast(R, TaskCall(self.fullname, args, kwargs))

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
        declared = self.options.nout
        return count_in_annotation(self.func) if declared is None else declared

    def _check_nout(self) -> None:
        nout = self.options.nout
        if nout is None:
            return
        annotated = count_in_annotation(self.func)
        if nout < 0 or annotated not in (None, nout):
            why = "less than nothing" if nout < 0 else f"its return annotation says {annotated}"
            raise TaskError(f"task {self.fullname}: nout={nout}, but {why}; leave one of them out")

    def _check_fit(self, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"task {self.fullname}{_plain(self.signature)}: {error}") from None

    def bind(self, args: tuple[object, ...], kwargs: dict[str, object]) -> BoundCall:
        """The arguments in the signature's order, defaults applied: one form however the call was written."""
        if not kwargs and len(args) == self._arity:
            return BoundCall(args, kwargs)
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return BoundCall(bound.args, bound.kwargs)

    def name_arguments(self, bound: BoundCall) -> list[tuple[str, object]]:
        """Each argument under its name: `x`, or `rest[0]` of `*rest`, or `options[key]` of `**options`, keys sorted."""
        if self._names is not None and not bound.kwargs:
            return list(zip(self._names, bound.args, strict=True))
        return _name_arguments(self.signature, bound)

    def bind_named(self, named: Sequence[tuple[str, object]]) -> BoundCall:
        """The call that `name_arguments` named: its inverse."""
        if self._names is not None:
            return BoundCall(tuple([value for _, value in named]), {})
        return _bind_named(self.signature, named)


def _plain(signature: inspect.Signature) -> inspect.Signature:
    """The signature without annotations, which would crowd an error message."""
    parameters = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


def _plain_names(signature: inspect.Signature) -> tuple[str, ...] | None:
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}:
        return tuple(signature.parameters)
    return None


def _name_arguments(signature: inspect.Signature, bound: BoundCall) -> list[tuple[str, object]]:
    named: list[tuple[str, object]] = []
    position = 0
    keywords = dict(bound.kwargs)
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = bound.args[position:]
            position = len(bound.args)
            named += [(f"{name}[{index}]", value) for index, value in enumerate(rest)]
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named += [(f"{name}[{key}]", keywords[key]) for key in sorted(keywords)]
        elif name in keywords and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
            named.append((name, keywords.pop(name)))
        elif position < len(bound.args):
            named.append((name, bound.args[position]))
            position += 1
    return named


def _bind_named(signature: inspect.Signature, named: Sequence[tuple[str, object]]) -> BoundCall:
    args: list[object] = []
    kwargs: dict[str, object] = {}
    parameters = signature.parameters
    for name, value in named:
        head, _, tail = name.partition("[")
        kind = parameters[head].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            kwargs[tail[:-1]] = value
        elif kind is inspect.Parameter.KEYWORD_ONLY:
            kwargs[head] = value
        else:
            args.append(value)
    return BoundCall(tuple(args), kwargs)


class TaskRegistry:
    """All tasks by full name. One defined again in the same place replaces the old one (a notebook cell run again)."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Register a task. Raises TaskError where another place already has its name."""
        old = self._tasks.get(task.fullname)
        if old is not None and not _same_place(old.func, task.func):
            raise TaskError(
                f"two tasks are named {task.fullname}: one in {_place(old.func)}, one in {_place(task.func)}; "
                "give one another name or a namespace"
            )
        self._tasks[task.fullname] = task

    def get(self, fullname: str) -> Task[..., Any] | None:
        """The task of that full name, None where there is none."""
        return self._tasks.get(fullname)

    def __iter__(self) -> Iterator[Task[..., Any]]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)


def _place(func: Callable[..., object]) -> str:
    code = getattr(inspect.unwrap(func), "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(func, "__module__", "?")
    return f"{where} ({getattr(func, '__qualname__', '?')})"


def _same_place(old: Callable[..., object], new: Callable[..., object]) -> bool:
    if getattr(old, "__qualname__", None) != getattr(new, "__qualname__", None):
        return False
    if old.__module__ == new.__module__:
        return True
    old_code = getattr(inspect.unwrap(old), "__code__", None)
    new_code = getattr(inspect.unwrap(new), "__code__", None)
    return old_code is not None and new_code is not None and old_code.co_filename == new_code.co_filename


_registry = TaskRegistry()


def get_task_registry() -> TaskRegistry:
    """The registry that `@task` fills."""
    return _registry


def name_of_task(value: object) -> str | None:
    """The full name of a task, None for anything else."""
    return value.fullname if isinstance(value, Task) else None


def source_of_task(task: Task[..., Any]) -> TaskSource:
    """What a task's hash is made of."""
    options = task.options
    return TaskSource(task.fullname, task.func, options.version, options.hash_includes, options.source, task.nout)


_hash_of: list[Callable[[Task[..., Any]], Digest]] = []


def set_task_hasher(hasher: Callable[[Task[..., Any]], Digest]) -> None:
    """Say how a task's current hash is found; the scheduler does, once an execution has fingerprinted its tasks."""
    _hash_of[:] = [hasher]


def current_task_hash(task: Task[..., Any]) -> Digest:
    """The hash of a task's code. Raises TaskError outside an execution."""
    if not _hash_of:
        raise TaskError(f"the code of task {task.fullname} is hashed when an execution starts; none has started yet")
    return _hash_of[0](task)


@overload
def task(func: Callable[P, R], /) -> Task[P, R]: ...


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
    hash_includes: Sequence[object] = (),
    source: str | None = None,
    executor: str | None = None,
    tags: Sequence[tuple[str, object]] = (),
    nout: int | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Mark a function as a task: calling it gives a lazy expression whose result is remembered by code and arguments.

    `name`, `namespace` make its full name (namespace: argument, else the module's `redux_namespace`). `version` stands
    for the code in the hash. `cache=False` is `cache_scope="CSE"`: hits only within one execution; "NONE": every call
    runs. `check_valid="shallow"` reuses a finished call without visiting what is below it. `config_args` are left out
    of the hash; `hash_includes` are added to it; `source` replaces the function's own text in it. `nout` says how many
    things it returns, as does an annotation `-> tuple[A, B]`: a call can be unpacked, and its result must be so many.
    Raises TaskError for a name that isn't one or that another place has, and for options that contradict the function.
    """
    if func is not None:
        return _make_task(func, {})
    return lambda func: _make_task(func, options)


def _make_task(func: Callable[P, R], options: dict[str, Any]) -> Task[P, R]:
    name = options.pop("name", None) or func.__name__
    namespace = options.pop("namespace", None)
    if namespace is None:
        names = getattr(func, "__globals__", {})
        namespace = names.get("redux_namespace", names.get("redun_namespace", ""))
    if not _NAME.fullmatch(name):
        raise TaskError(f"{name!r} can't name a task: use letters, digits and _ (give one with @task(name=…))")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise TaskError(f"{namespace!r} can't be a namespace: use letters, digits, _ and dots")
    made = Task(func, name, namespace, _options(**options))
    _registry.add(made)
    return made


def _options(
    version: str | None = None,
    cache: bool = True,
    cache_scope: str | None = None,
    check_valid: str = "full",
    config_args: Sequence[str] = (),
    hash_includes: Sequence[object] = (),
    source: str | None = None,
    executor: str | None = None,
    tags: Sequence[tuple[str, object]] = (),
    nout: int | None = None,
) -> TaskOptions:
    scope = CacheScope(cache_scope) if cache_scope else (CacheScope.BACKEND if cache else CacheScope.CSE)
    for key, value in tags:
        try:
            json.dumps(value, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise TaskError(
                f"the tag {key!r} cannot be written as JSON ({error}); give text, numbers or lists"
            ) from None
    return TaskOptions(
        None if version is None else str(version),
        scope,
        CacheCheckValid(check_valid),
        frozenset(config_args),
        tuple(hash_includes),
        source,
        executor,
        tuple(tags),
        nout,
    )


set_task_resolver(_registry.get)
