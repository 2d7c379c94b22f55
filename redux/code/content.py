"""The content of the objects that code uses: values by their hash, functions and classes by their code.

Containers and the user's own instances are entered, so that a table of functions or a configured object counts with
all the code it holds.
"""

from __future__ import annotations

import ast
import logging
import random
from collections import ChainMap, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, is_dataclass
from functools import cached_property, partial
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, cast

from redux.code.normalize import digest_task_code
from redux.code.ownership import Ownership, class_name, foreign_name, function_name, module_name
from redux.code.sources import SOURCES
from redux.serializers.names import defaults_of_task
from redux.value import hash_value
from redux_valuestore.digest import Digest, digest_struct

TaskName = Callable[[object], str | None]

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_MAPPINGS = frozenset({dict, OrderedDict, defaultdict, MappingProxyType, ChainMap})
_CONTAINERS = _MAPPINGS | {list, tuple, set, frozenset, deque}
_HASHED_WHOLE = frozenset({list, tuple, set, frozenset, dict})
_TYPE_PARAMETERS = frozenset({TypeVar, ParamSpec, TypeVarTuple})
_WAITING = frozenset({"threading", "_thread", "multiprocessing.synchronize", "asyncio.locks"})
"""Modules of locks, events and their like: whoever waits for one gives the same whatever its state."""
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Content:
    """What an object is, in a digest; the user's own code in it; and whether all of it is known by its type only.

    `uncounted` are the types of what in it has no content, though it may matter.
    """

    digest: Digest
    code: tuple[FunctionType | type, ...]
    opaque: bool = False
    uncounted: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    code: list[FunctionType | type] = field(default_factory=list)
    within: set[int] = field(default_factory=set)
    opaque: list[object] = field(default_factory=list)


