"""The options of a task: as declared, as exported to what is below a job, as given for one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from redux.tags import TagError, TagsGiven, given_tags
from redux_valuestore.errors import ReduxError

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class TaskError(ReduxError):
    """A task was declared wrongly, or is not known."""

    exit_code = 2


@contextmanager
def naming(fullname: str) -> Iterator[None]:
    """What is wrong with an option in here is told with the task's name, `fullname`, as TaskError."""
    try:
        yield
    except TaskError as error:
        raise TaskError(f"task {fullname}: {error}") from None


class CacheScope(StrEnum):
    """How far a hit may come from: nowhere, the same execution, or the backend."""

    NONE = "NONE"
    CSE = "CSE"
    BACKEND = "BACKEND"


class CacheCheckValid(StrEnum):
    """What is checked before a remembered result is used: every value on the way, or the finished call at once."""

    FULL = "full"
    SHALLOW = "shallow"


class CacheResult(StrEnum):
    """Where a hit comes from: the same execution, one remembered reduction, or a whole finished call."""

    CSE = "CSE"
    SINGLE = "SINGLE"
    ULTIMATE = "ULTIMATE"


ALL_RESULTS = frozenset(CacheResult)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a call that raised is tried again: after `delay` seconds, doubled each time, for these errors only."""

    times: int = 0
    delay: float = 0.0
    errors: tuple[type[BaseException], ...] = (Exception,)


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What the scheduler reads of a task's options (see `task`); what it doesn't know is in `for_executor`.

    Of the code, so that only a declaration can say it: `version`, `hash_includes`, `packages`, `source`, `config_args`,
    `secret`, `nout`, `load_module`, and `script`, for a function that returns what is to be run. Of a call:
    `cache_scope`, `check_valid`, `cache_results`, `executor`, `limits` (names with how much of each), `retry`, `prov`
    and `tags`.
    """

    version: str | None = None
    hash_includes: tuple[object, ...] = ()
    packages: tuple[str, ...] = ()
    source: str | None = None
    config_args: frozenset[str] = frozenset()
    secret: frozenset[str] | None = None
    """arguments that are secrets, though the function is given them in plain; None where nobody said anything"""
    cache_scope: CacheScope = CacheScope.BACKEND
    check_valid: CacheCheckValid = CacheCheckValid.FULL
    cache_results: frozenset[CacheResult] = ALL_RESULTS
    executor: str | None = None
    limits: tuple[tuple[str, int], ...] = ()
    retry: Retry = Retry()
    timeout: float | None = None
    """seconds that one attempt may take"""
    prov: bool = True
    nout: int | None = None
    load_module: str | None = None
    script: bool = False
    is_async: bool = False
    """whether the function is `async def`: it runs in the run's event loop, and is reused as a whole or not at all"""
    tags: tuple[tuple[str, object], ...] = ()
    exported: tuple[tuple[str, object], ...] = ()
    """what every job below inherits"""
    for_executor: tuple[tuple[str, object], ...] = ()

    @property
    def is_remembered(self) -> bool:
        """Whether another execution may use a result."""
        if self.cache_scope is not CacheScope.BACKEND:
            return False
        allowed = self.cache_results
        return (
            allowed is ALL_RESULTS
            or CacheResult.SINGLE in allowed
            or (self.check_valid is CacheCheckValid.SHALLOW and CacheResult.ULTIMATE in allowed)
        )


CONTEXT = "context"
"""The option under which a call carries what it lays over the context."""
_OF_THE_CODE = frozenset(
    {"version", "hash_includes", "packages", "source", "config_args", "secret", "nout", "load_module", "script"}
)
"""What a declaration alone can say: the task's hash, or its callers, depend on it."""
_OF_THE_NAME = frozenset({"name", "namespace"})
"""What a declaration alone can say too, and reads by itself."""
_OF_REDUN: Mapping[str, str] = {
    "compat": "a hash is not taken over; with the same version= before and after an edit, results are kept",
    "mode": "say where it runs by executor=: 'threads' or 'processes'",
}
"""Options of redun's that are none here: what to write in their place."""
_KNOWN = _OF_THE_CODE | {
    "cache", "cache_scope", "check_valid", "allowed_cache_results", "executor", "limits", "retries", "retry_delay",
    "retry_on", "timeout", "prov", "tags", "export_options", CONTEXT,
}  # fmt: skip


