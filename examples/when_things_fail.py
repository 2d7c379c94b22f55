"""Errors as values: caught, collected, raised on purpose, and one thing after another.

    $ redux run examples/when_things_fail.py main
    caught: 0.0, for invalid literal for int() with base 10: 'four'
    collected: [3, 'ValueError', 5]
    by kind: no negative lengths: -1
    in order: ['unlocked', 'opened', 'closed']

What succeeded is remembered. A call that raised is made again in the next run: here `read_number`, twice.
"""

from __future__ import annotations

from pathlib import Path

from redux import task
from redux.functools import catch, catch_all, cond, seq, throw

DOOR = Path("out/door.txt")


class Negative(Exception):
    """A length below zero."""


@task
def read_number(text: str) -> int:
    """A whole number. Raises ValueError."""
    return int(text)


@task
def half(number: int) -> float:
    """Half of a number."""
    return number / 2


@task
def use_zero(error: Exception) -> str:
    """What stands for a number that could not be read; a recover is a task like any other."""
    return f"0.0, for {error}"


@task
def name_errors(outcomes: list[object]) -> list[object]:
    """Each value, and the kind of each error that stands in the place of one."""
    return [type(one).__name__ if isinstance(one, Exception) else one for one in outcomes]


@task
def check(length: int) -> int:
    """The length, unless it is none: `throw` raises when it is evaluated, where `raise` would raise at once."""
    return cond(length < 0, throw(Negative(f"no negative lengths: {length}")), length)


@task
def say(error: Exception) -> str:
    """An error's own words."""
    return str(error)


@task
def act(state: str, before: str = "") -> str:
    """Bring the door into a state. Raises ValueError where it is not in the one before."""
    if before and DOOR.read_text() != before:
        raise ValueError(f"the door is not {before}")
    DOOR.parent.mkdir(exist_ok=True)
    DOOR.write_text(state)
    return state


@task
def report(caught: object, collected: object, by_kind: object, in_order: object) -> Lines:
    """What became of each."""
    return Lines(f"caught: {caught}", f"collected: {collected}", f"by kind: {by_kind}", f"in order: {in_order}")


class Lines(tuple[str, ...]):
    """Lines of text, shown below each other."""

    def __new__(cls, *lines: str) -> Lines:
        return super().__new__(cls, lines)

    def __repr__(self) -> str:
        return "\n".join(self)


@task
def main() -> Lines:
    """Fail in several ways, and go on."""
    return report(
        # Whoever takes a result that is an error fails with it, so catch can stand anywhere above.
        caught=catch(half(read_number("four")), ValueError, use_zero),
        # All are waited for, whatever fails; name_errors gets the list with errors in their places.
        collected=catch_all([read_number("3"), read_number("x"), read_number("5")], ValueError, name_errors),
        by_kind=catch(check(-1), KeyError, use_zero, Negative, say),
        # Each begins when the one before is done. Without seq they would run side by side.
        in_order=seq([act("unlocked"), act("opened", "unlocked"), act("closed", "opened")]),
    )
