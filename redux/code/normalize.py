"""The normal form of code: what is left when comments, layout, docstrings and plain annotations are taken out.

It is a flat list of tokens that is the same on every supported Python: `ast.dump` changes from release to release, and
deeply nested code must cost no stack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from redux_valuestore.digest import Digest, digest_struct

Token = str | bytes
Function = ast.FunctionDef | ast.AsyncFunctionDef

_UNSEEN = frozenset({"ctx", "type_comment", "kind", "simple", "type_ignores"})

_REMEMBERED = 4096
"""Pieces of code whose digests are kept."""


class _Scope(Enum):
    FUNCTION = 1
    CLASS = 2
    END = 3


def digest_code(nodes: Iterable[ast.AST]) -> Digest:
    """The digest of the normal form of some pieces of code, in this order."""
    return _digest_of_all(tuple(nodes))


# Every execution asks again for the code of every task, and the nodes of a version of a file stay the same.
@lru_cache(maxsize=_REMEMBERED)
def _digest_of_all(nodes: tuple[ast.AST, ...]) -> Digest:
    return digest_struct("Code", *_tokens(list(nodes)))


@lru_cache(maxsize=_REMEMBERED)
def digest_task_code(node: ast.AST) -> Digest:
    """The digest of a task's own function: name, decorators and defaults count elsewhere, annotations nowhere."""
    return digest_struct("TaskCode", *_tokens([_bare(node)]))


def parse_snippet(text: str) -> ast.Module | None:
    """The code that a text is, None where it isn't Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _bare(node: ast.AST) -> ast.AST:
    if isinstance(node, ast.Lambda):
        return ast.Lambda(_bare_arguments(node.args), node.body)
    if isinstance(node, ast.FunctionDef):
        return ast.FunctionDef("", _bare_arguments(node.args), node.body, [], None)
    if isinstance(node, ast.AsyncFunctionDef):
        return ast.AsyncFunctionDef("", _bare_arguments(node.args), node.body, [], None)
    return node


def _bare_arguments(arguments: ast.arguments) -> ast.arguments:
    return ast.arguments(
        arguments.posonlyargs, arguments.args, arguments.vararg, arguments.kwonlyargs, [], arguments.kwarg, []
    )


def _tokens(roots: list[ast.AST]) -> list[Token]:
    """Pre-order, closed by `)` and `]`, every scalar behind a mark that says what it is: no two forms are alike."""
    tokens: list[Token] = []
    scopes = [_Scope.CLASS]
    stack: list[object] = list(reversed(roots))
    while stack:
        item = stack.pop()
        if isinstance(item, (str, bytes)):
            tokens.append(item)
        elif isinstance(item, ast.Name):
            tokens += ("(Name", item.id)
        elif isinstance(item, ast.AST):
            parts = _parts(item, scopes[-1])
            parts.reverse()
            stack += parts
        elif item is _Scope.END:
            scopes.pop()
        elif isinstance(item, _Scope):
            scopes.append(item)
        else:
            raise TypeError(f"no normal form for {item!r}")
    return tokens


def _parts(node: ast.AST, scope: _Scope) -> list[object]:
    if isinstance(node, ast.Constant):
        return ["(Constant", *_scalar(node.value)]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _function_parts(node)
    if isinstance(node, ast.Lambda):
        return ["(Lambda", *_argument_parts(node.args, False), _Scope.FUNCTION, node.body, _Scope.END, ")"]
    if isinstance(node, ast.ClassDef):
        body = _without_docstring(node.body)
        head = ["(ClassDef", *_scalar(node.name)]
        for field in ("bases", "keywords", "decorator_list", "type_params"):
            head += _field(field, getattr(node, field, None))
        return [*head, _Scope.CLASS, *_field("body", body), _Scope.END, ")"]
    if isinstance(node, ast.AnnAssign) and scope is _Scope.FUNCTION:
        return _plain_assignment(node)
    if isinstance(node, ast.JoinedStr):
        return ["(JoinedStr", *_string_parts(node), ")"]
    if isinstance(node, ast.Module):
        return ["(Module", *_field("body", _without_docstring(node.body)), ")"]
    parts: list[object] = ["(" + type(node).__name__]
    for field in node._fields:
        if field not in _UNSEEN:
            parts += _field(field, getattr(node, field, None))
    parts.append(")")
    return parts


def _field(name: str, value: object) -> list[object]:
    """A field that is None or empty isn't told, so that fields added by later Pythons change nothing."""
    if value is None or value == []:
        return []
    if isinstance(value, list):
        items: list[object] = ["." + name, "["]
        for item in value:
            items += [item] if isinstance(item, ast.AST) else _scalar(item)
        items.append("]")
        return items
    return ["." + name, value] if isinstance(value, ast.AST) else ["." + name, *_scalar(value)]


