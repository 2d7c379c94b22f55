"""Modules of the user's own that functions import when they are called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType

from redux.code.ownership import Ownership
from redux.code.trouble import CodeUnreadable

ABSENT = object()
"""What a module has under a name that it doesn't have."""


@dataclass(frozen=True, slots=True)
class Unimportable:
    """A module that needs something that isn't installed here; `text` is its source."""

    name: str
    text: str


def load_own_module(name: str, ownership: Ownership) -> ModuleType | Unimportable | None:
    """A module that a function would import when called; None where it isn't there, or isn't the user's own.

    It is imported now, so that its code counts the same whether or not something imported it before. Raises
    CodeUnreadable for one that fails for another reason than a missing module.
    """
    try:
        if not _is_own(name.partition(".")[0], ownership):
            return None
        return importlib.import_module(name)
    except ImportError:
        return _read_text(name)
    except Exception as error:
        raise CodeUnreadable(
            name,
            f"a task imports it, and importing it raised {type(error).__name__}: {error}",
            "make it importable, or give the task a version=",
        ) from error


def member_of(module: ModuleType, name: str) -> object:
    """What a module has under a name, ABSENT if nothing; a module inside a package is imported for it."""
    try:
        member = getattr(module, name, ABSENT)
        if member is ABSENT and hasattr(module, "__path__"):
            member = importlib.import_module(f"{module.__name__}.{name}")
    except ImportError:
        return ABSENT
    return member


def _is_own(top: str, ownership: Ownership) -> bool:
    if top in sys.modules:
        return ownership.owns_module(sys.modules[top])
    spec = importlib.util.find_spec(top)
    if spec is None:
        return False
    folders = [f"{folder}/__init__.py" for folder in spec.submodule_search_locations or ()]
    return any(ownership.owns_file(path) for path in (folders or [spec.origin or ""]))


def _read_text(name: str) -> Unimportable | None:
    """The source of a module, or of the package above it whose import fails; None where there is none."""
    while name:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            with open(spec.origin, "rb") as stream:
                return Unimportable(name, importlib.util.decode_source(stream.read()))
        name = name.rpartition(".")[0]
    return None
