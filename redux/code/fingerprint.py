"""A task's hash: its code and all code of the user's own that it uses, or what stands for them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import RLock
from types import FunctionType

from redux.code.content import TaskName
from redux.code.dependencies import Dependencies, Unit, join_units, make_piece
from redux.code.normalize import digest_code, digest_task_code, parse_snippet
from redux.code.ownership import Ownership
from redux.code.packages import package_piece
from redux.code.project import Project
from redux.code.scopes import uses_of_body, uses_of_statements
from redux.code.sources import SOURCES, Found
from redux.code.trouble import CodeUnreadable
from redux_backends.records import CodePiece, TaskRecord, hash_task
from redux_valuestore.digest import Digest, digest_bytes, digest_struct


@dataclass(frozen=True, slots=True)
class TaskSource:
    """What a task's hash is made of: its function, or the version or text that stands for it, and what is added."""

    fullname: str
    func: Callable[..., object]
    version: str | None = None
    includes: tuple[object, ...] = ()
    source: str | None = None
    packages: tuple[str, ...] = ()
    nout: int | None = None
    script: bool = False


class Fingerprinter:
    """Hashes tasks as their code is when it is first looked at.

    `task_name` gives the full name of an object that is a task, and None for any other.
    """

    def __init__(self, project: Project, task_name: TaskName) -> None:
        self._ownership = Ownership(project)
        self._dependencies = Dependencies(self._ownership, task_name)
        self._lock = RLock()
        self._code_hashes: dict[int, tuple[object, Digest | None]] = {}

    def fingerprint(self, task: TaskSource) -> TaskRecord:
        """A task under the hash of its code, with every piece the hash covers, its own first.

        Raises CodeUnreadable where code of the user's own isn't there to be read, or isn't what runs.
        """
        with self._lock:
            return self._fingerprint(task)

    def uncounted_in(self, record: TaskRecord) -> list[tuple[str, str]]:
        """The objects whose content a task's hash leaves out though it may matter: where each is, and its type."""
        if not self._dependencies.contents.uncounted:
            return []
        names = {piece.name for piece in record.pieces}
        inside = tuple(f"{name}." for name in names)
        return [
            (label, kind)
            for label, kinds in self._dependencies.contents.uncounted.items()
            if label in names or label.startswith(inside)
            for kind in kinds
        ]

    def code_hash(self, thing: object) -> Digest | None:
        """How a function or class that is a value counts by its code; None where it isn't the user's own.

        Raises CodeUnreadable.
        """
        known = self._known_code(thing)
        if known is not None:
            return known[1]
        with self._lock:
            return self._find_code(thing)

    def class_hash(self, kind: type) -> Digest | None:
        """How a class counts by its code in a value that is an instance of it; None where it isn't the user's own.

        None too inside a constant that is just being described: the class is followed from there.
        Raises CodeUnreadable.
        """
        known = self._known_code(kind)
        if known is not None:
            return known[1]
        with self._lock:
            found = self._find_code(kind)
            return found if self._dependencies.contents.at_rest else None

    def _known_code(self, thing: object) -> tuple[object, Digest | None] | None:
        return self._code_hashes.get(id(thing)) if self._dependencies.contents.at_rest else None

    def _find_code(self, thing: object) -> Digest | None:
        found = self._dependencies.code_hash(thing)
        if self._dependencies.contents.at_rest:  # else it is what the thing is by itself
            self._code_hashes[id(thing)] = (thing, found)
        return found

    def _fingerprint(self, task: TaskSource) -> TaskRecord:
        function = inspect.unwrap(task.func)
        if task.version is not None:
            start = Unit((_text_piece("version", task.fullname, task.version),), ())
        elif task.source is not None:
            start = self._read_given_source(task, task.source, function)
        else:
            start = self._read_own_function(task, function)
        included = [self._include(task.fullname, value) for value in task.includes]
        installed = Unit(tuple(package_piece(task.fullname, name) for name in task.packages), ())
        unit = join_units(start, *included, installed)
        if task.nout is not None:  # a result remembered under another number would not be held to this one
            unit = join_units(unit, Unit((_text_piece("nout", task.fullname, str(task.nout)),), ()))
        if task.script:  # what the function returns is then not the result
            unit = join_units(unit, Unit((_text_piece("script", task.fullname, "true"),), ()))
        own = function if isinstance(function, FunctionType) else None
        pieces = self._dependencies.pieces_from(unit, own)
        return TaskRecord(_hash_task(task.fullname, pieces), task.fullname, task.version, _in_order(pieces))

    def _read_own_function(self, task: TaskSource, function: object) -> Unit:
        if not isinstance(function, FunctionType):
            raise CodeUnreadable(
                f"task {task.fullname}",
                f"it is a {type(function).__name__}, not a Python function",
                "wrap it into one, or give the task a version=",
            )
        found = SOURCES.find_function(function)
        digest = digest_struct("Own", [digest_task_code(node) for node in found.nodes])
        piece = make_piece("task", task.fullname, digest, found.text)
        used = self._dependencies.used_by([uses_of_body(node) for node in found.nodes], function, task.fullname)
        wrapper = Unit((), ()) if task.func is function else self._wrapper(task, found)
        return join_units(Unit((piece,), ()), used, wrapper)

    def _wrapper(self, task: TaskSource, found: Found) -> Unit:
        """What decorators below `@task` made of the function: as it is, and as written, for libraries hide theirs."""
        made = self._dependencies.value_unit("closure", f"{task.fullname}:wrapper", "wrapper", task.func)
        decorators = [one for node in found.nodes for one in _below_task(getattr(node, "decorator_list", []))]
        if not decorators:
            return made
        text = "\n".join("@" + ast.unparse(decorator) for decorator in decorators)
        piece = make_piece("decorator", task.fullname, digest_code(decorators), text)
        return join_units(made, Unit((piece,), ()))

    def _read_given_source(self, task: TaskSource, text: str, function: object) -> Unit:
        tree = parse_snippet(text)
        if tree is None:
            return Unit((_text_piece("task", task.fullname, text),), ())
        piece = make_piece("task", task.fullname, digest_code([tree]), text)
        if not isinstance(function, FunctionType) or not self._ownership.owns_function(function):
            return Unit((piece,), ())
        used = self._dependencies.used_by([uses_of_statements(tree.body)], function, task.fullname)
        return join_units(Unit((piece,), ()), used)

    def _include(self, fullname: str, value: object) -> Unit:
        name = getattr(value, "__qualname__", None) or type(value).__name__
        unit = self._dependencies.value_unit("include", f"{fullname}+{name}", str(name), value)
        if any(piece.kind == "opaque" for piece in unit.pieces):
            raise CodeUnreadable(
                f"task {fullname}",
                f"hash_includes has a {type(value).__name__}, which has no content to hash",
                "include a value that stands for it, such as its version or address",
            )
        return unit


def _below_task(decorators: list[ast.expr]) -> list[ast.expr]:
    for index, decorator in enumerate(decorators):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(called, "attr", None) == "task" or getattr(called, "id", None) == "task":
            return decorators[index + 1 :]
    return []


def _text_piece(kind: str, fullname: str, text: str) -> CodePiece:
    return make_piece(kind, fullname, digest_bytes(text.encode("utf-8", "surrogatepass")), text)


def _hash_task(fullname: str, pieces: Iterable[CodePiece]) -> Digest:
    return hash_task(fullname, ((piece.kind, piece.name, piece.hash) for piece in pieces))


def _in_order(pieces: list[CodePiece]) -> tuple[CodePiece, ...]:
    """The task's own piece, then the others by kind and name, each once."""
    first, *others = {piece.hash: piece for piece in pieces}.values()
    return (first, *sorted(others, key=lambda piece: (piece.kind, piece.name, piece.hash)))
