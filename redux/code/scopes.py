"""The names that code takes from outside: dotted as far as they are written, and imports inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

Chain = tuple[str, ...]
"""`helpers.text.strip` is ("helpers", "text", "strip")."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_REMEMBERED = 4096
"""Functions whose uses are kept: every execution asks again, and a function's nodes stay the same."""


@dataclass(frozen=True, slots=True)
class LocalImport:
    """A module that a function imports itself, and the chain of names taken from it."""

    module: str
    level: int
    names: Chain


@dataclass(frozen=True, slots=True)
class Uses:
    """What code takes from outside."""

    chains: frozenset[Chain]
    imports: frozenset[LocalImport]


@dataclass(slots=True)
class _Scope:
    parent: _Scope | None
    hides: bool = True
    """Whether names bound here are unseen from outside: class bodies don't hide theirs from global names."""
    is_comprehension: bool = False
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    """declared global"""
    enclosing: set[str] = field(default_factory=set)
    """declared nonlocal"""
    loads: set[Chain] = field(default_factory=set)
    global_loads: set[Chain] = field(default_factory=set)
    imported: dict[str, set[LocalImport]] = field(default_factory=dict)
    imports: set[LocalImport] = field(default_factory=set)


@lru_cache(maxsize=_REMEMBERED)
def uses_of_body(node: ast.AST) -> Uses:
    """What the body of a function takes from outside; its defaults and decorators are left out."""
    scope = _Scope(None)
    if isinstance(node, _FUNCTIONS):
        child = _Scope(scope)
        _bind_parameters(node.args, child)
        _scan(child, node.body if isinstance(node.body, list) else [node.body])
        _close(child)
    return Uses(frozenset(scope.loads | scope.global_loads), frozenset(scope.imports))


@lru_cache(maxsize=_REMEMBERED)
def uses_of_decorators(node: ast.AST) -> Uses:
    """What the decorators of a function take from outside."""
    return uses_of_statements(getattr(node, "decorator_list", []))


def uses_of_statements(nodes: Sequence[ast.AST]) -> Uses:
    """What statements or expressions at module level take from outside; a class with its bases and decorators."""
    scope = _Scope(None, hides=False)
    _scan(scope, nodes)
    return Uses(frozenset(scope.loads | scope.global_loads), frozenset(scope.imports))


def _scan(scope: _Scope, nodes: Iterable[ast.AST]) -> None:
    stack: list[ast.AST] = list(nodes)
    while stack:
        node = stack.pop()
        rule = _RULES.get(type(node))
        if rule is not None:
            stack += rule(scope, node)
        else:
            stack += _children(node)


