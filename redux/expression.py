"""Lazy expressions: calls of tasks and operations on their results; building one runs nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, TypeVar, cast

from redux.awaiting import CURRENT_ASKER
from redux.call_defaults import taken_defaults
from redux.operations import BINARY, REVERSIBLE, UNARY, register_operation
from redux.serializers.encoded import ArgumentOf
from redux.serializers.registry import registry
from redux.tasks.options import NO_OPTIONS
from redux.value import CannotEncode, Lazy, decode, encode, register_lazy, register_serializer
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_struct

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Expression(Lazy):
    """A value that is not there yet. Operators, indexing, attributes and calls on it build further expressions.

    `&` and `|` are the logical and, or of both operands; `in_` and `not_` stand for what Python lets nobody define.
    """

    __slots__ = ()

    __hash__ = object.__hash__

    # NumPy and pandas would apply an operator to each of their elements; so they leave it to the expression.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    if TYPE_CHECKING:  # `_install_operators` makes them

        def _with(self, other: object, /) -> Operation: ...
        def _alone(self) -> Operation: ...

        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __divmod__ = __matmul__ = _with
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rdivmod__ = __rmatmul__ = _with
        __lshift__ = __rshift__ = __and__ = __or__ = __xor__ = __lt__ = __le__ = __gt__ = __ge__ = _with
        __rlshift__ = __rrshift__ = __rand__ = __ror__ = __rxor__ = __rpow__ = _with
        __neg__ = __pos__ = __invert__ = __abs__ = __trunc__ = __floor__ = __ceil__ = _alone

    def in_(self, container: object) -> Operation:
        """Whether this is among the elements of `container`: the lazy `in`."""
        return Operation("in", (self, container))

    def not_(self) -> Operation:
        """Whether this is false: the lazy `not`."""
        return Operation("not", (self,))

    def known_length(self) -> int | None:
        """How many things it will be, where that was declared: then it can be unpacked."""
        return None

    def __len__(self) -> int:
        length = self.known_length()
        if length is None:
            raise _not_yet(self, "has no length", f"use as_task(len)(x) {_FROM}, or take it in a task; {_DECLARE}")
        return length

    def __iter__(self) -> Iterator[Operation]:
        length = self.known_length()
        if length is None:
            raise _not_yet(self, "has no elements", f"use map_(function, x) {_FROM}, or loop in a task; {_DECLARE}")
        return iter([self[index] for index in range(length)])

    def __getattr__(self, name: str) -> Operation:
        if name.startswith("_"):
            raise AttributeError(
                f"an expression ({type(self).__name__}) has no attribute {name!r}: take what begins with _ in a task"
            )
        if name == "add_done_callback":  # asyncio.wait would wait for ever
            raise AttributeError(
                f"{self!r} is no asyncio task: give asyncio.wait what asyncio.ensure_future(x) makes of it"
            )
        return Operation("getattr", (self, name))

    def __getitem__(self, key: object) -> Operation:
        return Operation("getitem", (self, key))

    def __call__(self, *args: object, **kwargs: object) -> Operation:
        return Operation("call", (self, args, kwargs))

    def __pow__(self, exponent: object, *modulo: object) -> Operation:
        return Operation("pow", (self, exponent, *modulo))

    def __round__(self, *digits: object) -> Operation:
        return Operation("round", (self, *digits))

    # -- what Python wants at once -----------------------------------------------------------------

    def __bool__(self) -> NoReturn:
        remedy = f"use cond(x, then, otherwise) or not_(x) {_FROM}, x & y, x | y, or test it in a task"
        raise _not_yet(self, "has no truth value", remedy)

    def __contains__(self, item: object) -> NoReturn:
        raise _not_yet(self, "has no elements", f"use in_(item, x) {_FROM}, or look in a task")

    def __reversed__(self) -> NoReturn:
        raise _not_yet(self, "has no elements", "use x[::-1], or turn it round in a task")

    def __str__(self) -> NoReturn:
        raise _not_yet(self, "has no text", _AS_TEXT)

    def __format__(self, spec: str) -> NoReturn:
        raise _not_yet(self, "has no text", _AS_TEXT)

    def __await__(self) -> Generator[Any, None, Any]:
        asker = CURRENT_ASKER.get()
        if asker is None:
            remedy = "await it inside an async task (`async def` under @task), or use redux.run(x) or task.call(…)"
            raise TypeError(f"{self!r} is awaited outside of an async task: {remedy}")
        return asker.ask(self).__await__()

    def __int__(self) -> NoReturn:
        raise _not_yet(self, "is no number", f"use as_task(int)(x) {_FROM}, or convert it in a task")

    def __float__(self) -> NoReturn:
        raise _not_yet(self, "is no number", f"use as_task(float)(x) {_FROM}, or convert it in a task")

    def __complex__(self) -> NoReturn:
        raise _not_yet(self, "is no number", f"use as_task(complex)(x) {_FROM}, or convert it in a task")

    def __index__(self) -> NoReturn:
        remedy = f"use Literal(items)[x] or as_task(range)(x) {_FROM}, or do it in a task"
        raise _not_yet(self, "is no number", remedy)

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise _not_yet(self, "has no elements", "change a copy in a task, and return it")

    def __delitem__(self, key: object) -> NoReturn:
        raise _not_yet(self, "has no elements", "change a copy in a task, and return it")


_FROM = "from redux.functools"
_AS_TEXT = (
    f"use Literal('…{{}}…').format(x) or as_task(str)(x) {_FROM}, or make the text in a task; "
    "repr(x) shows the expression, and f'{x!r}' in a text"
)
_DECLARE = "to unpack what a task returns, declare it: -> tuple[A, B], or @task(nout=2)"


def _not_yet(expression: Expression, what: str, remedy: str) -> TypeError:
    return TypeError(f"{expression!r} {what} before it runs: {remedy}")


class TaskCall(Expression):
    """A call of a task by its `fullname`, with `args` and `kwargs` as written, and `options` of the call's own."""

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

    def known_length(self) -> int | None:
        """How many things the task returns, where its author said so."""
        found: Any = registry.find_task(self._fullname) if registry.find_task is not None else None
        declared: int | None = None if found is None else found.nout
        return declared

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
    """An operation on values that are not there yet, by its `name` in `redux.operations`; `args` are its operands."""

    __slots__ = ("_args", "_name")

    def __init__(self, name: str, args: tuple[object, ...]) -> None:
        self._name = name
        self._args = args

    def __repr__(self) -> str:
        return f"<{self._name} on {_shown(self._args[0])}>"

    def known_length(self) -> int | None:
        """Two for what divmod gives."""
        return 2 if self._name == "divmod" else None

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """The kind "op" with the operation's name and operands."""
        return "op", (self._name, self._args)


