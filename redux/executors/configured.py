"""Executors that the settings name: each `[executors.NAME]` as what makes its pool, once a job asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from redux.errors import ConfigError
from redux.executors.pool import EXECUTORS, MakePool
from redux.settings.layers import ExecutorSettings
from redux.tables import thaw

if TYPE_CHECKING:
    from concurrent import futures

_PATH = re.compile(r"[\w.]+:[\w.]+")
_EXAMPLE = "concurrent.futures:ThreadPoolExecutor"


def pools_of(executors: Iterable[ExecutorSettings]) -> Mapping[str, MakePool]:
    """What makes the pool of each executor, by name. Raises ConfigError for a type or a factory that is none.

    A factory is imported when the first job asks for its pool; ConfigError then, where it cannot be.
    """
    return {one.name: _KINDS[_checked(one).type](one) for one in executors}


@dataclass(frozen=True, slots=True)
class Factory:
    """Calls `module:callable` with the table's other keys; what comes must be a `concurrent.futures.Executor`."""

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
        try:
            found: object = import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception as error:  # whatever the user's module raises while it is imported
            why = f"{self.path!r} cannot be imported: {type(error).__name__}: {error}"
            remedy = "name a module that `redux run` can import and a function in it"
            raise ConfigError(f"executors.{self.name}.factory", f"{why}; {remedy}") from error
        if not callable(found):
            what = f"{self.path} is {found!r:.60}, which cannot be called; name a function or a class"
            raise ConfigError(f"executors.{self.name}.factory", what)
        return found


def _checked(one: ExecutorSettings) -> ExecutorSettings:
    if one.name in EXECUTORS:
        raise ConfigError(f"executors.{one.name}", "is an executor that redux brings; give yours another name")
    if one.type not in _KINDS:
        known = " and ".join(repr(kind) for kind in sorted(_KINDS))
        raise ConfigError(f"executors.{one.name}.type", f"{one.type!r} is no type of executor; there are {known}")
    return one


def _by_factory(one: ExecutorSettings) -> MakePool:
    options: dict[str, Any] = thaw(one.options)
    path = options.pop("factory", None)
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        wrong = "is missing" if path is None else f"= {path!r}"
        raise ConfigError(f"executors.{one.name}.factory", f'{wrong}: it must be "module:callable", as "{_EXAMPLE}"')
    return Factory(one.name, path, options)


def _of_dask(one: ExecutorSettings) -> MakePool:
    options: dict[str, Any] = thaw(one.options)

    def make() -> futures.Executor:
        from redux.executors.dask import DaskPool  # noqa: PLC0415 - an extra, imported where it is used

        return DaskPool(**options)

    return make


_KINDS: Mapping[str, Callable[[ExecutorSettings], MakePool]] = {"futures": _by_factory, "dask": _of_dask}