def declare(given: Mapping[str, Any], is_async: bool = False) -> TaskOptions:
    """The options of a declaration. Raises TaskError."""
    if not is_async:
        return _changed(TaskOptions(), given)
    if given.get("script"):
        raise TaskError(
            "a script task cannot be async def: await script(…) in an async task, or return it from a plain one"
        )
    return _changed(replace(TaskOptions(), is_async=True, **_AS_A_WHOLE), given)


def given_for_call(options: TaskOptions, given: Mapping[str, Any]) -> TaskOptions:
    """Options with those of one call, or of the jobs above, over them. Raises TaskError."""
    if not given:
        return options
    misplaced = sorted((_OF_THE_CODE | _OF_THE_NAME) & given.keys())
    if misplaced:
        raise TaskError(f"option {misplaced[0]} belongs to the task's declaration: give it to @task, not to a call")
    try:
        return _changed_again(options, tuple(given.items()))
    except TypeError:  # something in it has no hash
        return _changed(options, given)


@lru_cache(maxsize=1024)
def _changed_again(options: TaskOptions, given: tuple[tuple[str, Any], ...]) -> TaskOptions:
    return _changed(options, dict(given))


def handed_down(options: TaskOptions) -> dict[str, Any]:
    """What holds for how a job runs, as options for a call that does the job's work in its place."""
    retry = options.retry
    return {
        "cache_scope": options.cache_scope,
        "check_valid": options.check_valid,
        "allowed_cache_results": options.cache_results,
        "executor": options.executor,
        "limits": dict(options.limits),
        "retries": retry.times,
        "retry_delay": retry.delay,
        "retry_on": retry.errors,
        "timeout": options.timeout,
        **dict(options.for_executor),
    }


def inherited(options: TaskOptions, exported: Mapping[str, Any]) -> TaskOptions:
    """Options with those that jobs above export over them; where plain tasks run is no matter of an async one."""
    if options.is_async:
        exported = {name: value for name, value in exported.items() if name not in _NOT_ASYNC}
    return given_for_call(options, exported)


_AS_A_WHOLE: Mapping[str, Any] = {
    "check_valid": CacheCheckValid.SHALLOW,
    "cache_results": frozenset({CacheResult.CSE, CacheResult.ULTIMATE}),
}
_NOT_ASYNC: Mapping[str, str] = {
    "executor": "it runs in the run's own event loop; give executor= to what it calls",
    "check_valid": "it is reused as a whole, once all below it is as it was; leave check_valid out",
    "allowed_cache_results": "it is reused as a whole; SINGLE cannot be",
}


def _refuse_for_async(given: Mapping[str, Any]) -> None:
    """Raises TaskError for what an async task cannot be given."""
    refused = {
        "executor": given.get("executor") is not None,
        "check_valid": given.get("check_valid", CacheCheckValid.SHALLOW) != CacheCheckValid.SHALLOW,
        "allowed_cache_results": CacheResult.SINGLE in (given.get("allowed_cache_results") or ()),
    }
    for name, why in _NOT_ASYNC.items():
        if refused[name]:
            raise TaskError(f"{name}={given[name]!r} is not for an async task: {why}")


def _changed(options: TaskOptions, given: Mapping[str, Any]) -> TaskOptions:
    if options.is_async:
        _refuse_for_async(given)
    changes: dict[str, Any] = {}
    others = dict(options.for_executor)
    for name, value in given.items():
        if name in _READERS:
            changes[name] = _READERS[name](value)
        elif name not in _KNOWN:
            others[_checked_name(name)] = value
    changes |= _cache_changes(given)
    if given.keys() & {"retries", "retry_delay", "retry_on"}:
        changes["retry"] = _read_retry(options.retry, given)
    if "export_options" in given:
        changes["exported"] = _read_exported({**dict(options.exported), **given["export_options"]})
    return replace(options, for_executor=tuple(others.items()), **changes)


