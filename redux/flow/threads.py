"""`fork_thread` and `join_thread`: an evaluation that goes on beside what began it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redux.expression import Quoted
from redux.rules import Begun, Steps, rule

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Thread(Generic[T]):
    """An evaluation under way, that of `expr`, as a value: it can be passed, returned and remembered."""

    expr: Quoted[T]


@rule("redux.fork_thread")
def fork_thread(expr: T) -> Steps[Thread[T]]:
    """A `Thread`: `expr` begins to be evaluated, and whoever forked it does not wait for it.

    Its calls are no part of the call that forked it. What has not begun when the execution's result is there, is given
    up; an error is nobody's until the thread is joined.
    """
    yield Begun(expr)
    return Thread(Quoted(expr))


@rule("redux.join_thread")
def join_thread(thread: Thread[T]) -> Steps[T]:
    """The value that a thread comes to; calls that it made are not made again.

    Errors: what its expression raises; TypeError for what is no thread.
    """
    joined: Any = yield thread
    if not isinstance(joined, Thread):
        raise TypeError(f"join_thread takes what fork_thread gave, not {joined!r:.80}")
    return joined.expr.eval()
