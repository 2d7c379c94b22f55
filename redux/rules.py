"""Evaluation rules: what `cond`, `catch` and their like are made of.

A rule is a generator over unevaluated arguments. It yields what it wants evaluated and is sent the value; an error of
what it waits for is raised at the `yield`, to be caught there like any other. What it returns is evaluated in its
place. A rule that waits for nothing is a plain function. So a rule decides what runs, and when, but makes no job and no
call of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from types import GeneratorType, MappingProxyType
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from redux.expression import Expression, RuleCall
from redux.tags import Tags
from redux.tasks.registry import is_same_place, place_of
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

P = ParamSpec("P")
R = TypeVar("R")

Steps = Generator[object, Any, R]
"""A rule on its way: yields what is to be evaluated, is sent values, returns its result."""

_OWN = "redux."
_HOMES: Mapping[str, str] = {
    "redux.script": "redux.scripting",
    "redux.script_task": "redux.scripting",
    "redux.federated_task": "redux.federated_tasks",
}
"""Where our own rules are that `redux.functools` does not have."""
_RULES: dict[str, Callable[..., object]] = {}


class UnknownRule(ReduxError):
    """No rule has the name that an expression uses."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no evaluation rule is named {name}; import the module that defines it")


class AsyncRule(ReduxError):
    """The evaluation rule `name` was written as `async def`."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"rule {name} is async def, but a rule is a generator: write `def` and `yield` what is to be evaluated, "
            "or make it an async task"
        )


class RuleExists(ReduxError):
    """Another rule has the `name` already: the one in `old`, where the one in `new` cannot have it too."""

    exit_code = 2

    def __init__(self, name: str, old: str, new: str) -> None:
        self.name = name
        super().__init__(
            f"two evaluation rules are named {name}: one in {old}, one in {new}; give one another name or a namespace"
        )


class Effect:
    """Yielded by a rule: done at once, and the rule is sent what it gives."""

    __slots__ = ()


class ContextAsked(Effect):
    """Gives the context of the job that the rule is part of: a read-only mapping (`redux.context`)."""

    __slots__ = ()


class OptionsAsked(Effect):
    """Gives the options that hold for the job that the rule is part of (`redux.tasks.options.TaskOptions`)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TagsNoted(Effect):
    """Has `tags` recorded on a `value` that is there, `job_tags` on the job that the rule is part of.

    `execution_tags` go on the execution.
    """

    value: Expression
    tags: Tags = ()
    job_tags: Tags = ()
    execution_tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Begun(Effect):
    """Has a value evaluated beside all else; how it comes out is nobody's matter, unless the same is asked again."""

    value: object


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job would inherit where the rule is: `context`, options that are `exported`, whether it is `silent`."""

    context: Mapping[str, object]
    exported: Mapping[str, object]
    silent: bool


class SurroundingsAsked(Effect):
    """Gives what holds around the rule, as `Surroundings`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs of the task `fullname` another scheduler had: `done`, `cached` and `failed`.

    `seconds_ran` is how long those that ran took, `seconds_saved` what the calls of the cached ones took when they ran;
    `unheard` are those that went on after their time was up.
    """

    fullname: str
    done: int
    cached: int
    failed: int
    seconds_ran: float
    seconds_saved: float
    unheard: int


@dataclass(frozen=True, slots=True)
class Grafted(Effect):
    """Has calls that another scheduler made be calls of the job that the rule is part of.

    Each is a call hash (None where it left no record), a task set (None where it did not end), both recorded by now,
    and how far what it is part of may be taken whole; `trouble` is why not all is recorded.
    `counts` are the jobs behind them that belong to the same execution, by task.
    """

    calls: tuple[tuple[Digest | None, Digest | None, int], ...]
    trouble: str | None = None
    counts: tuple[Tally, ...] = ()


class Settle:
    """Yielded by a rule: evaluate all `values` side by side, and send a `Settled` for each; nothing is raised."""

    __slots__ = ("values",)

    def __init__(self, *values: object) -> None:
        self.values = values


@dataclass(frozen=True, slots=True)
class Settled:
    """How one of the values came out: either `value`, to be returned or used in further expressions, or `error`."""

    value: Expression | None
    error: BaseException | None

    def in_place(self) -> Expression | BaseException:
        """The value, or the error in its place."""
        return self.get() if self.error is None else self.error

    def get(self) -> Expression:
        """The value. Raises the error where there is one."""
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return self.value


class Registered(Protocol):
    """What `rule` gives: a decorator of generators and of plain functions."""

    @overload
    def __call__(self, steps: Callable[P, Steps[R]], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, steps: Callable[P, R], /) -> Callable[P, R]: ...


def rule(name: str) -> Registered:
    """Register a generator or function as the rule of that name; calling it then gives a lazy expression.

    Arguments that don't fit its signature raise TypeError at the call. Raises RuleExists where another place has the
    name, AsyncRule; one defined again in the same place replaces the old one.
    """

    def register(steps: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(steps) or inspect.isasyncgenfunction(steps):
            raise AsyncRule(name)
        signature = inspect.signature(steps)

        def use(*args: Any, **kwargs: Any) -> RuleCall:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{steps.__name__}: {error}") from None
            return RuleCall(name, args, kwargs)

        old = _RULES.get(name)
        if old is not None and not is_same_place(old, steps):
            raise RuleExists(name, place_of(old), place_of(steps))
        _RULES[name] = steps
        return update_wrapper(use, steps)

    return cast(Registered, register)


def start(name: str, args: tuple[object, ...], kwargs: Mapping[str, object] = MappingProxyType({})) -> Steps[object]:
    """A use of the rule of a `name`, before its first step, with these arguments, unevaluated.

    Raises UnknownRule, and TypeError for arguments that don't fit.
    """
    steps = _RULES.get(name)
    if steps is None and name.startswith(_OWN):
        import_module(_HOMES.get(name, "redux.functools"))
        steps = _RULES.get(name)
    if steps is None:
        raise UnknownRule(name)
    if inspect.isgeneratorfunction(steps):
        return steps(*args, **kwargs)
    inspect.signature(steps).bind(*args, **kwargs)
    return _at_first_step(steps, args, kwargs)


def _at_first_step(
    steps: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> Steps[object]:
    """A rule that is no generator function: called at its first step, and gone on with where that gives a generator."""
    made = steps(*args, **kwargs)
    return (yield from made) if isinstance(made, GeneratorType) else made
