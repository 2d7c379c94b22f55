"""Random programs as small trees: said lazily with redux, and worked out by plain Python, which is the oracle.

Where several things of one container or call fail side by side, any of their errors may be the one that is told, so the
oracle gives every outcome that may be. Tasks are versioned because `ran` changes while they run.
"""

from __future__ import annotations

import math
import operator
from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, cast

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

MANY = 300
"""Outcomes of one place from which a program is too undecided to say anything about it."""


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


class Undecided(Exception):
    """A program has too many outcomes."""


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


APPLIED: dict[str, Callable[..., Any]] = {
    "max": max, "len": len, "sorted": sorted, "sum": sum, "abs": abs, "first": next, "isqrt": math.isqrt, "list": list,
}  # fmt: skip
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name)
    for name in ("add", "sub", "floordiv", "mod", "truediv", "xor", "eq", "ne", "lt", "le", "gt", "ge")
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
        return OPERATORS[node.word](*map(self._later, node.parts))

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
    return shorten if name == "shorten" else compose(TASKS["add"], TASKS[name]) if name == "blame" else TASKS[name]


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
    "catch": lambda word, part: catch(part, *(f(name) for name, f in zip(word, (CAUGHT.get, _recover) * 2))),
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


# -- worked out by plain Python --------------------------------------------------------------------


@dataclass(frozen=True)
class Came:
    value: Any

    def __repr__(self) -> str:
        return f"{self.value!r}"


@dataclass(frozen=True)
class Raised:
    error: BaseException

    def __repr__(self) -> str:
        return f"raise {type(self.error).__name__}: {self.error}"


Outcome = Came | Raised


