"""What a function or class uses, followed through the user's own project: each thing once, as pieces of code."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import cast

from redux.code.content import Contents, TaskName, cells_of
from redux.code.imports import ABSENT, Unimportable, load_own_module, member_of
from redux.code.normalize import digest_code, parse_snippet
from redux.code.ownership import (
    Ownership,
    class_name,
    foreign_name,
    function_in,
    function_name,
    is_generated,
    module_name,
    names_around,
)
from redux.code.scopes import Chain, LocalImport, Uses, uses_of_body, uses_of_decorators, uses_of_statements
from redux.code.sources import SOURCES, Found
from redux.redaction import REDACTED
from redux.secret_names import hides, redacted_text
from redux.serializers.names import defaults_of_task
from redux.value import preview
from redux_backends.records import CodePiece
from redux_valuestore.digest import Digest, digest_struct

_SHOWN = 2000
"""Characters of a constant that are kept to be looked at."""

Code = FunctionType | type
"""A function or class of the user's own."""

_MACHINERY = frozenset(
    f"__{name}__"
    for name in (
        *("name", "file", "doc", "spec", "loader", "package", "path", "cached", "builtins", "debug", "class"),
        *("annotations", "dict", "module", "qualname", "import"),
    )
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A function or class with what it uses itself: its pieces, and the code to go on with."""

    pieces: tuple[CodePiece, ...]
    follows: tuple[Code, ...]


class Dependencies:
    """The pieces of the user's code, each unit read once."""

    def __init__(self, ownership: Ownership, task_name: TaskName) -> None:
        self._ownership = ownership
        self._task_name = task_name
        self.contents = Contents(ownership, task_name)
        self._units: dict[int, tuple[Code, Unit]] = {}

    def pieces_from(self, start: Unit, own: Code | None) -> list[CodePiece]:
        """The pieces of a unit and of all that it uses; `own` is the task's function, no helper of itself."""
        pieces = list(start.pieces)
        seen = {id(own)}
        pending = list(start.follows)
        while pending:
            code = pending.pop()
            if id(code) not in seen:
                seen.add(id(code))
                unit = self._unit_of(code)
                pieces += unit.pieces
                pending += unit.follows
        return pieces

    def code_hash(self, thing: object) -> Digest | None:
        """What a function or class of the user's own is with all it uses; None for any other thing.

        Asked about something inside a value whose content is just being found, it is what it is by itself: what it
        uses is followed from there.
        """
        if not isinstance(thing, (FunctionType, type)) or not self._ownership.owns(thing):
            return None
        inside = self.contents.within(thing)
        if inside is not None:
            return inside
        pieces = self.pieces_from(Unit((), (thing,)), None)
        return digest_struct("CodeValue", sorted({piece.hash for piece in pieces}))

    def _unit_of(self, code: Code) -> Unit:
        known = self._units.get(id(code))
        if known is None:
            unit = self._read_class(code) if isinstance(code, type) else self._read_function(code)
            known = self._units[id(code)] = (code, unit)
        return known[1]

    # -- functions ---------------------------------------------------------------------------------

    def _read_function(self, function: FunctionType) -> Unit:
        found = SOURCES.find_function(function)
        name = function_name(function)
        piece = make_piece("function", name, digest_code(found.nodes), found.text)
        uses = [uses_of_body(node) for node in found.nodes] + [uses_of_decorators(node) for node in found.nodes]
        body = self.used_by(uses, function, name)
        defaults = self._defaults_of(function, name)
        return join_units(Unit((piece,), ()), body, defaults)

    def used_by(self, uses: Iterable[Uses], function: FunctionType, name: str) -> Unit:
        """What a function reaches by its global names, its own imports and its closure."""
        finder = _Finder(self, self._ownership, function.__globals__, frozenset(function.__code__.co_freevars))
        cells = [self.value_unit("closure", f"{name}:{key}", key, value) for key, value in cells_of(function)]
        return join_units(finder.find(uses), *cells, self._wrapped_by(function, name))

    def _wrapped_by(self, function: FunctionType, name: str) -> Unit:
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is None or any(value is wrapped for _, value in cells_of(function)):
            return Unit((), ())
        return self.value_unit("closure", f"{name}:__wrapped__", "__wrapped__", wrapped)

    def _defaults_of(self, function: FunctionType, name: str) -> Unit:
        positional = function.__defaults__ or ()
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        # Counted from the end: a function may have been given more defaults than it has parameters.
        pairs = list(zip(reversed(names), reversed(positional), strict=False))
        pairs += (function.__kwdefaults__ or {}).items()
        return join_units(*(self.value_unit("default", f"{name}({key})", key, value) for key, value in pairs))

    # -- classes -----------------------------------------------------------------------------------

    def _read_class(self, kind: type) -> Unit:
        names = names_around(kind)
        methods = list(_methods_of(kind))
        found = _find_class(kind, names, methods)
        name = class_name(kind)
        bases = tuple(base for base in (*kind.__bases__, type(kind)) if self._ownership.owns_class(base))
        cells = dict(pair for method in methods for pair in cells_of(method))
        closures = [
            self.value_unit("closure", f"{name}:{key}", key, value)
            for key, value in sorted(cells.items())
            if value is not kind
        ]
        if found is None:
            return join_units(self._read_made_class(kind, name), Unit((), bases), *closures)
        piece = make_piece("class", name, digest_code(found.nodes), found.text)
        used = _Finder(self, self._ownership, names, frozenset(cells)).find([uses_of_statements(found.nodes)])
        patched = self._members(kind, name, {id(method) for method in methods})
        return join_units(Unit((piece,), bases), used, patched, *closures)

    def _members(self, kind: type, name: str, known: set[int]) -> Unit:
        """Functions put into a class from elsewhere."""
        found: list[Unit] = []
        for key, member in vars(kind).items():
            function = function_in(member)
            if function is None or id(function) in known or key.startswith("__"):
                continue
            if self._ownership.owns_function(function) and not is_generated(function):
                found.append(self.value_unit("method", f"{name}.{key}", key, function))
        return join_units(*found)

    def _read_made_class(self, kind: type, name: str) -> Unit:
        """A class that no class statement made (`namedtuple`, `type`), or one whose cell is unknown: by its members."""
        pieces: list[Unit] = [self._members(kind, name, set())]
        shown = {key: value for key, value in vars(kind).items() if not key.startswith("_")}
        shown.update({key: value for key, value in vars(kind).items() if key in ("__annotations__", "_fields")})
        words: list[object] = []
        for key in sorted(shown):
            value: object = shown[key]
            if isinstance(value, Mapping):
                value = sorted(f"{one}: {two}" for one, two in cast("Mapping[object, object]", value).items())
            if function_in(value) is None and not inspect.isdatadescriptor(value):
                words += [key, self.contents.of(value, f"{name}.{key}").digest]
        bases = [foreign_name(base) for base in kind.__bases__]
        piece = make_piece("class", name, digest_struct("MadeClass", bases, words), f"{name}({', '.join(bases)})")
        return join_units(Unit((piece,), ()), *pieces)

    # -- values ------------------------------------------------------------------------------------

    def value_unit(self, kind: str, name: str, key: str, value: object) -> Unit:
        """A value under a name: a task by its full name, code by what it is called, anything else by its content."""
        target = self._name_of_code(value)
        content = self.contents.of(value, name)
        if target is not None and kind == "constant":
            if target in (name, key) and not content.code:
                return Unit((), ())
            if target == name and isinstance(value, (FunctionType, type)):
                return Unit((), content.code)
            kind = "reference"
        shown = _shown_under(key, value) if target is None else target
        if self._task_name(value) is not None:
            shown += _shown_defaults(value)
        source = f"{key} = {shown}"
        kind = "opaque" if content.opaque else kind
        return Unit((make_piece(kind, name, content.digest, source),), content.code)

    def _name_of_code(self, value: object) -> str | None:
        fullname = self._task_name(value)
        if fullname is not None:
            return f"task {fullname}"
        if isinstance(value, ModuleType):
            return module_name(vars(value))
        if isinstance(value, FunctionType):
            return function_name(value)
        if isinstance(value, type):
            return class_name(value) if self._ownership.owns_class(value) else foreign_name(value)
        return foreign_name(value) if inspect.isroutine(value) else None

    def task_function(self, value: object) -> object:
        """The function of a task, for code that takes it out of the task and calls it at once."""
        return getattr(value, "func", None) if self._task_name(value) is not None else None


class _Finder:
    """The objects behind names, as one function or class sees them."""

    def __init__(
        self, dependencies: Dependencies, ownership: Ownership, names: Mapping[str, object], inner: frozenset[str]
    ) -> None:
        self._dependencies = dependencies
        self._ownership = ownership
        self._names = names
        self._inner = inner

    def find(self, all_uses: Iterable[Uses]) -> Unit:
        chains: set[Chain] = set()
        imports: set[LocalImport] = set()
        for uses in all_uses:
            chains |= uses.chains
            imports |= uses.imports
        found = [self._follow_chain(chain) for chain in sorted(chains)]
        return join_units(*found, *self._follow_imports(imports))

    def _follow_chain(self, chain: Chain) -> Unit:
        root = chain[0]
        if root in self._inner or root in _MACHINERY or root not in self._names:
            return Unit((), ())
        value = self._names[root]
        if getattr(builtins, root, None) is value and value is not None:
            return Unit((), ())
        label = f"{module_name(self._names)}.{root}"
        return self._follow(value, label, root, chain[1:])

    def _follow(self, value: object, label: str, key: str, rest: Chain) -> Unit:
        if isinstance(value, ModuleType):
            here = self._dependencies.value_unit("constant", label, key, value)
            if not rest or not self._ownership.owns_module(value):
                return here
            member = member_of(value, rest[0])
            if member is ABSENT:
                return here
            return join_units(here, self._follow(member, f"{module_name(vars(value))}.{rest[0]}", rest[0], rest[1:]))
        unit = self._dependencies.value_unit("constant", label, key, value)
        inside = self._dependencies.task_function(value) if rest[:1] in (("func",), ("__wrapped__",)) else None
        if inside is None:
            return unit
        return join_units(unit, self._dependencies.value_unit("constant", f"{label}.func", "func", inside))

    def _follow_imports(self, imports: set[LocalImport]) -> Iterator[Unit]:
        for used in sorted(imports, key=lambda one: (one.level, one.module, one.names)):
            name = self._absolute(used)
            module = load_own_module(name, self._ownership) if name else None
            if isinstance(module, Unimportable):
                tree = parse_snippet(module.text) or ast.Module([ast.Expr(ast.Constant(module.text))], [])
                yield Unit((make_piece("module", module.name, digest_code([tree]), module.text),), ())
            elif module is not None:
                yield self._follow(module, name, name, used.names)

    def _absolute(self, used: LocalImport) -> str:
        if not used.level:
            return used.module
        package = self._names.get("__package__") or ""
        try:
            return importlib.util.resolve_name("." * used.level + used.module, str(package))
        except ImportError:
            return ""


def _methods_of(kind: type) -> Iterator[FunctionType]:
    """The functions written in the class statement itself."""
    for member in vars(kind).values():
        function = function_in(member)
        if function is None or function.__code__.co_qualname.rpartition(".")[0] != kind.__qualname__:
            continue
        if not is_generated(function):
            yield function


def _find_class(kind: type, names: Mapping[str, object], methods: list[FunctionType]) -> Found | None:
    name = class_name(kind)
    path = names.get("__file__")
    filename = methods[0].__code__.co_filename if methods else path
    if not isinstance(filename, str):
        return None
    lines = frozenset(method.__code__.co_firstlineno for method in methods)
    for method in methods[:1]:
        SOURCES.find_function(method)
    for snapshot in SOURCES.versions(filename, names, name):
        if all(snapshot.find(method.__code__, trusted=False) for method in methods):
            return snapshot.find_class(kind.__qualname__, lines) or snapshot.find_assignment(kind.__name__)
    newest = SOURCES.versions(filename, names, name)[0]
    return newest.find_class(kind.__qualname__, lines)


def make_piece(kind: str, name: str, content: Digest, source: str) -> CodePiece:
    """A piece under the hash of its kind, name and content; the source is for people."""
    return CodePiece(digest_struct("Piece", kind, name, content), kind, name, source)


def _shown_defaults(task: object) -> str:
    """The defaults that a call of a task takes: they count where it is used."""
    said = ", ".join(f"{key}={_shown_under(key, default)}" for key, default in defaults_of_task(task).items())
    return f"({said})" if said else ""


def _shown_under(name: str, value: object) -> str:
    """A constant as it is looked at, without what its name, or names and URLs in it, say to be secret."""
    return REDACTED if hides(name, value) else redacted_text(preview(value, _SHOWN))


def join_units(*units: Unit) -> Unit:
    """All pieces and all code of some units."""
    pieces = tuple(piece for unit in units for piece in unit.pieces)
    return Unit(pieces, tuple(code for unit in units for code in unit.follows))
