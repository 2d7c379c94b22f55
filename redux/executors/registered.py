"""Executors of one's own that are no `concurrent.futures.Executor`: classes, by the type that settings give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, TypeVar, cast, overload

from redux.executors.executor import Executor, ExecutorError, Place, Site
from redux.executors.local import EXECUTORS
from redux.settings.layers import NOTHING

Opener = Callable[..., Executor]
"""Called with the executor's name, its site, and the other keys of its table."""
Kind = TypeVar("Kind", bound=type)

_OF_REDUX: Mapping[str, tuple[str, str]] = {
    **EXECUTORS,
    "docker": ("redux.executors.containers", "ContainerExecutor"),
    "futures": ("redux.executors.futures", "FuturesExecutor"),
}
_registered: dict[str, type] = {}


def register_executor(executor_name: str) -> Callable[[Kind], Kind]:
    """Make a class the one of a type of executors, `executor_name`: what `[executors.NAME]` with that `type` is.

    It is called with the executor's name, a `Site` and the table's other keys, and has the methods of `Executor`; each
    job's outcome goes to `site.done`. The module must be imported when the settings are read: a workflow's own is.
    Raises ExecutorError for a type that redux brings.
    """

    def register(cls: Kind) -> Kind:
        if executor_name in _OF_REDUX:
            raise ExecutorError(f"{executor_name!r} is a type of executors that redux brings; give yours another name")
        _registered[executor_name] = cls
        return cls

    return register


def registered_kinds() -> tuple[str, ...]:
    """The types that are somebody's own."""
    return tuple(sorted(_registered))


@overload
def get_executor_class(executor_name: str, required: Literal[True] = True) -> type: ...
@overload
def get_executor_class(executor_name: str, required: bool) -> type | None: ...
def get_executor_class(executor_name: str, required: bool = True) -> type | None:
    """The class of a type of executors, `executor_name`.

    Where there is none: None, or ExecutorError where it is `required`.
    """
    if executor_name in _OF_REDUX:
        module, name = _OF_REDUX[executor_name]
        return cast(type, getattr(import_module(module), name))
    found = _registered.get(executor_name)
    if found is None and required:
        known = ", ".join(sorted({*_OF_REDUX, *_registered}))
        raise ExecutorError(
            f"there is no type of executors {executor_name!r}; there are {known}, and "
            "those of @register_executor, once its module is imported"
        )
    return found


@dataclass(frozen=True, slots=True)
class Custom(Place):
    """An executor of a class of one's own, which `find` gives; `options` are further arguments of it."""

    find: Callable[[], Opener]
    options: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def open(self, name: str, site: Site) -> Executor:
        """The instance of this `name`, at a `site`."""
        return self.find()(name, site, **self.options)
