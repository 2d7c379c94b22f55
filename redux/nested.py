"""Lazy expressions nested in containers and dataclasses: finding them, and putting values in their place."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, NoReturn, cast

from redux.serializers.trouble import hidden_lazy
from redux.value import Lazy
from redux_valuestore.errors import ReduxError

ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Types that hold nothing, so nothing lazy either."""

_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_REBUILT = frozenset({list, tuple, dict, set, frozenset, deque, OrderedDict, defaultdict, slice})
"""Types that can be made anew with values for expressions; so can namedtuples, dataclasses and attrs classes."""


class HiddenExpression(ReduxError):
    """An expression sits in something of a kind that redux cannot rebuild."""

    def __init__(self, container: type, hidden: Lazy | None = None) -> None:
        self.container = container
        which = "a lazy expression" if hidden is None else f"the lazy {hidden!r}"
        super().__init__(
            f"{which} is inside a {container.__name__}, which redux doesn't rebuild: "
            "use a list, tuple, dict, set, namedtuple, dataclass or attrs class, or make the "
            f"{container.__name__} in a task that is given the expression"
        )


def refuse_hidden(value: object) -> NoReturn:
    """Raises HiddenExpression for a value of which only its encoding told that it holds one."""
    hidden, holder = hidden_lazy(value) or (None, value)
    raise HiddenExpression(type(holder), hidden)


def lazies_in(value: object) -> list[Lazy]:
    """The distinct expressions nested in a value, in the order met; what is inside an expression isn't entered.

    Raises HiddenExpression for one inside a container that cannot be rebuilt, such as a class derived from dict.
    """
    found: dict[int, Lazy] = {}
    _collect(value, found)
    return list(found.values())


def _collect(value: object, found: dict[int, Lazy]) -> None:
    kind = type(value)
    if kind in ATOMS:
        return
    if isinstance(value, Lazy):
        found[id(value)] = value
        return
    before = len(found)
    for part in _parts(value, kind):
        if type(part) not in ATOMS:
            _collect(part, found)
    if len(found) > before and not _is_rebuilt(value, kind):
        raise HiddenExpression(kind, next(reversed(found.values())))


def _parts(value: Any, kind: type) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[object, object]", value)
        return [part for item in mapping.items() for part in item]
    if isinstance(value, _CONTAINERS):
        return value
    if kind is slice:
        return value.start, value.stop, value.step
    names = _field_names(kind)
    return [getattr(value, name, None) for name in names] if names else ()


def _is_rebuilt(value: object, kind: type) -> bool:
    return kind in _REBUILT or _field_names(kind) is not None or (isinstance(value, tuple) and hasattr(kind, "_make"))


@lru_cache(maxsize=4096)
def _field_names(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass or an attrs class."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else tuple(attribute.name for attribute in attributes)


def substitute(value: object, resolve: Callable[[Lazy], object]) -> Any:
    """The value with every nested expression replaced by what `resolve` gives; a value without any stays itself."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if isinstance(value, Lazy):
        return resolve(value)
    if kind is list:
        return [substitute(part, resolve) for part in cast("list[object]", value)]
    if isinstance(value, tuple):
        parts = [substitute(part, resolve) for part in cast("tuple[object, ...]", value)]
        make = getattr(kind, "_make", None)
        return make(parts) if make is not None else tuple(parts) if kind is tuple else value
    if kind is dict:
        mapping = cast("dict[object, object]", value)
        return {substitute(key, resolve): substitute(part, resolve) for key, part in mapping.items()}
    if kind is set or kind is frozenset:
        return kind(substitute(part, resolve) for part in cast("set[object]", value))
    if kind in _REBUILT:
        return _rebuild_other(value, resolve)
    names = _field_names(kind)
    if names is not None and lazies_in(value):
        return _rebuild(value, kind, names, resolve)
    return value


def _rebuild_other(value: Any, resolve: Callable[[Lazy], object]) -> object:
    if isinstance(value, slice):
        return slice(*(substitute(bound, resolve) for bound in (value.start, value.stop, value.step)))
    if isinstance(value, deque):
        return deque((substitute(part, resolve) for part in cast("deque[object]", value)), value.maxlen)
    pairs = [(substitute(key, resolve), substitute(part, resolve)) for key, part in value.items()]
    return defaultdict(value.default_factory, pairs) if isinstance(value, defaultdict) else OrderedDict(pairs)


def _rebuild(value: object, kind: type, names: tuple[str, ...], resolve: Callable[[Lazy], object]) -> object:
    made = object.__new__(kind)
    getattr(made, "__dict__", {}).update(getattr(value, "__dict__", {}))
    for name in names:
        if hasattr(value, name):
            object.__setattr__(made, name, substitute(getattr(value, name), resolve))
    return made
