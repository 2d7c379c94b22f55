"""Source files as they were when their code was read: where a running function or class stands in them.

A version once read stays known for the life of the process, so a function imported from it can still be found after
the file was edited.
"""

from __future__ import annotations
import __future__

import ast
import importlib.util
import linecache
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType
from typing import cast

from redux.code.trouble import CodeUnreadable

_FUTURE_FLAGS = 0
for _feature in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _feature).compiler_flag

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_PLACE = tuple[str, int]

Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Found:
    """Code where it was found: its nodes (more than one only where they can't be told apart), and its text."""

    nodes: tuple[ast.AST, ...]
    text: str


class Snapshot:
    """One version of one source file."""

    def __init__(self, filename: str, text: str) -> None:
        self.filename = filename
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.split("\n")
        self.classes: dict[str, list[ast.ClassDef]] = {}
        self._functions: dict[_PLACE, list[Defined]] = {}
        self._lambdas_known = False
        self._compiled: dict[int, dict[_PLACE, list[CodeType]]] = {}
        for statement in self.tree.body:
            self._index(statement, "")

    def find(self, code: CodeType, trusted: bool) -> Found | None:
        """The function that this code was compiled from, None where the text has changed since.

        `trusted` code was rewritten by an import hook: then its place and name must do.
        """
        if code.co_name == "<lambda>":
            self._index_lambdas()
        here = self._functions.get((code.co_name, code.co_firstlineno), [])
        nodes = here if trusted or self._has(code) else self._find_moved(code)
        if len(nodes) > 1:
            nodes = _at_columns(nodes, code) or nodes
        return Found(tuple(nodes), "\n".join(map(self.text_of, nodes))) if nodes else None

    def find_class(self, qualname: str, lines: frozenset[int]) -> Found | None:
        """The class of that name, the one around `lines` where there are several."""
        nodes = self.classes.get(qualname, [])
        if lines and len(nodes) > 1:
            nodes = [node for node in nodes if any(_spans(node, line) for line in lines)] or nodes
        return Found(tuple(nodes), "\n".join(map(self.text_of, nodes))) if nodes else None

    def find_assignment(self, name: str) -> Found | None:
        """The statements at the top of the module that give `name` its value."""
        nodes = [node for node in self.tree.body if isinstance(node, ast.Assign) and _assigns(node, name)]
        return Found(tuple(nodes), "\n".join(map(self.text_of, nodes))) if nodes else None

    def text_of(self, node: ast.AST) -> str:
        """The text of a node as written, decorators included, set to the left."""
        node = cast(ast.stmt, node)
        first, last = _first_line(node), node.end_lineno or node.lineno
        lines = self._lines[first - 1 : last]
        if isinstance(node, ast.Lambda):
            # Columns count bytes.
            lines[-1] = lines[-1].encode()[: node.end_col_offset].decode()
            lines[0] = lines[0].encode()[node.col_offset :].decode()
            return "\n".join(lines)
        indent = len(lines[0]) - len(lines[0].lstrip())
        return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines)

    def _index(self, node: ast.AST, prefix: str) -> None:
        if isinstance(node, ast.ClassDef):
            prefix += node.name
            self.classes.setdefault(prefix, []).append(node)
            prefix += "."
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._functions.setdefault((node.name, _first_line(node)), []).append(node)
            prefix += node.name + ".<locals>."
        for field in _BODIES:
            for child in getattr(node, field, ()):
                self._index(child, prefix)

    def _index_lambdas(self) -> None:
        if self._lambdas_known:
            return
        self._lambdas_known = True
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Lambda):
                self._functions.setdefault(("<lambda>", node.lineno), []).append(node)

    def _has(self, code: CodeType) -> bool:
        here = self._codes(code).get((code.co_name, code.co_firstlineno), ())
        return any(is_same_code(known, code) for known in here)

    def _find_moved(self, code: CodeType) -> list[Defined]:
        """The same code at another line: something above it was edited."""
        nodes: list[Defined] = []
        for (name, line), known in self._codes(code).items():
            if name == code.co_name and any(
                one.co_qualname == code.co_qualname and is_same_code(one, code) for one in known
            ):
                nodes += self._functions.get((name, line), [])
        return nodes

    def _codes(self, code: CodeType) -> dict[_PLACE, list[CodeType]]:
        """All code in this text, compiled as `code` was: whole, for what a name means depends on the imports."""
        flags = code.co_flags & _FUTURE_FLAGS
        found = self._compiled.get(flags)
        if found is None:
            found = self._compiled[flags] = {}
            module = compile(self.tree, self.filename, "exec", flags, dont_inherit=True)
            for one in _nested_codes(module):
                found.setdefault((one.co_name, one.co_firstlineno), []).append(one)
        return found