class Contents:
    """The contents of objects, each found once: an execution sees one state of the program."""

    def __init__(self, ownership: Ownership, task_name: TaskName) -> None:
        self._ownership = ownership
        self._task_name = task_name
        self._known: dict[int, tuple[object, Content]] = {}
        self._walk: _Walk | None = None
        self.uncounted: dict[str, tuple[str, ...]] = {}
        """By label, the types of what has no content there, though it may matter."""

    def of(self, value: object, label: str) -> Content:
        """The content of a value that `label` names."""
        known = self._known.get(id(value))
        content = known[1] if known is not None else self._find(value)
        if content.uncounted:
            self.uncounted[label] = content.uncounted
        return content

    def _find(self, value: object) -> Content:
        walk, outer = _Walk(), self._walk
        self._walk = walk
        try:
            digest = self._describe(value, walk)
        finally:
            self._walk = outer
        matter = dict.fromkeys(foreign_name(type(one)) for one in walk.opaque if type(one).__module__ not in _WAITING)
        content = Content(digest, tuple(walk.code), any(one is value for one in walk.opaque), tuple(matter))
        self._known[id(value)] = (value, content)
        return content

    @property
    def at_rest(self) -> bool:
        """Whether no content is just being found."""
        return self._walk is None

    def within(self, code: FunctionType | type) -> Digest | None:
        """What some code is by itself, noted as code of the value whose content is being found; None if none is."""
        return None if self._walk is None else self._describe(code, self._walk)

    def _describe(self, value: object, walk: _Walk) -> Digest:
        kind = type(value)
        if kind in _ATOMS:
            return hash_value(value)
        fullname = self._task_name(value)
        if fullname is not None:
            return self._describe_task(value, fullname, walk)
        if id(value) in walk.within or len(walk.within) > _DEEPEST:
            return digest_struct("around", foreign_name(kind))
        walk.within.add(id(value))
        try:
            return self._describe_code(value, walk) or self._describe_value(value, kind, walk)
        finally:
            walk.within.discard(id(value))

    def _describe_task(self, task: object, fullname: str, walk: _Walk) -> Digest:
        """A task by its name, and by the defaults that a call of it takes: its own hash does not have them."""
        defaults = defaults_of_task(task)
        if not defaults or id(task) in walk.within:
            return digest_struct("task", fullname)
        walk.within.add(id(task))
        try:
            return digest_struct("task", fullname, list(defaults), self._all(defaults.values(), walk))
        finally:
            walk.within.discard(id(task))

    # -- code --------------------------------------------------------------------------------------

    def _describe_code(self, value: object, walk: _Walk) -> Digest | None:
        if isinstance(value, FunctionType):
            return self._describe_function(value, walk)
        if isinstance(value, type):
            return self._describe_class(value, walk)
        if isinstance(value, ModuleType):
            return digest_struct("module", module_name(vars(value)))
        if isinstance(value, MethodType):
            return digest_struct("method", *self._all((value.__func__, value.__self__), walk))
        if isinstance(value, partial):
            call = cast("partial[object]", value)
            words = [call.keywords[key] for key in sorted(call.keywords)]
            parts = self._all((call.func, *call.args, *words), walk)
            return digest_struct("partial", len(call.args), sorted(call.keywords), *parts)
        if isinstance(value, (staticmethod, classmethod)):
            return digest_struct(type(value).__name__, self._describe(cast(object, value.__func__), walk))
        if isinstance(value, property):
            return digest_struct("property", *self._all((value.fget, value.fset, value.fdel), walk))
        if isinstance(value, BuiltinFunctionType):
            return self._describe_builtin(value, walk)
        if callable(value) and "__wrapped__" in getattr(value, "__dict__", ()):
            inner = self._describe(cast(Any, value).__wrapped__, walk)
            return digest_struct("wrapper", foreign_name(type(value)), inner)
        return None

    def _describe_function(self, function: FunctionType, walk: _Walk) -> Digest:
        if not self._ownership.owns_function(function):
            self._find_code_inside(function, walk)
            code = function.__code__
            return digest_struct("foreign", f"{module_name(function.__globals__)}.{code.co_qualname}")
        walk.code.append(function)
        found = SOURCES.find_function(function)
        cells = [cell for _, cell in cells_of(function)]
        keywords = function.__kwdefaults__ or {}
        defaults = [*(function.__defaults__ or ()), *(keywords[key] for key in sorted(keywords))]
        return digest_struct(
            "function",
            function_name(function),
            [digest_task_code(node) for node in found.nodes],
            self._all(cells, walk),
            self._all([one for one in defaults if type(one) not in _ATOMS], walk),
            [ast.unparse(default) for node in found.nodes for default in _plain_defaults(node)],
        )

    def _find_code_inside(self, function: FunctionType, walk: _Walk) -> None:
        """A library's function may call the user's: decorators keep it in a closure, dispatchers in a table."""
        inside = [value for _, value in cells_of(function)]
        inside.append(getattr(function, "__wrapped__", None))
        for value in inside:
            if isinstance(value, Mapping):
                members = list(cast("Mapping[object, object]", value).values())
            elif isinstance(value, (list, tuple)):
                members = list(cast("list[object]", value))
            else:
                members = [value]
            for member in members:
                if self._may_hold_code(member):
                    self._describe(member, walk)

    def _may_hold_code(self, value: object) -> bool:
        if isinstance(value, type):
            return self._ownership.owns_class(value)
        return isinstance(value, (FunctionType, partial, MethodType)) and self._task_name(value) is None

    def _describe_class(self, kind: type, walk: _Walk) -> Digest:
        if not self._ownership.owns_class(kind):
            return digest_struct("foreign", foreign_name(kind))
        walk.code.append(kind)
        return digest_struct("class", class_name(kind))

    def _describe_builtin(self, function: BuiltinFunctionType, walk: _Walk) -> Digest:
        owner = function.__self__
        if owner is None or isinstance(owner, ModuleType):
            return digest_struct("foreign", foreign_name(function))
        if type(owner) in _ATOMS or type(owner) in _CONTAINERS or isinstance(owner, type):
            return digest_struct("bound", function.__name__, self._describe(owner, walk))
        return digest_struct("bound", function.__name__, foreign_name(type(owner)))

    # -- values ------------------------------------------------------------------------------------

    def _describe_value(self, value: Any, kind: type, walk: _Walk) -> Digest:
        if kind in _CONTAINERS:
            return self._describe_container(value, kind, walk)
        if isinstance(value, logging.Logger):
            return digest_struct("logger", value.name)
        if kind is object:
            return digest_struct("sentinel")
        if kind in _TYPE_PARAMETERS:
            return self._describe_type_parameter(value, kind, walk)
        if _is_generator_of_chance(kind):
            return _describe_opaque(value, kind, walk)
        if self._ownership.owns_class(kind):
            self._describe_class(kind, walk)
            if isinstance(value, tuple) and hasattr(kind, "_fields"):
                return digest_struct("instance", class_name(kind), list(kind._fields), self._all(value, walk))
            if is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or _is_plain(kind):
                return self._describe_state(value, kind, walk)
        else:
            self._find_code_in_attributes(value, walk)
        try:
            return hash_value(value)
        except Exception:  # whatever a type's own methods raise: it has no content that can be had
            return _describe_opaque(value, kind, walk)

    def _describe_container(self, value: Any, kind: type, walk: _Walk) -> Digest:
        members = [part for item in value.items() for part in item] if kind in _MAPPINGS else list(value)
        if kind in _HASHED_WHOLE and _is_data(members):
            return hash_value(value)
        if kind is defaultdict:
            members.append(value.default_factory)
        parts = self._all(members, walk)
        return digest_struct("container", kind.__name__, sorted(parts) if kind in (set, frozenset) else parts)

    def _describe_state(self, value: object, kind: type, walk: _Walk) -> Digest:
        """An instance of the user's own class, attribute by attribute, for there may be code in them."""
        state: dict[str, object] = {}
        for name in ("__dict__", *(name for base in kind.__mro__ for name in _slots_of(base))):
            with suppress(AttributeError):  # an attribute that isn't set; one that is computed isn't asked for
                state[name] = object.__getattribute__(value, name)
        state.update(cast("dict[str, object]", state.pop("__dict__", {})))
        # What a cached property keeps follows from the rest, and is there only once somebody asked.
        names = sorted(name for name in state if not isinstance(getattr(kind, name, None), cached_property))
        return digest_struct("instance", class_name(kind), names, self._all([state[name] for name in names], walk))

    def _describe_type_parameter(self, value: Any, kind: type, walk: _Walk) -> Digest:
        """By its declaration: the module that it names is another one where the file runs as the main script."""
        bounds = [getattr(value, "__bound__", None), *getattr(value, "__constraints__", ())]
        variance = [getattr(value, name, False) for name in ("__covariant__", "__contravariant__")]
        said = [self._describe(one, walk) if isinstance(one, type) else hash_value(repr(one)) for one in bounds]
        return digest_struct("type parameter", kind.__name__, value.__name__, *variance, said)

    def _find_code_in_attributes(self, value: object, walk: _Walk) -> None:
        """A library's object may hold the user's code: what it does with it is unknown, that it counts is not."""
        for part in list(getattr(value, "__dict__", {}).values()):
            if self._may_hold_code(part):
                self._describe(part, walk)

    def _all(self, values: Any, walk: _Walk) -> list[Digest]:
        return [self._describe(value, walk) for value in values]


