"""Executors that the settings name: each `[executors.NAME]` as what makes it, by its type, redux's or one's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from redux.errors import ConfigError, nearest
from redux.executors.code_package import CodePatterns
from redux.executors.executor import Executor, ExecutorError, Place, Site
from redux.executors.local import EXECUTORS, LocalExecutor, LocalKind
from redux.executors.pool import OTHER_NAMES, Alias, OwnExecutor
from redux.executors.with_code import WithCode
from redux.settings.layers import NOTHING, ExecutorSettings
from redux.tables import freeze, thaw

if TYPE_CHECKING:
    from concurrent import futures

Opener = Callable[..., Executor]
"""Called with the executor's name, its site, and the other keys of its table."""
Class = TypeVar("Class", bound=type)

_PATH = re.compile(r"[\w.]+:[\w.]+")
_CLASS = re.compile(r"\w+(\.\w+)+")
_EXAMPLE = "concurrent.futures:ThreadPoolExecutor"
_MODES: Mapping[str, LocalKind] = {"thread": "threads", "process": "processes"}


def pools_of(executors: Iterable[ExecutorSettings]) -> Mapping[str, OwnExecutor]:
    """What makes each executor, by name. Raises ConfigError for a table that makes none.

    A factory or class is imported when the first job asks for its executor; ConfigError then, where it cannot be.
    """
    made = {one.name: _made(one) for one in executors}
    for name in made:
        _check_target(name, made)
    return made


def get_executor_from_config(
    executors_config: Mapping[str, Mapping[str, object]], executor_name: str
) -> OwnExecutor:  # fmt: skip
    """The executor that a table of settings names, as `Scheduler(executors={executor_name: …})` takes it.

    `executors_config` are tables as `[executors.NAME]` has them, by name. Raises ExecutorError where none has this
    name, ConfigError for one that makes none.
    """
    if executor_name not in executors_config:
        close = nearest(executor_name, executors_config)
        raise ExecutorError(f"no executor is configured under the name {executor_name!r}{close}")
    options = dict(executors_config[executor_name])
    kind = options.pop("type", "custom" if "class" in options else None)
    if not isinstance(kind, str):
        wrong = "is missing" if kind is None else f"= {kind!r}"
        raise ConfigError(f"executors.{executor_name}.type", f"{wrong}: it must be one of {_kinds()}")
    return _made(ExecutorSettings(executor_name, kind, freeze(options)))


def register_executor(executor_name: str) -> Callable[[Class], Class]:
    """Make a class the one of a type of executors, `executor_name`: what `[executors.NAME]` with that `type` is.

    It is called with the executor's name, a `Site` and the table's other keys, and has the methods of `Executor`; each
    job's outcome goes to `site.done`. The module must be imported when the settings are read: a workflow's own is.
    Raises ExecutorError for a type that redux brings.
    """

    def register(cls: Class) -> Class:
        if executor_name in _TYPES:
            raise ExecutorError(f"{executor_name!r} is a type of executors that redux brings; give yours another name")
        _registered[executor_name] = cls
        return cls

    return register


@overload
def get_executor_class(executor_name: str, required: Literal[True] = True) -> type: ...
@overload
def get_executor_class(executor_name: str, required: bool) -> type | None: ...
def get_executor_class(executor_name: str, required: bool = True) -> type | None:
    """The class of a type of executors, `executor_name`.

    Where there is none: None, or ExecutorError where it is `required`.
    """
    if executor_name in _TYPES:
        module, name = _TYPES[executor_name].of
        return cast(type, getattr(import_module(module), name))
    found = _registered.get(executor_name)
    if found is None and required:
        raise ExecutorError(
            f"there is no type of executors {executor_name!r}; there are {', '.join(executor_types())}, and "
            "those of @register_executor, once its module is imported"
        )
    return found


def executor_types() -> tuple[str, ...]:
    """The types of executors that settings can name at the moment, sorted: redux's, and those that were registered."""
    return tuple(sorted({*_TYPES, *_registered}))


_registered: dict[str, type] = {}


@dataclass(frozen=True, slots=True)
class Custom(Place):
    """An executor of a class of one's own, which `find` gives; `options` are further arguments of it."""

    find: Callable[[], Opener]
    options: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def open(self, name: str, site: Site) -> Executor:
        """The instance of this `name`, at a `site`."""
        return self.find()(name, site, **self.options)


