"""What each operation does once its operands are there, by name."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from redux_valuestore.errors import ReduxError

Function = Callable[..., Any]

BINARY = ("eq", "ne", "lt", "le", "gt", "ge")
REVERSIBLE = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul", "lshift", "rshift", "and", "or",
    "xor",
)  # fmt: skip
UNARY = ("neg", "pos", "invert", "abs", "trunc", "floor", "ceil")


class UnknownOperation(ReduxError):
    """No operation has the name that an expression uses."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no operation is named {name}; import the module that defines it")


class OperationExists(ReduxError):
    """Another function is the operation of that name."""

    exit_code = 2

    def __init__(self, name: str, taken_by: str) -> None:
        self.name = name
        super().__init__(f"the operation {name} is {taken_by} already; give yours another name, such as project.{name}")


def _call(func: Function, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return func(*args, **kwargs)


def _logical_and(left: object, right: object) -> object:
    return left and right


def _logical_or(left: object, right: object) -> object:
    return left or right


def _contained(item: object, container: Any) -> bool:
    return item in container


# `and` and `or` are the logical ones, of operands that are both there.
_OPERATIONS: dict[str, Function] = {
    **{name: getattr(operator, name) for name in (*BINARY, *REVERSIBLE, *UNARY) if hasattr(operator, name)},
    "divmod": divmod,
    "pow": pow,  # operator.pow knows no modulo
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "and": _logical_and,
    "or": _logical_or,
    "not": operator.not_,
    "in": _contained,
    "getattr": getattr,
    "getitem": operator.getitem,
    "call": _call,
}


def operation(name: str) -> Function:
    """What the operation of that name does. Raises UnknownOperation."""
    found = _OPERATIONS.get(name)
    if found is None:
        raise UnknownOperation(name)
    return found


def register_operation(name: str, function: Function) -> None:
    """Make a function the operation of that name; the same one defined again replaces it.

    Raises OperationExists where the name is another's.
    """
    old = _OPERATIONS.get(name)
    if old is not None and _place(old) != _place(function):
        raise OperationExists(name, ".".join(_place(old)))
    _OPERATIONS[name] = function


def _place(function: Function) -> tuple[str, str]:
    return function.__module__, function.__qualname__
