"""Work that waits for others, several pieces of it at once, in threads that keep no process from ending."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def side_by_side(work: Callable[[U], T], items: Iterable[U], at_once: int) -> Iterator[T]:
    """What `work` gives for each of the items, as it comes; no more are begun, `at_once` at most, than are taken.

    Raises what `work` raised first.
    """
    orders: SimpleQueue[list[U]] = SimpleQueue()
    results: SimpleQueue[Callable[[], T]] = SimpleQueue()
    over = Event()

    def serve() -> None:
        while (order := orders.get()) and not over.is_set():
            results.put(_outcome(work, order[0]))

    rest = iter(items)
    begun = running = 0
    try:
        while True:
            for item in rest:
                orders.put([item])
                running += 1
                if begun < running:
                    # Not an executor's: those are waited for when the process ends, however long a request takes.
                    Thread(target=serve, name="redux-objects", daemon=True).start()
                    begun += 1
                if running >= at_once:
                    break
            if not running:
                return
            result = results.get()
            running -= 1
            yield result()
    finally:
        over.set()
        for _ in range(begun):
            orders.put([])


def _outcome(work: Callable[[U], T], item: U) -> Callable[[], T]:
    """What gives the result of a piece of work, or raises its error."""
    try:
        result = work(item)
    except BaseException as error:
        failed = error

        def fail() -> T:
            raise failed

        return fail
    return lambda: result
