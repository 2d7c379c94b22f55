"""What plain Python makes of the programs of `language`: the oracle.

Where several things of one container or call fail side by side, any of their errors may be the one that is told, so the
oracle gives every outcome that may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

from .language import APPLIED, CAUGHT, ERRORS, LOGICAL, OPERATORS, PLAIN, SAID, UNARY, Say

MANY = 300
"""Outcomes of one place from which a program is too undecided to say anything about it."""


class Undecided(Exception):
    """A program has too many outcomes."""


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
            found += self._recovered(one.error, node.word) if isinstance(one, Raised) else [one]
        return found

    def _recovered(self, error: BaseException, handlers: tuple[str, ...]) -> list[Outcome]:
        for caught, name in zip(handlers[::2], handlers[1::2], strict=True):
            if isinstance(error, CAUGHT[caught]):
                return self._recover(name, error)
        return [Raised(error)]

    def _recover(self, name: str, error: BaseException) -> list[Outcome]:
        if name == "nothing":
            return [Came(0)]
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
                found.append(
                    self._call("sort_out", [one.error if isinstance(one, Raised) else one.value for one in combination])
                )
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
        listed = self._compute(_listed, values, "map_", "a list")
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


def _listed(given: Any, who: str, what: str) -> list[Any]:
    """The elements of a list; a combinator that was given something else says which it is."""
    try:
        return list(given)
    except TypeError:
        raise TypeError(f"{who} takes {what}, not {given!r:.60}") from None


def _flat(lists: Any) -> list[Any]:
    return list(chain.from_iterable(_listed(one, "flatten", "a list of lists") for one in lists))


def _zipped(*lists: Any) -> list[Any]:
    return list(zip(*[_listed(one, "zip_", "lists") for one in lists], strict=False))


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
    "zip": lambda _, *lists: _zipped(*lists),
    "identity": lambda _, value: value,
    "forced": lambda _, value: value,
    "apply": lambda word, value: APPLIED[word](value),
    "as_task": lambda word, value: APPLIED[word](value),
}
