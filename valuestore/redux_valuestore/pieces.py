"""Large objects in pieces: several under way at once, each tried again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from redux_valuestore.client import PIECE, STREAMS
from redux_valuestore.patience import Allowed
from redux_valuestore.trouble import meaning

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")
U = TypeVar("U")

_TRIES = 5
_PAUSE = 0.1


async def in_pieces(
    size: int, ask: Callable[[int, int], Awaitable[Buffer]], allowed: Allowed, piece: int = PIECE
) -> memoryview:
    """Bytes that `ask(start, end)` gives piece by piece, as one buffer.

    Raises what `ask` does, and `ConnectionResetError` where it goes on giving too few.
    """
    content = memoryview(bytearray(size))

    async def bring(start: int) -> None:
        end = min(start + piece, size)

        async def once() -> None:
            data = memoryview(await ask(start, end))
            if data.nbytes != end - start:
                raise ConnectionResetError(f"{data.nbytes} bytes came of {end - start}")
            content[start:end] = data

        await insist(once, allowed, end - start)

    await many_at_once(range(0, size, piece), bring)
    return content


async def many_at_once(items: Iterable[U], work: Callable[[U], Awaitable[T]]) -> list[T]:
    """What `work` gives for each item, as it comes; the first error ends all."""
    results: list[T] = []
    rest = iter(items)

    async def go_on() -> None:
        for item in rest:
            results.append(await work(item))

    streams = [asyncio.ensure_future(go_on()) for _ in range(STREAMS)]
    try:
        await asyncio.gather(*streams)
    finally:
        for stream in streams:
            stream.cancel()
    return results


async def insist(ask: Callable[[], Awaitable[T]], allowed: Allowed, size: int = PIECE) -> T:
    """What one request gives, tried again where it failed in passing."""
    for attempt in range(1, _TRIES):
        try:
            return await asyncio.wait_for(ask(), allowed.seconds(size))
        except Exception as error:
            if meaning(error) != "passing":
                raise
        await asyncio.sleep(_PAUSE * 2**attempt)
    return await asyncio.wait_for(ask(), allowed.seconds(size))


def parts(pieces: Iterable[memoryview], size: int = PIECE) -> Iterator[bytes]:
    """Bytes cut anew into parts of one size; the last may be smaller. No more than one is held."""
    part = bytearray()
    for piece in pieces:
        begun = 0
        while begun < piece.nbytes:
            taken = piece[begun : begun + size - len(part)]
            begun += taken.nbytes
            if taken.nbytes == size:  # the usual one is copied once
                yield bytes(taken)
                continue
            part += taken
            if len(part) == size:
                yield bytes(part)
                part.clear()
    if part:
        yield bytes(part)