def _function_parts(node: Function) -> list[object]:
    annotated = bool(node.decorator_list)  # a decorator may read annotations; nobody else does
    parts: list[object] = ["(" + type(node).__name__, *_scalar(node.name)]
    parts += _field("decorator_list", node.decorator_list)
    parts += _argument_parts(node.args, annotated)
    if annotated:
        parts += _field("returns", node.returns)
    return [*parts, _Scope.FUNCTION, *_field("body", _without_docstring(node.body)), _Scope.END, ")"]


def _argument_parts(arguments: ast.arguments, annotated: bool) -> list[object]:
    parts: list[object] = []
    groups = [
        ("/", arguments.posonlyargs),
        ("a", arguments.args),
        ("*", [arguments.vararg] if arguments.vararg else []),
        ("k", arguments.kwonlyargs),
        ("**", [arguments.kwarg] if arguments.kwarg else []),
    ]
    for mark, group in groups:
        for argument in group:
            parts += [mark, *_scalar(argument.arg)]
            if annotated:
                parts += _field("annotation", argument.annotation)
    parts += _field("defaults", arguments.defaults)
    parts += _field("kw_defaults", arguments.kw_defaults)
    return parts


def _plain_assignment(node: ast.AnnAssign) -> list[object]:
    if node.value is None:
        return ["(Declared", node.target, ")"]
    return ["(Assign", ".targets", "[", node.target, "]", ".value", node.value, ")"]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:] or [ast.Pass()]
    return body


def _string_parts(node: ast.JoinedStr) -> list[object]:
    """The parts of an f-string, one way: Pythons differ in empty texts, neighbouring texts and nested formats."""
    parts: list[object] = []
    text = ""
    for piece in _flatten(node):
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            parts += _scalar(text)
            text = ""
        parts += ["{", piece.value, *_scalar(piece.conversion)]
        if isinstance(piece.format_spec, ast.JoinedStr):
            parts += [":", *_string_parts(piece.format_spec)]
        parts.append("}")
    return parts + _scalar(text) if text else parts


def _flatten(node: ast.JoinedStr) -> list[str | ast.FormattedValue]:
    pieces: list[str | ast.FormattedValue] = []
    for value in node.values:
        if isinstance(value, ast.JoinedStr):
            pieces += _flatten(value)
        elif isinstance(value, ast.FormattedValue):
            pieces.append(value)
        elif isinstance(value, ast.Constant):
            pieces.append(str(value.value))
    return pieces


def _scalar(value: object) -> list[object]:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return ["=lone", value.encode("utf-8", "surrogatepass")]
        return ["=str", value]
    if isinstance(value, bytes):
        return ["=bytes", value]
    if value is None or isinstance(value, bool) or value is Ellipsis:
        return [f"={value}"]
    if isinstance(value, int):
        return ["=int", hex(value)]
    if isinstance(value, float):
        return ["=float", value.hex()]
    if isinstance(value, complex):
        return ["=complex", value.real.hex(), value.imag.hex()]
    raise TypeError(f"no normal form for the constant {value!r}")
