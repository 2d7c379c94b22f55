"""Classes and functions by module and qualified name, verified in both directions."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from redux.serializers.foreign import CAUTION
from redux.serializers.trouble import CannotDecode, CannotEncode

_BY_NAME_HINT = "only what a module offers under its own name can be found again: define it at the top of a module"

WORKERS_MAIN = "__redux_main__"
"""What a worker process imports the main script as; there it is `__main__` too."""

_verified: dict[type, str] = {}
_chosen: dict[type, str] = {}
_by_chosen: dict[str, type] = {}


def choose_name(kind: type, name: str) -> None:
    """Have a class stand in bytes under a name of its own, which stays when the class moves."""
    _chosen[kind] = name
    _by_chosen[name] = kind


def class_name_of(value: object) -> str:
    """`module:qualname` of a value's class. Raises CannotEncode, about the value, unless that leads back to it."""
    kind = type(value)
    name = _verified.get(kind)
    if name is not None:
        return name
    try:
        name = name_of(kind)
    except CannotEncode as refused:
        raise CannotEncode(value, f"has a class that {refused.why}", refused.hint) from None
    if kind.__module__ != "__main__":  # whose names a notebook binds again and again
        _verified[kind] = name
    return name


def name_of(thing: Any) -> str:
    """`module:qualname` of a class or function, or the name that a class chose.

    Raises CannotEncode unless module and qualname lead back to it.
    """
    qualname = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if not isinstance(qualname, str):
        raise CannotEncode(thing, "has no name", _BY_NAME_HINT)
    if "<" in qualname:
        what = "is a lambda" if qualname.endswith("<lambda>") else "is defined inside a function"
        raise CannotEncode(thing, f"{what} ({qualname})", _BY_NAME_HINT)
    module = _module_of(thing, qualname)
    try:
        found = _follow(module, qualname)
    except (ImportError, AttributeError):
        found = None
    if found is not thing:
        raise CannotEncode(thing, f"is not what {module}.{qualname} names now", _BY_NAME_HINT)
    plain = f"{module}:{qualname}"
    return _chosen.get(thing, plain) if isinstance(thing, type) else plain


def _module_of(thing: Any, qualname: str) -> str:
    module = getattr(thing, "__module__", None)
    if module is not None:
        return module_named(module)
    owner = getattr(thing, "__objclass__", None)
    if owner is not None:
        return owner.__module__
    own = getattr(thing, "__self__", None)  # a builtin function of a module that doesn't say so
    return getattr(own, "__name__", None) or "builtins"


def module_named(module: str) -> str:
    """A module's name as it is in the run's own process."""
    return "__main__" if module == WORKERS_MAIN else module


def written_name(thing: Any) -> str:
    """`module:qualname` of a class or function as it was written, whether or not that leads back to it."""
    return f"{_module_of(thing, thing.__qualname__)}:{thing.__qualname__}"


def defaults_of_task(task: Any) -> dict[str, object]:
    """The defaults of a task's parameters by their names, without those that never count."""
    signature = getattr(task, "signature", None)
    if signature is None:
        return {}
    hidden = task.unhashed_args
    given = ((name, one.default) for name, one in signature.parameters.items() if one.default is not one.empty)
    return {name: default for name, default in given if name not in hidden}


def thing_named(name: str) -> Any:
    """The class or function of a `module:qualname`, or chosen name. Raises CannotDecode where it is not there (now)."""
    if ":" not in name:
        chosen = _by_chosen.get(name)
        if chosen is None:
            raise CannotDecode(f"no type is named {name!r} here (any more); import the module that defines it")
        return chosen
    caution = CAUTION.get()
    if caution is not None:
        return caution.thing(name)
    try:
        module, _, qualname = name.partition(":")
        return _follow(module, qualname)
    except Exception as error:  # importing somebody's module can raise anything
        said = f"{type(error).__name__}: {error}"
        raise CannotDecode(
            f"{name.replace(':', '.')} is not here any more ({said:.200}); put it back, or have the call that made it "
            "run again"
        ) from error


def class_named(name: str) -> type[Any]:
    """The class of a `module:qualname`. Raises CannotDecode."""
    caution = CAUTION.get()
    found = thing_named(name) if caution is None or ":" not in name else caution.class_of(name)
    if not isinstance(found, type):
        raise CannotDecode(f"{name.replace(':', '.')} is no class any more; the call that made it has to run again")
    return found


def _follow(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found
