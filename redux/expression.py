"""Lazy expressions: calls of tasks and operations on their results; building one runs nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NoReturn, cast

from redux.options import NO_OPTIONS
from redux.serializers.encoded import ArgumentOf
from redux.serializers.registry import registry
from redux.value import Lazy, register_lazy


class Expression(Lazy):
    """A value that is not there yet. Operators, indexing, attributes and calls on it build further expressions."""

    __slots__ = ()

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} has no truth value before it runs: do the test inside a task, or return both branches from one"
        )

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError(
            f"{self!r} has no text before it runs: make the text inside a task; repr() shows the expression itself"
        )

    def __int__(self) -> NoReturn:
        raise TypeError(f"{self!r} is no number before it runs: convert it inside a task")

    __float__ = __index__ = __int__

    def __len__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no length before it runs: pass it to a task and take its length there")

    def __contains__(self, item: object) -> NoReturn:
        raise TypeError(f"{self!r} has no elements before it runs: pass it to a task and look there")

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no length before it runs: pass it to a task and iterate there, or index it")

    def __getattr__(self, name: str) -> Operation:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return Operation("getattr", (self, name))

    def __getitem__(self, key: object) -> Operation:
        return Operation("getitem", (self, key))

    def __call__(self, *args: object, **kwargs: object) -> Operation:
        return Operation("call", (self, args, kwargs))


class TaskCall(Expression):
    """A call of a task, by the task's full name."""

    __slots__ = ("_args", "_fullname", "_kwargs", "_options")

    def __init__(
        self,
        fullname: str,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        options: Mapping[str, object] = NO_OPTIONS,
    ) -> None:
        self._fullname = fullname
        self._args = args
        self._kwargs = kwargs
        self._options = options

    def __repr__(self) -> str:
        shown = [_shown(arg) for arg in self._args[:4]]
        shown += [f"{key}={_shown(value)}" for key, value in list(self._kwargs.items())[:4]]
        if len(self._args) > 4 or len(self._kwargs) > 4:
            shown.append("…")
        return f"{self._fullname}({', '.join(shown)})"

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """The kind "call" with full name, arguments, keyword arguments and options."""
        return "call", (self._fullname, self._args, dict(self._kwargs), dict(self._options))

    def labelled_parts(self) -> Iterable[tuple[str | ArgumentOf, object]]:
        """Its arguments, by the names that the task's function gives them where the task is known here."""
        found: Any = registry.find_task(self._fullname) if registry.find_task is not None else None
        numbered = [(str(position), value) for position, value in enumerate(self._args, 1)]
        named = [*numbered, *self._kwargs.items()]
        if found is not None:
            with suppress(TypeError):  # the function takes other arguments by now
                named = found.name_arguments(found.bind(self._args, dict(self._kwargs)))
        labelled = [(ArgumentOf(name, self._fullname), value) for name, value in named]
        return [*labelled, (f" (in the options of {self._fullname})", dict(self._options))]


class Operation(Expression):
    """An operation on values that are not there yet, by its name in `OPERATIONS`."""

    __slots__ = ("_args", "_name")

    def __init__(self, name: str, args: tuple[object, ...]) -> None:
        self._name = name
        self._args = args

    def __repr__(self) -> str:
        return f"<{self._name} on {_shown(self._args[0])}>"

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """The kind "op" with the operation's name and operands."""
        return "op", (self._name, self._args)


class RuleCall(Expression):
    """A use of an evaluation rule (`redux.rules`), by the rule's name; its arguments are the rule's to evaluate."""

    __slots__ = ("_args", "_kwargs", "_name")

    def __init__(self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        self._name = name
        self._args = args
        self._kwargs = kwargs

    def __repr__(self) -> str:
        shown = [_shown(arg) for arg in self._args[:4]]
        return f"{self._name}({', '.join(shown)}{', …' if len(self._args) > 4 or self._kwargs else ''})"

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """The kind "rule" with the rule's name, arguments and keyword arguments."""
        return "rule", (self._name, self._args, dict(self._kwargs))


def _shown(value: object) -> str:
    if isinstance(value, TaskCall):
        return f"{value.to_node()[1][0]}(…)"
    if isinstance(value, Expression):
        return "<operation>"
    text = repr(value) if isinstance(value, (int, float, str, bool, type(None))) else f"<{type(value).__name__}>"
    return text if len(text) <= 40 else text[:39] + "…"


def _call(func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return func(*args, **kwargs)


def _logical_and(left: object, right: object) -> object:
    return left and right


def _logical_or(left: object, right: object) -> object:
    return left or right


_BINARY = ("eq", "ne", "lt", "le", "gt", "ge")
_REVERSIBLE = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor",
)  # fmt: skip
_UNARY = ("neg", "pos", "invert", "abs")
_LOGICAL: dict[str, Callable[..., Any]] = {"and": _logical_and, "or": _logical_or}

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*_BINARY, *_REVERSIBLE, *_UNARY) if name not in _LOGICAL},
    **_LOGICAL,
    "getattr": getattr,
    "getitem": operator.getitem,
    "call": _call,
}
"""What each operation does once its operands are there; `&` and `|` are the logical and, or."""


def _binary(name: str) -> Callable[[Expression, object], Operation]:
    return lambda self, other: Operation(name, (self, other))


def _reversed(name: str) -> Callable[[Expression, object], Operation]:
    return lambda self, other: Operation(name, (other, self))


def _unary(name: str) -> Callable[[Expression], Operation]:
    return lambda self: Operation(name, (self,))


def _install_operators() -> None:
    for name in (*_BINARY, *_REVERSIBLE):
        setattr(Expression, f"__{name}__", _binary(name))
    for name in _REVERSIBLE:
        setattr(Expression, f"__r{name}__", _reversed(name))
    for name in _UNARY:
        setattr(Expression, f"__{name}__", _unary(name))


def _call_from_node(parts: tuple[object, ...]) -> TaskCall:
    fullname, args, kwargs, options = parts
    return TaskCall(
        cast(str, fullname),
        cast("tuple[object, ...]", args),
        cast("dict[str, object]", kwargs),
        cast("dict[str, object]", options) or NO_OPTIONS,
    )


def _operation_from_node(parts: tuple[object, ...]) -> Operation:
    name, args = parts
    return Operation(cast(str, name), cast("tuple[object, ...]", args))


def _rule_from_node(parts: tuple[object, ...]) -> RuleCall:
    name, args, kwargs = parts
    return RuleCall(cast(str, name), cast("tuple[object, ...]", args), cast("dict[str, object]", kwargs))


_install_operators()
register_lazy("call", _call_from_node)
register_lazy("op", _operation_from_node)
register_lazy("rule", _rule_from_node)
