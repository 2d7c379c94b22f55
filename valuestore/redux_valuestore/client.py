"""What speaks to one kind of place for objects, one request a call; patience and trouble are its caller's matter."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from redux_valuestore.frozen import frozen
from redux_valuestore.patience import Allowed
from redux_valuestore.store import ObjectTooLarge

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

T = TypeVar("T")

_GRACE = 5.0
"""Seconds that a request is given to end when its time is over."""


PIECE = 16 << 20
"""Bytes: so many of a large object go in one request."""

STREAMS = 8
"""So many such requests are under way at once."""


@frozen
class Page:
    """Some names, and what asks for those after them: None when there are no more."""

    names: tuple[str, ...]
    next: str | None = None


class Unreadable(PermissionError):
    """This user may not read one object, or not look at it, at a place whose objects have rights of their own."""


class Closed(PermissionError):
    """This user may not write into the folder that one object is in, though into the one above it."""


def bounded(name: str, where: str, size: int, limit: int) -> int:
    """The size of an object that may be read. Raises `ObjectTooLarge`."""
    if size > limit:
        raise ObjectTooLarge(name, where, limit)
    return size


class Client(Protocol):
    """Objects by names with slashes. Every method raises what its file system raises; `trouble.meaning` reads that."""

    at_once: int
    """How many requests may be under way."""

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        """An object's bytes. Raises `ObjectTooLarge`, and `FileNotFoundError` or what means it."""
        ...

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        """Write an object whole; a `new` one only where none stands, as far as the store can say that.

        The tag that the store gave what arrived, empty where it gives none. Raises `FileExistsError`, or what means it,
        where one stands, `Closed`, and `OSError` at a place that is only read.
        """
        ...

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        """Names of objects below a folder ("" is the root, another ends in a slash)."""
        ...

    def size(self, name: str, allowed: Allowed) -> int:
        """An object's size in bytes. Raises `FileNotFoundError` or what means it, `Unreadable`."""
        ...

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        """What `get` gives, writable, by several requests at once. Raises `Unreadable`, too."""
        ...

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        """What `put` does, by several requests at once; many a store cannot say then that one stands there."""
        ...

    def close(self) -> None:
        """End the connections."""
        ...


def within(loop: AbstractEventLoop, asked: Coroutine[Any, Any, T], seconds: float) -> T:
    """What a coroutine gives on a loop that runs in another thread. Raises `TimeoutError` after so many seconds."""
    import asyncio  # noqa: PLC0415  heavy

    waiting = asyncio.run_coroutine_threadsafe(asyncio.wait_for(asked, seconds), loop)
    try:
        return waiting.result(seconds + _GRACE)
    except BaseException:
        waiting.cancel()
        raise


def in_time(work: Callable[[], T], seconds: float, turn: Semaphore) -> T:
    """What a call that blocks gives, when it has its turn. Raises `TimeoutError` after so many seconds.

    A call that was begun goes on in a thread that nobody waits for, and keeps its turn for so long.
    """
    came: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    over = Event()

    def serve() -> None:
        with turn:
            if not over.is_set():
                try:
                    came.put((work(), None))
                except BaseException as error:
                    came.put((None, error))

    Thread(target=serve, name="redux-objects", daemon=True).start()
    try:
        result, error = came.get(timeout=seconds)
    except Empty:
        over.set()
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast(T, result)