def _describe_opaque(value: object, kind: type, walk: _Walk) -> Digest:
    walk.opaque.append(value)
    return digest_struct("opaque", foreign_name(kind))


def cells_of(function: FunctionType) -> list[tuple[str, object]]:
    """The names a function closes over with their values; one that has none yet is left out."""
    found: list[tuple[str, object]] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:
            continue
    return found


def _slots_of(kind: type) -> list[str]:
    slots: Any = kind.__dict__.get("__slots__", ())
    names = [
        name for name in ((slots,) if isinstance(slots, str) else slots) if name not in ("__dict__", "__weakref__")
    ]
    private = f"_{kind.__name__.lstrip('_')}"
    return [private + name if name.startswith("__") and not name.endswith("__") else name for name in names]


def _is_data(members: list[object]) -> bool:
    """Whether there is nothing but atoms in built-in containers, however deep: no code to look for."""
    pending, seen = [members], set[int]()
    while pending:
        for member in pending.pop():
            kind = type(member)
            if kind in _ATOMS:
                continue
            if kind not in _HASHED_WHOLE or id(member) in seen:
                return False
            seen.add(id(member))
            inner = cast(Any, member)
            pending.append([*inner.keys(), *inner.values()] if kind is dict else list(inner))
    return True


def _plain_defaults(node: ast.AST) -> list[ast.expr]:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return []
    return [one for one in (*arguments.defaults, *arguments.kw_defaults) if isinstance(one, ast.Constant)]


def _is_plain(kind: type) -> bool:
    """Whether an instance is its attributes: neither built on a built-in value nor pickled in a way of its own."""
    if any(hasattr(kind, name) for name in ("__reduce_redux__", "__getnewargs__", "__getnewargs_ex__")):
        return False
    own_ways = (kind.__reduce_ex__ is not object.__reduce_ex__, kind.__reduce__ is not object.__reduce__)
    return not any(own_ways) and kind.__getstate__ is object.__getstate__ and kind.__new__ is object.__new__  # pyright: ignore[reportAttributeAccessIssue]


def _is_generator_of_chance(kind: type) -> bool:
    """Random generators have a state, but one that differs in every process unless seeded."""
    return issubclass(kind, random.Random) or kind.__module__.startswith("numpy.random")
