"""Whose code an object is, and what it is called: names that are the same however its file was started."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from types import FunctionType, MappingProxyType, ModuleType
from typing import cast

from redux.code.project import Project

_COMPILED = tuple(EXTENSION_SUFFIXES)
_MAINS = frozenset({"__main__", "__mp_main__", "__redux_main__"})


class Ownership:
    """Which functions, classes and modules belong to a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def owns(self, code: FunctionType | type) -> bool:
        """Whether a function or class is the user's own."""
        return self.owns_class(code) if isinstance(code, type) else self.owns_function(code)

    def owns_function(self, function: FunctionType) -> bool:
        """Whether a function is the user's own; one made from a text is where its module is."""
        filename = function.__code__.co_filename
        if os.path.isabs(filename) and not _is_cell(filename):
            return self._project.owns(filename)
        return self._owns_names(function.__globals__)

    def owns_class(self, kind: type) -> bool:
        """Whether a class is the user's own."""
        return self._owns_names(names_around(kind))

    def owns_module(self, module: ModuleType) -> bool:
        """Whether a module, or some folder of a package without a file, is the user's own."""
        if getattr(module, "__file__", None) is None:
            folders = list(getattr(module, "__path__", ()))
            if folders:
                return any(self.owns_file(os.path.join(folder, "__init__.py")) for folder in folders)
        return self._owns_names(vars(module))

    def owns_file(self, path: str) -> bool:
        """Whether a file is the user's own."""
        return self._project.owns(path)

    def _owns_names(self, names: Mapping[str, object]) -> bool:
        path = names.get("__file__")
        if isinstance(path, str):
            # What was compiled to machine code has no text to follow: it counts by name, as a library does.
            return not path.endswith(_COMPILED) and self._project.owns(os.path.abspath(path))
        # Consoles, notebooks and `exec` have no file; a built-in module has a spec.
        return names.get("__spec__") is None


def _is_cell(filename: str) -> bool:
    """Whether a file exists in name only: notebooks keep a cell's text where tracebacks look for it, without a date."""
    entry = linecache.cache.get(filename)
    return "ipykernel_" in filename or (entry is not None and len(entry) > 1 and entry[1] is None)


def names_around(kind: type) -> Mapping[str, object]:
    """The global names where a class was defined."""
    for member in vars(kind).values():
        function = function_in(member)
        if function is not None and function.__globals__.get("__name__") == kind.__module__:
            return function.__globals__
    module = sys.modules.get(kind.__module__)
    return MappingProxyType({"__spec__": "unknown"}) if module is None else vars(module)


def function_in(member: object) -> FunctionType | None:
    """The function that a class's attribute is made of: plain, static, of the class, or a property's getter."""
    if isinstance(member, (staticmethod, classmethod)):
        member = cast(object, member.__func__)
    elif isinstance(member, property):
        member = member.fget
    elif isinstance(member, cached_property):
        member = member.func
    seen: set[int] = set()
    while id(member) not in seen:
        seen.add(id(member))
        member = getattr(member, "__wrapped__", member)
    return member if isinstance(member, FunctionType) else None


def is_generated(function: FunctionType) -> bool:
    """Whether a function was made from a text that is kept nowhere, as `dataclass` makes `__init__`."""
    filename = function.__code__.co_filename
    return filename.startswith("<") and filename not in linecache.cache


def module_name(names: Mapping[str, object]) -> str:
    """A module's name; a file that runs as the main one has the name it would be imported under."""
    name = names.get("__name__")
    if not isinstance(name, str):
        return "?"
    if name not in _MAINS:
        return name
    spec = names.get("__spec__")
    if spec is not None and (spec_name := getattr(spec, "name", None)) not in (None, *_MAINS):
        return str(spec_name).removesuffix(".__main__")
    path = names.get("__file__")
    return os.path.splitext(os.path.basename(path))[0] if isinstance(path, str) else "__main__"


def function_name(function: FunctionType) -> str:
    """The name a function was defined under."""
    return f"{module_name(function.__globals__)}.{function.__code__.co_qualname}"


def class_name(kind: type) -> str:
    """The name a class was defined under."""
    if kind.__module__ in _MAINS:
        return f"{module_name(names_around(kind))}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def foreign_name(value: object) -> str:
    """The name of something from outside the project; where a library hides it is left out, for that moves."""
    owner = getattr(value, "__module__", None)
    qualname = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(qualname, str):
        return f"a {public_name(type(value).__module__)}.{type(value).__qualname__}"
    return f"{public_name(owner)}.{qualname}" if isinstance(owner, str) else qualname


def public_name(module: str) -> str:
    """`pathlib._local` is `pathlib`, `_operator` is `operator`."""
    parts = module.split(".")
    return ".".join([parts[0].lstrip("_"), *(part for part in parts[1:] if not part.startswith("_"))])
