"""Any other object by its reduce protocol, walked canonically; and pickle, where that is allowed."""

from __future__ import annotations

import copyreg
import io
import types
from contextlib import suppress
from functools import cache
from typing import Any, cast

from msgpack import ExtType  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.foreign import CAUTION, restricted_unpickle
from redux.serializers.names import class_named, module_named, name_of
from redux.serializers.packing import Packing
from redux.serializers.trouble import HINT, CannotDecode, CannotEncode

_REDUCERS = frozenset({"__reduce__", "__reduce_ex__"})
_NEW = copyreg.__newobj__  # pyright: ignore[reportAttributeAccessIssue]


def customises_reduction(kind: type) -> bool:
    """Whether a class says itself how it is taken apart, so that its fields or builtin content may not be all."""
    # Libraries (tblib, for Dask) register every exception there, and bytes must not depend on what was imported.
    if kind in copyreg.dispatch_table and not issubclass(kind, BaseException):
        return True
    definer = next(base for base in kind.__mro__ if not _REDUCERS.isdisjoint(base.__dict__))
    return definer.__module__ != "builtins" or _has_own_state(kind)


def _has_own_state(kind: type) -> bool:
    """Whether a `__getstate__` was written for the class, rather than made for it with its slots."""
    definer = next(base for base in kind.__mro__ if "__getstate__" in base.__dict__)
    if definer is object:
        return False
    getstate: Any = definer.__dict__["__getstate__"]
    return getattr(getstate, "__module__", "") not in ("dataclasses", "attr._make")


_HINTS: dict[type, str] = {
    types.GeneratorType: "pass list(...) of it: what it gives can be had only once",
    types.CoroutineType: "await it, and pass what it gives",
    types.ModuleType: "import it where it is used",
    io.IOBase: "pass its content, or a redux.File with its path",
}


def plan_object(value: Any, packing: Packing) -> object:
    """An object by what its reduce protocol gives. Raises CannotEncode where it gives nothing."""
    reduced = _reduce(value)
    if isinstance(reduced, str):
        module = getattr(value, "__module__", None) or type(value).__module__
        return packing.tagged(wire.REFERENCE, (f"{module_named(module)}:{reduced}", None))
    packing.need_trust()
    padded: tuple[Any, ...] = (*reduced, *(None,) * (6 - len(reduced)))
    func, args, state, items, pairs, setter = padded
    items = None if items is None else list(items)
    pairs = None if pairs is None else [list(pair) for pair in pairs]
    if func is _NEW and setter is None:
        return packing.tagged(wire.OBJECT, (name_of(args[0]), list(args[1:]), state, items, pairs))
    return packing.tagged(wire.REDUCED_MARK, (func, list(args), state, items, pairs, setter))


def _reduce(value: Any) -> str | tuple[Any, ...]:
    reducer = copyreg.dispatch_table.get(type(value))
    try:
        reduced: Any = reducer(value) if reducer is not None else value.__reduce_ex__(4)
    except Exception as error:  # a class's own code, which can raise anything
        hint = next((hint for kind, hint in _HINTS.items() if isinstance(value, kind)), HINT)
        raise CannotEncode(value, f"does not say what it is made of ({error})", hint) from error
    if isinstance(reduced, str) or (isinstance(reduced, tuple) and 2 <= len(cast(Any, reduced)) <= 6):
        return reduced
    raise CannotEncode(value, f"gives {type(reduced).__name__} as what it is made of")


def build_object(name: str, args: list[Any], state: Any, items: Any, pairs: Any) -> object:
    """An instance made by its class's `__new__`, then filled."""
    if (caution := CAUTION.get()) is not None:
        caution.run(name)
    kind = class_named(name)
    return _fill(kind.__new__(kind, *args), state, items, pairs, None)


def build_reduced(func: Any, args: list[Any], state: Any, items: Any, pairs: Any, setter: Any) -> object:
    """What the function gives for the arguments, then filled."""
    if (caution := CAUTION.get()) is not None:
        caution.run_named(func)
        if setter is not None:
            caution.run_named(setter)
    return _fill(func(*args), state, items, pairs, setter)


def _fill(made: Any, state: Any, items: Any, pairs: Any, setter: Any) -> object:
    if items is not None:
        made.extend(items) if hasattr(made, "extend") else [made.append(item) for item in items]
    for key, part in pairs or ():
        made[key] = part
    if state is None:
        return made
    if setter is not None:
        setter(made, state)
    elif hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        _set_state(made, state)
    return made


def _set_state(made: Any, state: Any) -> None:
    slots: dict[str, object] = {}
    if isinstance(state, tuple) and len(cast(Any, state)) == 2:
        state, slots = cast(Any, state)
    if state:
        made.__dict__.update(state)
    for name, part in (slots or {}).items():
        object.__setattr__(made, name, part)


# -- pickle, by opting in --------------------------------------------------------------------------


def plan_pickle(value: object, packing: Packing) -> object:
    """A value inside another, pickled. Raises CannotEncode."""
    packing.need_trust()
    return ExtType(wire.Code.PICKLED, pickled(value, packing))


def pickled(value: object, packing: Packing) -> bytes:
    """A value's pickle, by cloudpickle, noting the code that it only names. Raises CannotEncode."""
    try:
        noting_pickler = _noting_pickler()
    except ImportError:
        raise CannotEncode(
            value, "is to be pickled, which needs cloudpickle", "install redux-cache[cloudpickle]"
        ) from None
    try:
        stream = io.BytesIO()
        noting_pickler(stream, packing).dump(value)
    except Exception as error:  # the object's own code runs here
        raise CannotEncode(value, f"cannot even be pickled ({error})") from error
    return stream.getvalue()


@cache
def _noting_pickler() -> Any:
    import cloudpickle  # noqa: PLC0415 - optional, and only by opting in

    class NotingPickler(cloudpickle.Pickler):
        def __init__(self, stream: io.BytesIO, packing: Packing) -> None:
            super().__init__(stream, protocol=5)
            self._packing = packing

        def persistent_id(self, obj: object) -> None:
            _note_code(self._packing, obj)

    return NotingPickler


def _note_code(packing: Packing, thing: object) -> None:
    """Asked by the pickler about each object: None leaves it to go in as it would. What has no name goes in whole."""
    for code in (thing, type(thing)):
        if isinstance(code, (type, types.FunctionType)) and code.__module__ != "builtins":
            with suppress(CannotEncode):
                name_of(code)
                packing.note_code(code)


def unpickled(data: bytes | memoryview) -> object:
    """The value of a pickle. Raises CannotDecode."""
    import pickle  # noqa: PLC0415 - rarely needed

    caution = CAUTION.get()
    try:
        return pickle.loads(data) if caution is None else restricted_unpickle(data, caution)
    except CannotDecode:
        raise
    except Exception as error:
        raise CannotDecode(f"a pickled value cannot be loaded here: {error!r:.200}") from error
