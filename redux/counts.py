"""How many things a task returns, where its author said so: read, and held to."""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Callable, Mapping, Set
from typing import Any, cast

from redux.expression import Expression, Operation
from redux.operations import register_operation
from redux.value import preview
from redux_valuestore.errors import ReduxError

_COUNTED = "counted"


class WrongCount(ReduxError):
    """A task returned another number of things than it was declared to."""

    def __init__(self, fullname: str, declared: int, came: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} is declared to return {_things(declared)}, but returned {came}; "
            "mend its return annotation or nout=, or what it returns"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.fullname, str(self))


def _again(fullname: str, message: str) -> WrongCount:
    """The error in another process."""
    error = WrongCount.__new__(WrongCount, message)
    error.fullname = fullname
    return error


def count_in_annotation(func: Callable[..., object]) -> int | None:
    """How many things a function's return annotation says: `tuple[A, B]` or a namedtuple; None where it doesn't."""
    try:
        annotation = func.__annotations__.get("return")
    except Exception:  # no function, or annotations that cannot be evaluated
        return None
    return _count_in_text(annotation, func) if isinstance(annotation, str) else _count_in_hint(annotation)


def _count_in_text(text: str, func: Callable[..., object]) -> int | None:
    try:
        hint: object = eval(text, getattr(inspect.unwrap(func), "__globals__", {}))
    except Exception:  # a name that is there for type checkers only: the text itself may say enough
        return _count_in_tree(text)
    return _count_in_text(hint, func) if isinstance(hint, str) else _count_in_hint(hint)


def _count_in_tree(text: str) -> int | None:
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(tree, ast.Subscript) or ast.unparse(tree.value).rpartition(".")[2] not in ("tuple", "Tuple"):
        return None
    parts = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    if any(isinstance(part, ast.Starred) or ast.unparse(part) == "..." for part in parts):
        return None
    return len(parts)


def _count_in_hint(hint: Any) -> int | None:
    while typing.get_origin(hint) is typing.Annotated or hasattr(hint, "__supertype__"):
        hint = hint.__supertype__ if hasattr(hint, "__supertype__") else typing.get_args(hint)[0]
    if type(hint).__name__ == "TypeAliasType":
        return _count_in_hint(hint.__value__)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return len(cast(Any, hint)._fields)
    if typing.get_origin(hint) is not tuple:
        return None
    parts = typing.get_args(hint)
    if any(part is ... or typing.get_origin(part) is typing.Unpack or _is_starred(part) for part in parts):
        return None
    return len(parts)


def _is_starred(part: object) -> bool:
    """Whether a part is an unpacked tuple: `*tuple[int, ...]`."""
    return bool(getattr(part, "__unpacked__", False)) or isinstance(part, typing.TypeVarTuple)


def held_to_count(fullname: str, declared: int, value: object) -> object:
    """What a task returned, if it is as many things as declared; where that is still open, it is checked later.

    Raises WrongCount.
    """
    if not isinstance(value, Expression):
        return _check(fullname, declared, value)
    length = value.known_length()
    if length is None:
        return Operation(_COUNTED, (fullname, declared, value))
    if length != declared:
        raise WrongCount(fullname, declared, f"{value!r} (which is {_things(length)})")
    return value


def _check(fullname: str, declared: int, value: Any) -> object:
    if isinstance(value, (Mapping, Set)):
        raise WrongCount(fullname, declared, f"{preview(value, 60)} ({type(value).__name__}, which has no order)")
    try:
        length = len(value)
    except TypeError:
        raise WrongCount(fullname, declared, f"{preview(value, 60)} ({type(value).__name__})") from None
    if length != declared:
        raise WrongCount(fullname, declared, f"{preview(value, 60)} ({type(value).__name__} of {length})")
    return value


def _things(count: int) -> str:
    return "one thing" if count == 1 else f"{count} things"


register_operation(_COUNTED, _check)
