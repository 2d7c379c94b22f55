"""Random programs as small trees, and how each is said with redux. Tasks are versioned: `ran` changes as they run."""

from __future__ import annotations

import math
import operator
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redux import task
from redux.expression import Expression, Literal, in_, lazy_operation, not_
from redux.functools import (
    apply_func,
    as_task,
    catch,
    catch_all,
    compose,
    cond,
    const,
    delay,
    flat_map,
    flatten,
    force,
    identity,
    map_,
    quote,
    seq,
    starmap,
    throw,
    zip_,
)

redux_namespace = "language"
ran: list[tuple[str, str]] = []
"""The calls that ran in this process: the task, and its arguments in text."""


class Mishap(Exception):
    """An error of the user's own."""


Pair = namedtuple("Pair", "left right")


@dataclass(frozen=True)
class Box:
    inside: Any


@dataclass(frozen=True)
class Say:
    """A node: what it is, the nodes it is said of, and a name or number that goes with it."""

    kind: str
    parts: tuple[Say, ...] = ()
    word: Any = None


# -- what programs call ----------------------------------------------------------------------------

ERRORS: dict[str, type[BaseException]] = {
    "ValueError": ValueError, "KeyError": KeyError, "Mishap": Mishap, "StopIteration": StopIteration,
    "SystemExit": SystemExit,
}  # fmt: skip
CAUGHT: dict[str, Any] = {
    "ValueError": ValueError, "LookupError": LookupError, "Mishap": Mishap, "Exception": Exception,
    "some": (ZeroDivisionError, TypeError, StopIteration), "any": BaseException,
}  # fmt: skip


def fail(error: str, text: str) -> Any:
    raise ERRORS[error](text)


def add(a: Any, b: Any = 1) -> Any:
    return a + b


def divide(a: Any, b: Any) -> tuple[Any, Any]:
    return a // b, a % b


def total(numbers: Any) -> Any:
    return sum(numbers)


def count(upto: Any) -> list[Any]:
    return list(range(upto % 4))


def picky(number: Any) -> Any:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def same(value: Any) -> Any:
    return value


def blame(error: BaseException) -> int:
    return len(str(error))


def again(error: BaseException) -> Any:
    raise KeyError(f"{type(error).__name__} again")


def sort_out(things: list[Any]) -> list[Any]:
    return [len(str(thing)) if isinstance(thing, BaseException) else thing for thing in things]


def _recorded(function: Callable[..., Any]) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        ran.append((function.__name__, repr((*args, *kwargs.values()))))
        return function(*args, **kwargs)

    run.__name__ = run.__qualname__ = function.__name__
    run.__module__ = function.__module__
    return run


FUNCTIONS = (fail, add, divide, total, count, picky, same, blame, again, sort_out)
PLAIN: dict[str, Callable[..., Any]] = {function.__name__: function for function in FUNCTIONS}


def _make_tasks() -> dict[str, Any]:
    counted = {"divide": 2}
    made: dict[str, Any] = {}
    for name, function in PLAIN.items():
        wrapped = _recorded(function)
        wrapped.__wrapped__ = function
        made[name] = task(version="1", nout=counted.get(name))(wrapped)
    return made


TASKS = _make_tasks()


@task(version="1")
def hold(quoted: Any) -> Any:
    """Unrecorded: what it is given has no text that Python would know."""
    return quoted


@task(version="1")
def perform(program: Say) -> Any:
    ran.append(("perform", repr((program,))))
    return lazily(program)


@lazy_operation("language.clip")
def clip(value: Any, high: Any) -> Any:
    return min(value, high)


def shorten(error: BaseException) -> Any:
    """No task, but gives the call of one."""
    return TASKS["add"](len(str(error)))


def nothing(error: BaseException) -> Any:
    return 0


APPLIED: dict[str, Callable[..., Any]] = {
    "max": max, "len": len, "sorted": sorted, "sum": sum, "abs": abs, "first": next, "isqrt": math.isqrt, "list": list,
}  # fmt: skip
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("add", "sub", "floordiv", "mod", "truediv", "xor", *COMPARISONS)
}
LOGICAL: dict[str, Callable[[Any, Any], Any]] = {
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
    "in": lambda item, container: item in container,
    "clip": lambda value, high: min(value, high),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": operator.neg, "abs": abs, "invert": operator.invert, "round": round, "floor": math.floor,
    "not": operator.not_,
}  # fmt: skip
MAPPED = ("add", "picky", "count", "twice")


# -- said with redux -------------------------------------------------------------------------------


