"""What one source file says: its lines, its imports, its functions and classes."""

from __future__ import annotations

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Lines:
    """A file's lines by what stands on them."""

    code: int
    comment: int
    blank: int


@dataclass(frozen=True, slots=True)
class Imports:
    """Dotted names a module imports, sorted: while it is imported itself (`eager`), and only later (`deferred`)."""

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
    code = comment = blank = 0
    for line in io.StringIO(text):
        stripped = line.strip()
        if not stripped:
            blank += 1
        elif stripped.startswith("#"):
            comment += 1
        else:
            code += 1
    return Lines(code, comment, blank)


def read_outline(source: bytes, package: str) -> Outline:
    """The outline of a file in `package`, or one that only names the problem with it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
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
    """Every statement of a module, and whether it waits for a call or for the module to run as a script.

    Expressions are not entered: nothing is imported or declared in them.
    """
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    while pending:
        node, waits = pending.pop()
        yield node, waits
        waits = waits or _delays_its_body(node)
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending += [(child, waits) for child in getattr(node, field, ())]


def _delays_its_body(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
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
