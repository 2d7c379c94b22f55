"""`Handle`: a value that stands for state outside, such as a database, by the calls that have touched it."""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import Any

from redux.serializers import wire
from redux.serializers.foreign import CAUTION
from redux.serializers.names import class_name_of, class_named
from redux.serializers.packing import Packing
from redux.serializers.trouble import CannotDecode, expect
from redux_backends.records import HandleVersion, Traits
from redux_valuestore.digest import DIGEST_SIZE, Digest

SHOWN_DIGITS = 8

_defined: list[str] = []


def any_handles() -> bool:
    """Whether some class of handles is defined here: where none is, nobody looks for handles in values."""
    return bool(_defined)


@dataclass(frozen=True, slots=True)
class HandleInfo:
    """What a handle was made with, and its version: None where no call has touched it."""

    name: str
    args: tuple[object, ...]
    kwargs: dict[str, object]
    version: Digest | None = None
    parents: tuple[Digest, ...] = ()
    """the versions that this one descends from"""


class Handle:
    """State outside, such as a database or a service: derive a class from it that sets `self.instance` in `__init__`.

    A task that changes the state takes the handle and returns it. Each call is given a version of its own and returns
    the next, so a version stands for the calls that led to it, not for the state. When a call has to run, everything
    that came of its version before runs again too. What a handle has not itself is looked up in its `instance`. Copies
    (every task gets one) run `__init__` when they are first used, where they are used. `name` tells handles apart.
    """

    __slots__ = ("__dict__", "__handle__", "__weakref__", "_handle_closed", "_handle_opening")

    __handle__: HandleInfo
    _handle_closed: bool
    _handle_opening: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _defined[:] = [cls.__qualname__]

    def __new__(cls, name: str, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a {cls.__name__} needs a name as its first argument, as in {cls.__name__}('main', …)")
        return _new(cls, HandleInfo(name, args, kwargs), closed=False)

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        """What is to be done to reach the state, with what the handle was made with."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        with self._handle_opening:
            if self._handle_closed:
                _open(self)
                return getattr(self, name)
        if "instance" not in self.__dict__:
            kind = type(self).__name__
            raise AttributeError(
                f"{kind} has no attribute {name}, and its __init__ sets no instance to look in; set self.instance there"
            )
        return getattr(self.__dict__["instance"], name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _new, (type(self), self.__handle__, True)

    def __repr__(self) -> str:
        return shown(self)


def _new(kind: type[Any], info: HandleInfo, closed: bool) -> Any:
    made = object.__new__(kind)
    made.__handle__ = info
    made._handle_closed = closed
    made._handle_opening = RLock()
    return made


def _open(handle: Any) -> None:
    handle._handle_closed = False
    info = handle.__handle__
    try:
        handle.__init__(info.name, *info.args, **info.kwargs)
    except BaseException:
        handle._handle_closed = True
        raise


def at_version(handle: Handle, version: Digest, parents: tuple[Digest, ...]) -> Any:
    """The handle at another `version`, which descends from `parents`; it is opened when it is first used."""
    info = handle.__handle__
    return _new(type(handle), HandleInfo(info.name, info.args, info.kwargs, version, parents), closed=True)


def label(handle: Handle) -> str:
    """What people call a handle: its class and its name, and none of the other arguments, which may be secret."""
    return f"{type(handle).__qualname__}({handle.__handle__.name!r})"


def shown(handle: Handle) -> str:
    """A handle in a few words, with the beginning of its version."""
    info = handle.__handle__
    if info.version is None:
        return label(handle)
    return f"{type(handle).__qualname__}({info.name!r} at {info.version.hex()[:SHOWN_DIGITS]})"


def plan_handle(handle: Any, packing: Packing) -> object:
    """How a handle goes on: as what it was made with, and its version."""
    info: HandleInfo = handle.__handle__
    packing.hold_handle(None if info.version is None else HandleVersion(info.version, label(handle), info.parents))
    made_with = (info.name, info.args, {name: info.kwargs[name] for name in sorted(info.kwargs)})
    return packing.tagged(wire.HANDLE, (class_name_of(handle), *made_with, info.version, b"".join(info.parents)))


def build_handle(
    class_name: str,
    name: str,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    version: bytes | None,
    parents: bytes,
) -> object:
    """The handle of these parts, not opened. Raises CannotDecode where its class is none of handles any more."""
    if (caution := CAUTION.get()) is not None:
        caution.claim(Traits.HANDLES, "holds a handle")
    kind = class_named(class_name)
    expect(args, tuple)
    expect(kwargs, dict)
    if not issubclass(kind, Handle):
        raise CannotDecode(f"{class_name.replace(':', '.')} is no class of handles any more; run the call again")
    split = tuple(Digest(parents[at : at + DIGEST_SIZE]) for at in range(0, len(parents), DIGEST_SIZE))
    return _new(kind, HandleInfo(name, args, kwargs, None if version is None else Digest(version), split), closed=True)