def lazily(program: Say) -> Any:
    """The program as an expression, or a container of them; a node met twice is one expression."""
    return _Speaker().say(program)


class _Speaker:
    def __init__(self) -> None:
        self._said: dict[int, Any] = {}

    def say(self, node: Say) -> Any:
        if id(node) not in self._said:
            method = getattr(self, f"say_{node.kind}", None)
            self._said[id(node)] = method(node) if method else self._by_table(node)
        return self._said[id(node)]

    def _by_table(self, node: Say) -> Any:
        return SAID[node.kind](node.word, *map(self.say, node.parts))

    def _later(self, node: Say) -> Any:
        """A part as an expression, whatever it is: for operators, and for what tells expressions from values."""
        said = self.say(node)
        return said if isinstance(said, Expression) else Literal(said)

    def say_binary(self, node: Say) -> Any:
        left, right = map(self.say, node.parts)
        if not isinstance(right, Expression) or node.word in COMPARISONS:  # Python turns these round, and tells so
            left = self._later(node.parts[0])
        return OPERATORS[node.word](left, right)

    def say_unary(self, node: Say) -> Any:
        return not_(self.say(node.parts[0])) if node.word == "not" else UNARY[node.word](self._later(node.parts[0]))

    def say_logical(self, node: Say) -> Any:
        left, right = map(self._later, node.parts)
        if node.word == "clip":
            return clip(left, right)
        return left & right if node.word == "and" else left | right if node.word == "or" else in_(left, right)

    def say_index(self, node: Say) -> Any:
        return self._later(node.parts[0])[self.say(node.parts[1])]

    def say_slice(self, node: Say) -> Any:
        whole, start, stop = node.parts
        return self._later(whole)[self.say(start) : self.say(stop) : node.word]

    def say_attribute(self, node: Say) -> Any:
        return Literal(Pair(*map(self.say, node.parts))).right

    def say_method(self, node: Say) -> Any:
        return self._later(node.parts[0]).count(self.say(node.parts[1]))

    def say_unpacked(self, node: Say) -> Any:
        quotient, rest = TASKS["divide"](*map(self.say, node.parts))
        return [rest, quotient]

    def say_keyed(self, node: Say) -> Any:
        return {self._later(node.parts[0]): node.word}

    def say_catch_all(self, node: Say) -> Any:
        parts = [self._later(part) for part in node.parts]
        return catch_all(parts, CAUGHT[node.word], TASKS["sort_out"]) if node.word else catch_all(parts)


def _function(name: str) -> Any:
    return compose(TASKS["add"], TASKS["add"]) if name == "twice" else TASKS[name]


def _recover(name: str) -> Any:
    functions = {"shorten": shorten, "nothing": nothing, "blame": compose(TASKS["add"], TASKS["blame"])}
    return functions.get(name) or TASKS[name]


def _handler(name: str) -> Any:
    return CAUGHT[name] if name in CAUGHT else _recover(name)


SAID: dict[str, Callable[..., Any]] = {
    "value": lambda word: word,
    "list": lambda _, *parts: list(parts),
    "tuple": lambda _, *parts: tuple(parts),
    "dict": lambda _, *parts: dict(enumerate(parts)),
    "box": lambda _, part: Box(part),
    "pair": lambda _, left, right: Pair(left, right),
    "call": lambda word, *parts: TASKS[word](*parts),
    "fail": lambda word: TASKS["fail"](*word),
    "throw": lambda word, part: throw(apply_func(ERRORS[word], part)),
    "cond": lambda _, *parts: cond(*parts),
    "catch": lambda word, part: catch(part, *map(_handler, word)),
    "seq": lambda _, *parts: seq(list(parts)),
    "map": lambda word, part: map_(_function(word), part),
    "flat_map": lambda word, part: flat_map(_function(word), part),
    "starmap": lambda _, *parts: starmap(TASKS["add"], [(parts[0], parts[1]), {"b": parts[1], "a": parts[0]}]),
    "flatten": lambda _, *parts: flatten(list(parts)),
    "zip": lambda _, *parts: zip_(*parts),
    "compose": lambda word, part: compose(*(TASKS[name] for name in word))(part),
    "identity": lambda _, part: identity(part),
    "const": lambda _, value, ignored: const(value, ignored),
    "forced": lambda word, part: force({"delay": delay, "quote": quote, "held": lambda e: hold(quote(e))}[word](part)),
    "apply": lambda word, part: apply_func(APPLIED[word], part),
    "as_task": lambda word, part: as_task(APPLIED[word])(part),
    "perform": lambda program: perform(program),
}
