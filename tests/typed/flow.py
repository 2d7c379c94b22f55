"""Combinators: what they give follows from what they are given."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from redux import apply_tags, catch, cond, task, throw
from redux.functools import (
    Thread,
    apply_func,
    as_task,
    catch_all,
    compose,
    const,
    delay,
    eval_,
    flat_map,
    flatten,
    force,
    fork_thread,
    identity,
    join_thread,
    map_,
    no_prov,
    seq,
    starmap,
    zip_,
)


@task
def half(value: int) -> float:
    return value / 2


@task
def words(text: str) -> list[str]:
    return text.split()


def say(error: OSError) -> str:
    return str(error)


def excuse(error: ValueError) -> bytes:
    return str(error).encode()


def choices(flag: bool) -> None:
    assert_type(cond(flag, 1), int | None)
    assert_type(cond(flag, half(1), "no"), float | str)
    assert_type(cond(flag, 1, flag, "a"), int | str | None)
    assert_type(cond(flag, 1, flag, "a", half(2)), int | str | float)
    assert_type(cond(flag, 1, flag, 2, flag, 3), Any)
    cond(flag)  # pyright: ignore[reportCallIssue]


def errors() -> None:
    assert_type(catch(half(1), OSError, say), float | str)
    assert_type(catch(half(1), OSError, say, ValueError, excuse), float | str | bytes)
    assert_type(catch(half(1), (OSError, ValueError), lambda error: error.args), float | tuple[Any, ...])
    assert_type(catch_all([half(1)]), list[float])
    assert_type(catch_all({"a": half(1)}, OSError, len), dict[str, float] | int)
    assert_type(throw(ValueError("no")), Any)
    throw("no")  # pyright: ignore[reportArgumentType]


def lists(numbers: list[int]) -> None:
    assert_type(map_(half, numbers), list[float])
    assert_type(map_(len, map_(words, ["a b"])), list[int])
    assert_type(starmap(half, [{"value": 1}, (2,)]), list[float])
    assert_type(flat_map(words, ["a b"]), list[str])
    assert_type(flatten([words("a"), words("b")]), list[str])
    assert_type(zip_(numbers, words("a b")), list[tuple[int, str]])
    assert_type(zip_(numbers), list[tuple[int]])
    assert_type(zip_(numbers, numbers, words("a")), list[tuple[int, int, str]])
    assert_type(zip_(numbers, numbers, numbers, numbers), list[tuple[Any, ...]])
    assert_type(seq([half(1), half(2)]), list[float])
    map_(words, numbers)  # pyright: ignore[reportArgumentType]


def functions() -> None:
    assert_type(apply_func(round, half(3)), int)
    assert_type(as_task(len)(words("a b")), int)
    assert_type(as_task(half.func)(value=3), float)
    assert_type(compose(len, words)("a b"), int)
    assert_type(compose(half, len, words)("a b"), float)
    assert_type(eval_("a + b", a=half(1), b=2), Any)
    assert_type(identity(half(1)), float)
    assert_type(const(half(1), words("a")), float)
    as_task(half.func)("3")  # pyright: ignore[reportArgumentType]
    compose(half, words)  # pyright: ignore[reportArgumentType]


def held_back_and_beside() -> None:
    assert_type(force(delay(half(1))), float)
    assert_type(force(half(1)), float)
    thread = fork_thread(half(1))
    assert_type(thread, Thread[float])
    assert_type(join_thread(thread), float)
    join_thread(3)  # pyright: ignore[reportArgumentType]
    assert_type(no_prov(half(1)), float)
    assert_type(apply_tags(half(1), {"a": 1}, job_tags=[("b", 2)]), float)