@dataclass(frozen=True, slots=True)
class Factory:
    """Calls `module:callable`, the `path`, with the table's other keys, `options`, for the executor `name`.

    What comes must be a `concurrent.futures.Executor`.
    """

    name: str
    path: str
    options: Mapping[str, Any]

    def __call__(self) -> futures.Executor:
        from concurrent.futures import Executor  # noqa: PLC0415 - most runs need no such pool

        made = self._find()(**self.options)
        if not isinstance(made, Executor):
            what = f"{self.path} gave {made!r:.60}, which is no concurrent.futures.Executor; have it give one"
            raise ConfigError(f"executors.{self.name}.factory", what)
        return made

    def _find(self) -> Callable[..., object]:
        module, _, name = self.path.partition(":")
        found = _imported(f"executors.{self.name}.factory", self.path, module, name)
        if not callable(found):
            what = f"{self.path} is {found!r:.60}, which cannot be called; name a function or a class"
            raise ConfigError(f"executors.{self.name}.factory", what)
        return found


def _imported(key: str, path: str, module: str, name: str) -> object:
    try:
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever the user's module raises while it is imported
        why = f"{path!r} cannot be imported: {type(error).__name__}: {error}"
        remedy = "name a module that `redux run` can import and what is in it"
        raise ConfigError(key, f"{why}; {remedy}") from error
    return found


# -- tables ------------------------------------------------------------------------------------------


def _made(one: ExecutorSettings) -> OwnExecutor:
    if one.name in EXECUTORS:
        raise ConfigError(f"executors.{one.name}", "is an executor that redux brings; give yours another name")
    if one.type in _TYPES:
        return _TYPES[one.type].read(one)
    if one.type in _registered:
        return Custom(partial(cast("Callable[[str], Opener]", get_executor_class), one.type), thaw(one.options))
    raise ConfigError(f"executors.{one.name}.type", f"{one.type!r} is no type of executor; there are {_kinds()}")


def _kinds() -> str:
    *known, last = map(repr, executor_types())
    return f"{', '.join(known)} and {last}"


def _check_target(name: str, made: Mapping[str, OwnExecutor]) -> None:
    """Follow an alias to its end. Raises ConfigError where there is none."""
    passed = [name]
    while isinstance(one := made.get(passed[-1]), Alias):
        target = one.target
        key = f"executors.{passed[-1]}.target"
        if target in passed:
            raise ConfigError(key, f"goes round in a circle: {' -> '.join((*passed, target))}; name another executor")
        known = {*made, *EXECUTORS, *OTHER_NAMES}
        if target not in known:
            raise ConfigError(key, f"= {target!r}: no executor has this name{nearest(target, known)}")
        passed.append(target)


def _by_factory(one: ExecutorSettings) -> OwnExecutor:
    options: dict[str, Any] = thaw(one.options)
    path = options.pop("factory", None)
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        wrong = "is missing" if path is None else f"= {path!r}"
        raise ConfigError(f"executors.{one.name}.factory", f'{wrong}: it must be "module:callable", as "{_EXAMPLE}"')
    patterns = _code_package(one, options)
    made = Factory(one.name, path, options)
    return made if patterns is None else WithCode(made, patterns)


def _of_dask(one: ExecutorSettings) -> OwnExecutor:
    options: dict[str, Any] = thaw(one.options)
    patterns = _code_package(one, options)

    def make() -> futures.Executor:
        from redux.executors.dask import DaskPool  # noqa: PLC0415 - an extra, imported where it is used

        return DaskPool(**options)

    return make if patterns is None else WithCode(make, patterns)


def _of_this_machine(one: ExecutorSettings) -> OwnExecutor:
    options = _only(one, "workers")
    return LocalExecutor(cast("LocalKind", one.type), _workers(one, options.get("workers")))


def _as_in_redun(one: ExecutorSettings) -> OwnExecutor:
    options = _only(one, "mode", "max_workers")
    mode = options.get("mode", "thread")
    if mode not in _MODES:
        raise ConfigError(f"executors.{one.name}.mode", f"= {mode!r}: it must be 'thread' or 'process'")
    return LocalExecutor(_MODES[mode], _workers(one, options.get("max_workers"), "max_workers"))


