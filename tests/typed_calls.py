"""What a type checker makes of lazy calls: each is typed as the result it will have. `make types` reads this file."""

from __future__ import annotations

from typing import NamedTuple, assert_type

from redux import task
from redux.expression import Quoted, lazy_operation
from redux.functools import in_, not_, quote

redux_namespace = "typed_calls"


class Range(NamedTuple):
    low: int
    high: int


@task
def divide(value: int, by: int) -> tuple[int, str]:
    return value // by, str(value % by)


@task
def bounds(values: list[int]) -> Range:
    return Range(min(values), max(values))


@task(nout=2)
def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


@task
async def later(value: int) -> str:
    return str(value)


@task
async def awaits(value: int) -> tuple[str, int]:
    """An async call is typed as what is awaited; `call` gives the result itself."""
    text = await later(value)
    assert_type(text, str)
    return text, value


def results() -> None:
    """Results now, of a plain task and an async one."""
    assert_type(later.call(1), str)
    assert_type(divide.call(1, 2), tuple[int, str])


@lazy_operation("typed_calls.clip")
def clip(value: int, high: int) -> int:
    return min(value, high)


def workflow() -> list[object]:
    """What the calls come to, unpacked."""
    quotient, rest = divide(17, 5)
    low, high = bounds([2, 1])
    first, second = halves("abcd")
    assert_type((quotient, rest), tuple[int, str])
    assert_type((low, high), tuple[int, int])
    assert_type((first, second), tuple[str, str])
    assert_type(clip(quotient, 2), int)
    assert_type(in_(quotient, [3]), bool)
    assert_type(not_(rest), bool)
    assert_type(quote(quotient), Quoted[int])
    return [quotient, rest.upper(), low + high, first, second, clip(quotient, 2), in_(quotient, [3]), not_(rest)]
