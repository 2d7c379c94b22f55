"""What is nested in containers and dataclasses: finding lazy expressions there, and putting values in their place."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
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
    """An expression, `hidden` if it is known, sits in a `container` of a type that redux cannot rebuild."""

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
        return _rebuild(value, names, resolve)
    return value


def _rebuild_other(value: Any, resolve: Callable[[Lazy], object]) -> object:
    return _build_like(value, [substitute(part, resolve) for part in _parts(value, type(value))])


def _build_like(value: Any, parts: list[Any]) -> object:
    """A container of the same kind with these parts: keys and values in turn for a mapping."""
    kind: Any = type(value)
    if isinstance(value, (dict, OrderedDict)):
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return defaultdict(value.default_factory, pairs) if isinstance(value, defaultdict) else kind(pairs)
    if isinstance(value, deque):
        return deque(parts, value.maxlen)
    if isinstance(value, slice):
        return slice(*parts)
    return kind._make(parts) if hasattr(kind, "_make") else kind(parts)


def _rebuild(value: object, names: tuple[str, ...], resolve: Callable[[Lazy], object]) -> object:
    made = _copy(value)
    for name in names:
        if hasattr(value, name):
            object.__setattr__(made, name, substitute(getattr(value, name), resolve))
    return made


def _copy(value: object) -> object:
    """A new instance with the attributes of a record that are no slots."""
    made = object.__new__(type(value))
    getattr(made, "__dict__", {}).update(getattr(value, "__dict__", {}))
    return made


def replace_nested(value: object, replace: Callable[[object], object]) -> object:
    """A value with what `replace` gives for each thing nested in it, from the outside in; itself where all stay.

    Where `replace` gives NotImplemented, the parts are asked. Atoms and expressions stay as they are.
    """

    def walk(part: object) -> object:
        if type(part) in ATOMS or isinstance(part, Lazy):
            return part
        given = replace(part)
        return replace_parts(part, walk) if given is NotImplemented else given

    try:
        return walk(value)
    except RecursionError:
        return value  # it contains itself, or is too deep: encoding it says so, and where


def replace_parts(value: Any, replace: Callable[[object], object]) -> Any:
    """A container or record, `value`, with what `replace` gives for each part; itself where those are the parts."""
    kind = type(value)
    if kind not in _REBUILT and not (isinstance(value, tuple) and hasattr(kind, "_make")):
        return _replace_fields(value, _field_names(kind) or (), replace)
    before: list[object] = list(_parts(value, kind))
    after = [replace(part) for part in before]
    if all(new is old for new, old in zip(after, before, strict=True)):
        return value
    return _build_like(value, after)


def _replace_fields(value: object, names: tuple[str, ...], replace: Callable[[object], object]) -> object:
    before = {name: getattr(value, name) for name in names if hasattr(value, name)}
    after = {name: replace(part) for name, part in before.items()}
    if all(after[name] is part for name, part in before.items()):
        return value
    made = _copy(value)
    for name, part in after.items():
        object.__setattr__(made, name, part)
    return made


def iter_nested_value(value: Any) -> Iterator[Any]:
    """The leaves of a value, in order: what its containers and records hold that is none itself, keys before values.

    Containers are those that redux rebuilds: list, tuple, dict, set, frozenset, deque, namedtuples, and dataclasses and
    attrs classes by their fields. A value that is no container is its own one leaf. An expression is a leaf.
    """
    kind = type(value)
    if not _has_leaves(value, kind):
        yield value
        return
    keys_first = [*value.keys(), *value.values()] if isinstance(value, dict) else _parts(value, kind)
    for part in keys_first:
        yield from iter_nested_value(part)


def map_nested_value(func: Callable[[Any], Any], value: Any) -> Any:
    """The value with `func(leaf)` in the place of each leaf (see `iter_nested_value`), in containers of the same kinds.

    A container in which nothing changed is taken as it is. Records are rebuilt without their `__init__`. Raises what
    `func` raises, and TypeError where it gives a key or a member of a set that has no hash.
    """
    if not _has_leaves(value, type(value)):
        return func(value)
    return replace_parts(value, lambda part: map_nested_value(func, part))


def _has_leaves(value: object, kind: type) -> bool:
    return kind not in ATOMS and not isinstance(value, (Lazy, type)) and kind is not slice and _is_rebuilt(value, kind)