def _cache_changes(given: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if given.get("cache") is not None:
        changes["cache_scope"] = CacheScope.BACKEND if given["cache"] else CacheScope.CSE
    if given.get("cache_scope") is not None:
        changes["cache_scope"] = _one_of(CacheScope, "cache_scope", given["cache_scope"])
    if given.get("prov") is False:
        changes["cache_scope"] = CacheScope.NONE
    if given.get("allowed_cache_results") is not None:
        allowed = given["allowed_cache_results"]
        changes["cache_results"] = frozenset(_one_of(CacheResult, "allowed_cache_results", one) for one in allowed)
    return changes


def _one_of(kinds: type[StrEnum], name: str, value: object) -> StrEnum:
    try:
        return kinds(value)
    except ValueError:
        wanted = ", ".join(repr(str(kind)) for kind in kinds)
        raise TaskError(f"{name}={value!r}: it is one of {wanted}") from None


def _checked_name(name: str) -> str:
    if name in _OF_REDUN:
        raise TaskError(f"there is no option {name!r}: {_OF_REDUN[name]}")
    near = get_close_matches(name, [*_KNOWN], 1, 0.8)
    if near:
        raise TaskError(f"no option is named {name!r}; did you mean {near[0]!r}?")
    return name


def _read_retry(old: Retry, given: Mapping[str, Any]) -> Retry:
    times, delay = given.get("retries", old.times), given.get("retry_delay", old.delay)
    wanted = given.get("retry_on", old.errors)
    errors: tuple[Any, ...] = tuple(wanted) if isinstance(wanted, (tuple, list, set, frozenset)) else (wanted,)
    if not isinstance(times, int) or times < 0:
        raise TaskError(f"retries={times!r}: it is how often to try again, 0 or more")
    if not isinstance(delay, (int, float)) or delay < 0:
        raise TaskError(f"retry_delay={delay!r}: it is a number of seconds, 0 or more")
    if not all(isinstance(error, type) and issubclass(error, BaseException) for error in errors):
        raise TaskError(
            f"retry_on={wanted!r}: it is an exception class (as in retry_on=OSError), or a tuple of several"
        )
    return Retry(times, float(delay), errors)


def _read_limits(given: Mapping[str, int] | Iterable[str]) -> tuple[tuple[str, int], ...]:
    wanted = dict(given) if isinstance(given, Mapping) else dict.fromkeys(_names("limits", given), 1)
    for name, count in wanted.items():
        if not isinstance(count, int) or count < 1:
            raise TaskError(f"limits={{{name!r}: {count!r}}}: it is how much of it a job takes, 1 or more")
    return tuple(sorted(wanted.items()))


def _names(option: str, given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise TaskError(f"{option}={given!r}: give a list of names, as in [{given!r}]")
    return tuple(given)


def _read_timeout(given: float | None) -> float | None:
    if given is not None and (not isinstance(given, (int, float)) or given <= 0):
        raise TaskError(f"timeout={given!r}: it is a number of seconds above 0")
    return None if given is None else float(given)


def _read_tags(given: TagsGiven) -> tuple[tuple[str, object], ...]:
    try:
        given_tags(given)
    except TagError as error:
        raise TaskError(f"tags={given!r:.60}: {error}") from None
    pairs = cast("Mapping[str, object]", given).items() if isinstance(given, Mapping) else given
    return tuple(pairs)


def _read_exported(given: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    given_for_call(TaskOptions(), given)
    return tuple(given.items())


def _read_nout(given: int | None) -> int | None:
    if given is not None and (not isinstance(given, int) or given < 0):
        raise TaskError(f"nout={given!r}: it is how many things the task returns, a whole number from 0 on")
    return given


_READERS: Mapping[str, Any] = {
    "version": lambda given: None if given is None else str(given),
    "hash_includes": tuple,
    "packages": lambda given: tuple(sorted(set(_names("packages", given)))),
    "source": lambda given: given,
    "config_args": lambda given: frozenset(_names("config_args", given)),
    "secret": lambda given: None if given is None else frozenset(_names("secret", given)),
    "check_valid": lambda given: _one_of(CacheCheckValid, "check_valid", given),
    "executor": lambda given: given,
    "limits": _read_limits,
    "timeout": _read_timeout,
    "prov": bool,
    "nout": _read_nout,
    "load_module": lambda given: given,
    "script": bool,
    "tags": _read_tags,
}
assert set(_READERS) <= {field.name for field in fields(TaskOptions)}