def _of_other_name(one: ExecutorSettings) -> OwnExecutor:
    target = _only(one, "target").get("target")
    if not isinstance(target, str) or not target:
        wrong = "is missing" if target is None else f"= {target!r}"
        raise ConfigError(f"executors.{one.name}.target", f"{wrong}: it must be the name of an executor")
    return Alias(target)


def _of_own_class(one: ExecutorSettings) -> OwnExecutor:
    options: dict[str, Any] = thaw(one.options)
    path, key = options.pop("class", None), f"executors.{one.name}.class"
    if not isinstance(path, str) or not _CLASS.fullmatch(path):
        wrong = "is missing" if path is None else f"= {path!r}"
        raise ConfigError(key, f'{wrong}: it must be "package.module.Class"')
    module, _, name = path.rpartition(".")
    return Custom(lambda: cast("Opener", _imported(key, path, module, name)), options)


def _in_containers(one: ExecutorSettings) -> OwnExecutor:
    from redux.executors.container_words import OPTIONS, ContainerOptions  # noqa: PLC0415 - most settings name none
    from redux.executors.containers import Containers  # noqa: PLC0415 - most settings name none

    options = _only(one, *OPTIONS, "command", "workers", "scratch", "code_package", "code_includes", "code_excludes")
    try:
        container = ContainerOptions().changed(options)
    except ValueError as error:
        raise ConfigError(f"executors.{one.name}", str(error)) from None
    for key in ("command", "scratch"):
        if key in options and not (isinstance(options[key], str) and options[key]):
            raise ConfigError(f"executors.{one.name}.{key}", f"= {options[key]!r}: it must be a text")
    workers, code = _workers(one, options.get("workers")), _code_package(one, options, default=True)
    return Containers(container, options.get("command", "docker"), workers, code, options.get("scratch"))


def _code_package(one: ExecutorSettings, options: dict[str, Any], default: bool = False) -> CodePatterns | None:
    """What of the code workers are sent, None where they see it; these keys are taken out of the options."""
    wanted = options.pop("code_package", default)
    if not isinstance(wanted, bool):
        raise ConfigError(f"executors.{one.name}.code_package", f"= {wanted!r}: it must be true or false")
    given: dict[str, tuple[str, ...]] = {}
    for key in ("code_includes", "code_excludes"):
        said = options.pop(key, None)
        if said is None:
            continue
        if not isinstance(said, list) or not all(isinstance(text, str) and text for text in cast("list[object]", said)):
            raise ConfigError(f"executors.{one.name}.{key}", f'= {said!r}: it must be patterns, as ["**/*.py"]')
        if not wanted:
            raise ConfigError(f"executors.{one.name}.{key}", "counts only with code_package = true")
        given[key.removeprefix("code_")] = tuple(cast("list[str]", said))
    return CodePatterns(**given) if wanted else None


def _only(one: ExecutorSettings, *known: str) -> dict[str, Any]:
    for key in one.options:
        if key not in known:
            why = f"is no setting of an executor of type {one.type}{nearest(key, known)}"
            raise ConfigError(f"executors.{one.name}.{key}", why)
    options: dict[str, Any] = thaw(one.options)
    return options


def _workers(one: ExecutorSettings, said: object, key: str = "workers") -> int | None:
    if said is None or (isinstance(said, int) and not isinstance(said, bool) and said >= 1):
        return said
    raise ConfigError(f"executors.{one.name}.{key}", f"= {said!r}: it must be a whole number from 1 on")


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of executors that redux brings: what reads its table, and the class, by module and name."""

    read: Callable[[ExecutorSettings], OwnExecutor]
    of: tuple[str, str]


_TYPES: Mapping[str, _Type] = {
    **{name: _Type(_of_this_machine, of) for name, of in EXECUTORS.items()},
    "alias": _Type(_of_other_name, ("redux.executors.pool", "Alias")),
    "custom": _Type(_of_own_class, ("redux.executors.configured", "Custom")),
    "dask": _Type(_of_dask, ("redux.executors.dask", "DaskPool")),
    "docker": _Type(_in_containers, ("redux.executors.containers", "ContainerExecutor")),
    "futures": _Type(_by_factory, ("redux.executors.futures", "FuturesExecutor")),
    "local": _Type(_as_in_redun, ("redux.executors.local", "LocalExecutor")),
}
"""What makes an executor of each type that redux brings."""