class Literal(Operation):
    """A value as an expression, for operators that begin with one: `Literal(prices)[name(x)]`."""

    __slots__ = ()

    def __init__(self, value: object) -> None:
        super().__init__("identity", (value,))

    def __repr__(self) -> str:
        return f"Literal({_shown(self._args[0])})"

    def known_length(self) -> int | None:
        """The value's own length, where it has one."""
        value = self._args[0]
        return len(cast("Collection[object]", value)) if isinstance(value, (list, tuple)) else None


class RuleCall(Expression):
    """A use of an evaluation rule (`redux.rules`) by its `name`; `args` and `kwargs` are the rule's to evaluate."""

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


def _binary(name: str) -> Callable[[Expression, object], Operation]:
    return lambda self, other: Operation(name, (self, other))


def _reversed(name: str) -> Callable[[Expression, object], Operation]:
    return lambda self, other: Operation(name, (other, self))


def _unary(name: str) -> Callable[[Expression], Operation]:
    return lambda self: Operation(name, (self,))


def _install_operators() -> None:
    given: dict[str, Callable[..., Operation]] = {f"__r{name}__": _reversed(name) for name in REVERSIBLE}
    given |= {f"__{name}__": _binary(name) for name in (*BINARY, *REVERSIBLE)}
    given |= {f"__{name}__": _unary(name) for name in UNARY}
    for name, method in given.items():
        if name not in Expression.__dict__:
            setattr(Expression, name, method)


def in_(item: object, container: object) -> bool:
    """Whether `item` is in `container`, either of which may be lazy."""
    return cast(bool, Operation("in", (item, container)))


def not_(value: object) -> bool:
    """Whether `value` is false, once it is there."""
    return cast(bool, Operation("not", (value,)))


def lazy_operation(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function as the operation of that name; calling it then gives a lazy expression.

    For a small function that is no task and is not recorded: it runs in the scheduler's own thread once its operands
    are there, again in every execution. Raises OperationExists where another function has the name; a call of it raises
    TypeError for arguments that don't fit.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"the operation {name} is async def, and operations run at once: make it an async task")
        register_operation(name, function)
        signature = inspect.signature(function)

        def operate(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            if bound.kwargs:
                raise TypeError(f"the operation {name} takes no arguments by keyword only: {', '.join(bound.kwargs)}")
            return cast(R, Operation(name, bound.args))

        return update_wrapper(operate, function)

    return register


class Quoted(Generic[T]):
    """An expression that is a value: `expr` can be passed and returned without being evaluated."""

    __slots__ = ("_expr",)

    def __init__(self, expr: T) -> None:
        self._expr = expr

    def eval(self) -> T:
        """The expression itself, to be evaluated where it stands."""
        return self._expr

    def __repr__(self) -> str:
        return f"quote({self._expr!r})"


def quote(expr: T) -> Quoted[T]:
    """`expr` as a value that is not evaluated until `.eval()` or `force` gives it back."""
    return Quoted(expr)


def _take_apart(quoted: Quoted[Any]) -> bytes:
    encoded = encode(quoted.eval())
    if encoded.subvalues:
        raise CannotEncode(quoted, "quotes an expression with large arguments", "let a task make them")
    defaults = digest_struct("Defaults", [list(one) for one in taken_defaults(quoted.eval())])
    return b"".join((defaults, *encoded.chunks))


def _build(data: bytes) -> Quoted[object]:
    def no_parts(digest: Digest) -> bytes:
        raise KeyError(digest)

    return Quoted(decode(data[DIGEST_SIZE:], no_parts))


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
register_serializer(Quoted, "redux.Quoted/1", _take_apart, _build)

TaskExpression = TaskCall
"""redun's name for the call of a task."""
SimpleExpression = Operation
"""redun's name for an operation."""
SchedulerExpression = RuleCall
"""redun's name for the use of an evaluation rule, there a scheduler task."""
ValueExpression = Literal
"""redun's name for a value as an expression."""