def _children(node: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def _on_name(scope: _Scope, node: ast.Name) -> list[ast.AST]:
    if isinstance(node.ctx, ast.Load):
        scope.loads.add((node.id,))
    else:
        scope.bound.add(node.id)
    return []


def _on_attribute(scope: _Scope, node: ast.Attribute) -> list[ast.AST]:
    names: list[str] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        names.append(value.attr)
        value = value.value
    if isinstance(value, ast.Name) and isinstance(value.ctx, ast.Load):
        scope.loads.add((value.id, *reversed(names)))
        return []
    return [value]


def _on_function(scope: _Scope, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.AST]:
    child = _Scope(scope)
    _bind_parameters(node.args, child)
    outside: list[ast.AST] = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
    if isinstance(node, ast.Lambda):
        _scan(child, [node.body])
    else:
        scope.bound.add(node.name)
        outside += node.decorator_list
        _scan(child, node.body)
    _close(child)
    return outside


def _on_class(scope: _Scope, node: ast.ClassDef) -> list[ast.AST]:
    scope.bound.add(node.name)
    child = _Scope(scope, hides=False)
    _scan(child, node.body)
    _close(child)
    return [*node.bases, *node.keywords, *node.decorator_list]


def _on_comprehension(
    scope: _Scope, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
) -> list[ast.AST]:
    child = _Scope(scope, is_comprehension=True)
    first, *others = node.generators
    inside: list[ast.AST] = [first.target, *first.ifs, *others]
    inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    _scan(child, inside)
    _close(child)
    return [first.iter]


def _on_walrus(scope: _Scope, node: ast.NamedExpr) -> list[ast.AST]:
    target = scope
    while target.is_comprehension and target.parent is not None:
        target = target.parent
    target.bound.add(node.target.id)
    return [node.value]


def _on_augmented(scope: _Scope, node: ast.AugAssign) -> list[ast.AST]:
    if isinstance(node.target, ast.Name):
        scope.loads.add((node.target.id,))
    return [node.target, node.value]


def _on_annotated(scope: _Scope, node: ast.AnnAssign) -> list[ast.AST]:
    # Only a class keeps the annotations in its body; those of local variables are never looked at.
    kept: list[ast.AST] = [] if scope.hides else [node.annotation]
    return [node.target, *([node.value] if node.value else []), *kept]


def _on_import(scope: _Scope, node: ast.Import) -> list[ast.AST]:
    for alias in node.names:
        local = alias.asname or alias.name.partition(".")[0]
        module = alias.name if alias.asname else local
        scope.bound.add(local)
        scope.imported.setdefault(local, set()).add(LocalImport(module, 0, ()))
        if not alias.asname and alias.name != local:
            scope.imports.add(LocalImport(alias.name, 0, ()))
    return []


def _on_import_from(scope: _Scope, node: ast.ImportFrom) -> list[ast.AST]:
    for alias in node.names:
        local = alias.asname or alias.name
        scope.bound.add(local)
        scope.imported.setdefault(local, set()).add(LocalImport(node.module or "", node.level, (alias.name,)))
    return []


def _on_global(scope: _Scope, node: ast.Global) -> list[ast.AST]:
    scope.outer.update(node.names)
    return []


def _on_nonlocal(scope: _Scope, node: ast.Nonlocal) -> list[ast.AST]:
    scope.enclosing.update(node.names)
    return []


def _on_handler(scope: _Scope, node: ast.ExceptHandler) -> list[ast.AST]:
    if node.name:
        scope.bound.add(node.name)
    return _children(node)


def _on_capture(scope: _Scope, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> list[ast.AST]:
    name = node.rest if isinstance(node, ast.MatchMapping) else node.name
    if name:
        scope.bound.add(name)
    return _children(node)


def _bind_parameters(arguments: ast.arguments, scope: _Scope) -> None:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    scope.bound.update(argument.arg for argument in every if argument is not None)


def _close(scope: _Scope) -> None:
    """Hand on to the enclosing scope what isn't bound here."""
    parent = scope.parent
    assert parent is not None
    parent.global_loads |= scope.global_loads
    parent.imports |= scope.imports
    hidden = scope.bound - scope.outer - scope.enclosing if scope.hides else set[str]()
    for chain in scope.loads:
        if chain[0] in scope.outer:
            parent.global_loads.add(chain)
        elif chain[0] not in hidden:
            parent.loads.add(chain)
        for origin in scope.imported.get(chain[0], ()):
            parent.imports.add(LocalImport(origin.module, origin.level, (*origin.names, *chain[1:])))


_RULES = {
    ast.Name: _on_name,
    ast.Attribute: _on_attribute,
    ast.FunctionDef: _on_function,
    ast.AsyncFunctionDef: _on_function,
    ast.Lambda: _on_function,
    ast.ClassDef: _on_class,
    **dict.fromkeys(_COMPREHENSIONS, _on_comprehension),
    ast.NamedExpr: _on_walrus,
    ast.AugAssign: _on_augmented,
    ast.AnnAssign: _on_annotated,
    ast.Import: _on_import,
    ast.ImportFrom: _on_import_from,
    ast.Global: _on_global,
    ast.Nonlocal: _on_nonlocal,
    ast.ExceptHandler: _on_handler,
    ast.MatchAs: _on_capture,
    ast.MatchStar: _on_capture,
    ast.MatchMapping: _on_capture,
}