class Plain:
    """Every outcome that a program may have, the calls that it may make, and whether any of them failed."""

    def __init__(self) -> None:
        self.calls: set[tuple[str, str]] = set()
        self.failed = False
        self._known: dict[int, tuple[Say, list[Outcome]]] = {}

    def of(self, node: Say) -> list[Outcome]:
        if id(node) not in self._known:
            method = getattr(self, f"of_{node.kind}", None)
            outcomes = method(node) if method else self._strict(node.parts, lambda *v: MEANT[node.kind](node.word, *v))
            self._known[id(node)] = node, _distinct(outcomes)
        return self._known[id(node)][1]

    def _compute(self, function: Callable[..., Any], *values: Any) -> Outcome:
        try:
            return Came(function(*values))
        except BaseException as error:
            self.failed = True
            return Raised(error)

    def _call(self, name: str, *values: Any) -> Outcome:
        self.calls.add((name, repr(values)))
        return self._compute(PLAIN[name], *values)

    def _and_then(self, outcomes: Iterable[Outcome], go_on: Callable[[Any], Iterable[Outcome]]) -> list[Outcome]:
        return list(chain.from_iterable([one] if isinstance(one, Raised) else go_on(one.value) for one in outcomes))

    def _together(self, several: Iterable[list[Outcome]]) -> list[Outcome]:
        """What comes side by side, as a tuple; of several errors any."""
        found: list[Outcome] = []
        for combination in _combinations(several):
            errors = [one for one in combination if isinstance(one, Raised)]
            found += errors or [Came(tuple(one.value for one in combination if isinstance(one, Came)))]
        return _distinct(found)

    def _strict(self, parts: Iterable[Say], function: Callable[..., Any]) -> list[Outcome]:
        return self._and_then(self._together(map(self.of, parts)), lambda values: [self._compute(function, *values)])

    def of_fail(self, node: Say) -> list[Outcome]:
        return [self._call("fail", *node.word)]

    def _call_of(self, name: str, parts: Iterable[Say]) -> list[Outcome]:
        return self._and_then(self._together(map(self.of, parts)), lambda values: [self._call(name, *values)])

    def of_call(self, node: Say) -> list[Outcome]:
        return self._call_of(node.word, node.parts)

    def of_unpacked(self, node: Say) -> list[Outcome]:
        return self._and_then(self._call_of("divide", node.parts), lambda pair: [Came([pair[1], pair[0]])])

    def of_cond(self, node: Say) -> list[Outcome]:
        return self._choose(list(node.parts))

    def _choose(self, branches: list[Say]) -> list[Outcome]:
        if len(branches) < 2:
            return self.of(branches[0]) if branches else [Came(None)]
        return self._and_then(
            self.of(branches[0]), lambda chosen: self.of(branches[1]) if chosen else self._choose(branches[2:])
        )

    def of_catch(self, node: Say) -> list[Outcome]:
        found: list[Outcome] = []
        for one in self.of(node.parts[0]):
            pairs = zip(node.word[::2], node.word[1::2], strict=True)
            names = [name for caught, name in pairs if isinstance(one, Raised) and isinstance(one.error, CAUGHT[caught])]
            found += self._recover(names[0], cast(Raised, one).error) if names else [one]
        return found

    def _recover(self, name: str, error: BaseException) -> list[Outcome]:
        if name == "shorten":
            return [self._called_with_one("add", len(str(error)))]
        recovered = [self._call(name, error)]
        return self._and_then(recovered, lambda v: [self._called_with_one("add", v)]) if name == "blame" else recovered

    def _called_with_one(self, name: str, value: Any) -> Outcome:
        return self._call(name, *((value, 1) if name == "add" else (value,)))

    def of_catch_all(self, node: Say) -> list[Outcome]:
        found: list[Outcome] = []
        for combination in _combinations(map(self.of, node.parts)):
            errors = [one for one in combination if isinstance(one, Raised)]
            if errors and not (node.word and all(isinstance(one.error, CAUGHT[node.word]) for one in errors)):
                found.append(errors[0])
            elif errors:
                found.append(self._call("sort_out", [one.error if isinstance(one, Raised) else one.value for one in combination]))
            else:
                found.append(Came([one.value for one in combination if isinstance(one, Came)]))
        return found

    def of_seq(self, node: Say) -> list[Outcome]:
        found: list[Outcome] = [Came([])]
        for part in node.parts:
            if all(isinstance(one, Raised) for one in found):
                break
            found = self._and_then(found, lambda done, part=part: self._appended(done, part))
        return found

    def _appended(self, done: list[Any], part: Say) -> list[Outcome]:
        return [Came([*done, one.value]) if isinstance(one, Came) else one for one in self.of(part)]

    def of_const(self, node: Say) -> list[Outcome]:
        return self._and_then(self.of(node.parts[1]), lambda _: self.of(node.parts[0]))

    def of_map(self, node: Say) -> list[Outcome]:
        return self._and_then(self.of(node.parts[0]), lambda values: self._mapped(node.word, values))

    def _mapped(self, name: str, values: Any) -> list[Outcome]:
        listed = self._compute(list, values)
        if isinstance(listed, Raised):
            return [listed]
        each = [self._apply_mapped(name, value) for value in listed.value]
        return self._and_then(self._together(each), lambda values: [Came(list(values))])

    def _apply_mapped(self, name: str, value: Any) -> list[Outcome]:
        if name == "twice":
            return self._composed(("add", "add"), value)
        return [self._called_with_one(name, value)]

    def _composed(self, names: Iterable[str], value: Any) -> list[Outcome]:
        found: list[Outcome] = [Came(value)]
        for name in reversed(tuple(names)):
            found = self._and_then(found, lambda value, name=name: [self._called_with_one(name, value)])
        return found

    def of_compose(self, node: Say) -> list[Outcome]:
        return self._and_then(self.of(node.parts[0]), lambda value: self._composed(node.word, value))

    def of_flat_map(self, node: Say) -> list[Outcome]:
        return self._and_then(self.of_map(node), lambda lists: [self._compute(_flat, lists)])

    def of_starmap(self, node: Say) -> list[Outcome]:
        def both(values: Any) -> list[Outcome]:
            once = self._call("add", *values)
            return [once if isinstance(once, Raised) else Came([once.value] * 2)]

        return self._and_then(self._together(map(self.of, node.parts)), both)

    def of_perform(self, node: Say) -> list[Outcome]:
        self.calls.add(("perform", repr((node.word,))))
        return self.of(node.word)


def _combinations(several: Iterable[list[Outcome]]) -> Iterable[tuple[Outcome, ...]]:
    listed = list(several)
    if math.prod(map(len, listed)) > MANY:
        raise Undecided
    return product(*listed)


def _flat(lists: Any) -> list[Any]:
    return list(chain.from_iterable(lists))


def _distinct(outcomes: Iterable[Outcome]) -> list[Outcome]:
    found = {repr(outcome): outcome for outcome in outcomes}
    if len(found) > MANY:
        raise Undecided
    return list(found.values())


def _throw(word: str, value: Any) -> Any:
    raise ERRORS[word](value)


MEANT: dict[str, Callable[..., Any]] = {
    **{kind: SAID[kind] for kind in ("value", "list", "tuple", "dict", "box", "pair")},
    "keyed": lambda word, key: {key: word},
    "binary": lambda word, left, right: OPERATORS[word](left, right),
    "unary": lambda word, value: UNARY[word](value),
    "logical": lambda word, left, right: LOGICAL[word](left, right),
    "index": lambda _, whole, at: whole[at],
    "slice": lambda word, whole, start, stop: whole[start:stop:word],
    "attribute": lambda _, left, right: right,
    "method": lambda _, whole, part: whole.count(part),
    "throw": _throw,
    "flatten": lambda _, *lists: _flat(lists),
    "zip": lambda _, *lists: list(zip(*lists, strict=False)),
    "identity": lambda _, value: value,
    "forced": lambda _, value: value,
    "apply": lambda word, value: APPLIED[word](value),
    "as_task": lambda word, value: APPLIED[word](value),
}
