"""What one source file says: its lines, its imports, its functions and classes."""

from __future__ import annotations

import ast
import importlib.util
import io
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

# The parser warns of what it reads, under this name where the text comes from no file. Such warnings are for
# the authors of the text. Ignored once and for all, as `warnings.catch_warnings` is not for threads.
warnings.filterwarnings("ignore", module="<unknown>")


@dataclass(frozen=True, slots=True)
class Lines:
    """A file's lines by what stands on them."""

    code: int
    comment: int
    blank: int


@dataclass(frozen=True, slots=True)
class Imports:
    """Dotted names a module imports, sorted: while it is imported itself (`eager`), or later (`deferred`)."""

    eager: list[str]
    deferred: list[str]


@dataclass(frozen=True, slots=True)
class Outline:
    """What is declared in a file; `problem` is why it could not be parsed, and empty where it could."""

    imports: Imports
    functions: int = 0
    classes: int = 0
    problem: str = ""


def module_name(path: str) -> str:
    """The name under which `email/mime/text.py` or `email/__init__.py` is imported."""
    parts = PurePath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_name(path: str) -> str:
    """The package that a relative import in this file starts from; empty at the top."""
    return ".".join(PurePath(path).parts[:-1])


def decode(source: bytes) -> str:
    """The text of a source file in the encoding it declares; what that can't read becomes U+FFFD."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        encoding = "utf-8"
    return io.TextIOWrapper(io.BytesIO(source), encoding, errors="replace").read()


def count_lines(text: str) -> Lines:
    """The lines of a text; a comment has its line to itself, and a docstring is code."""
    kinds = Counter(kind_of_line(line.strip()) for line in io.StringIO(text))
    return Lines(kinds["code"], kinds["comment"], kinds["blank"])


def kind_of_line(stripped: str) -> Literal["code", "comment", "blank"]:
    """What stands on a line that has no space around it."""
    if not stripped:
        return "blank"
    return "comment" if stripped.startswith("#") else "code"


def read_outline(source: bytes, package: str) -> Outline:
    """The outline of a file in `package`, or one that only names the problem with it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error) or "nested too deeply"
        return Outline(Imports([], []), problem=message)
    functions = classes = 0
    for node, _ in walk_statements(tree):
        functions += isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        classes += isinstance(node, ast.ClassDef)
    return Outline(imports_of(tree, package), functions, classes)


def imports_of(tree: ast.Module, package: str) -> Imports:
    """All that a module imports, relative names made absolute, `from x import y` as `x.y`.

    A name needed while the module is imported counts as eager, even if it is imported again later.
    """
    eager: set[str] = set()
    deferred: set[str] = set()
    for node, waits in walk_statements(tree):
        (deferred if waits else eager).update(_imported_names(node, package))
    return Imports(sorted(eager), sorted(deferred - eager))


def walk_statements(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Every statement of a module, and whether it waits: for a call, a run as a script, a type checker.

    Expressions are not entered: nothing is imported or declared in them.
    """
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    while pending:
        node, waits = pending.pop()
        yield node, waits
        for field in ("orelse", "finalbody", "handlers", "cases"):
            pending += [(child, waits) for child in getattr(node, field, ())]
        pending += [(child, waits or _delays_its_body(node)) for child in getattr(node, "body", ())]


def _delays_its_body(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
        case _:
            return False


def _imported_names(node: ast.AST, package: str) -> list[str]:
    match node:
        case ast.Import(names=aliases):
            return [alias.name for alias in aliases]
        case ast.ImportFrom(module=module, names=aliases, level=level):
            origin = _absolute("." * level + (module or ""), package)
            return [origin if alias.name == "*" else f"{origin}.{alias.name}" for alias in aliases]
        case _:
            return []


def _absolute(name: str, package: str) -> str:
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:
        # More dots than packages above it: no module has such a name, so it will count as found nowhere.
        return name