def is_same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    return one == other or (
        one.co_code == other.co_code
        and one.co_name == other.co_name
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and one.co_cellvars == other.co_cellvars
        and one.co_argcount == other.co_argcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and one.co_posonlyargcount == other.co_posonlyargcount
        and one.co_flags == other.co_flags
        and _same_constant(one.co_consts, other.co_consts)
    )


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return is_same_code(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same_constant, one, other))
    if isinstance(one, frozenset):
        return one == other
    return type(one) is type(other) and repr(one) == repr(other)


class SourceBook:
    """All versions of all source files read so far in this process."""

    def __init__(self) -> None:
        self._versions: dict[str, list[tuple[object, Snapshot]]] = {}

    def find_function(self, function: FunctionType) -> Found:
        """The source of a function. Raises CodeUnreadable where it is gone, or isn't what runs."""
        code = function.__code__
        name = f"{function.__module__}.{code.co_qualname}"
        trusted = _is_rewritten(function.__globals__)
        for snapshot in self.versions(code.co_filename, function.__globals__, name):
            found = snapshot.find(code, trusted)
            if found is not None:
                return found
        raise CodeUnreadable(
            name,
            f"{code.co_filename} was edited after it was imported",
            "restart Python (or reload the module), or give the task a version=",
        )

    def versions(self, filename: str, names: Mapping[str, object], name: str) -> list[Snapshot]:
        """What was read of a file, the newest first. Raises CodeUnreadable where nothing can be."""
        known = self._versions.setdefault(filename, [])
        stamp, text = _read(filename, names, known[0][0] if known else None)
        if text is not None and not (known and known[0][1].text == text):
            with suppress(SyntaxError, ValueError):  # edited into something that isn't Python: an older one may do
                known.insert(0, (stamp, Snapshot(filename, text)))
        if not known:
            raise CodeUnreadable(
                name,
                f"there is no source of it ({filename})",
                "put it into a file, or give the task a version= or source=",
            )
        return [snapshot for _, snapshot in known]


def _read(filename: str, names: Mapping[str, object], stamp: object) -> tuple[object, str | None]:
    """The text of a file with a stamp that changes when it does; no text where it is gone or has this stamp already."""
    try:
        status = os.stat(filename)
    except OSError:
        # Notebook cells and consoles keep their sources there, archives find them by their loader.
        lines = linecache.getlines(filename, cast("dict[str, object]", names))
        return None, "".join(lines) if lines else None
    now = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    if now == stamp:
        return now, None
    try:
        with open(filename, "rb") as stream:
            return now, importlib.util.decode_source(stream.read())
    except (OSError, SyntaxError, UnicodeDecodeError):
        return now, None


def _is_rewritten(names: Mapping[str, object]) -> bool:
    """Whether a module came through an import hook that may change its code, as pytest's does."""
    loader = names.get("__loader__")
    return loader is not None and type(loader).__module__ not in (SourceFileLoader.__module__, "zipimport", "builtins")


def _nested_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _nested_codes(constant)


def _first_line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", ())
    return min([cast(ast.stmt, node).lineno, *(decorator.lineno for decorator in decorators)])


def _spans(node: ast.ClassDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _at_columns(nodes: list[Defined], code: CodeType) -> list[Defined]:
    """Of lambdas on one line, the one around every instruction with as many lambdas inside it."""
    spots = [
        (line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and end_line is not None and column is not None and end_column
    ]
    if not spots:
        return [node for node in nodes if _gives_constant(node, code)][:1]
    inside = sum(one.co_name == "<lambda>" for one in _nested_codes(code))
    return [node for node in nodes if _lambdas_inside(node) == inside and all(_holds(node, *spot) for spot in spots)]


def _gives_constant(node: Defined, code: CodeType) -> bool:
    """Whether a lambda compiles to this code by itself; Python 3.12 gives one that returns a constant no columns."""
    if not isinstance(node, ast.Lambda):
        return False
    module = compile(ast.Expression(node), code.co_filename, "eval", code.co_flags & _FUTURE_FLAGS, dont_inherit=True)
    alone = [one.replace(co_flags=code.co_flags) for one in module.co_consts if isinstance(one, CodeType)]
    return any(is_same_code(one, code) for one in alone)


def _lambdas_inside(node: Defined) -> int:
    body = node.body if isinstance(node.body, list) else [node.body]
    return sum(isinstance(one, ast.Lambda) for part in body for one in ast.walk(part))


def _holds(node: Defined, line: int, column: int, end_line: int, end_column: int) -> bool:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset) <= (line, column) and (end_line, end_column) <= end


SOURCES = SourceBook()
"""One for the process: a version read by one execution still explains code that another one meets."""
