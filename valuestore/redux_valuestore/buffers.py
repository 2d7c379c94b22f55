"""Buffers of any shape, seen as flat bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


def flat(chunks: Iterable[Buffer], limit: int) -> Iterator[memoryview]:
    """The bytes of C-contiguous `chunks` as views of 1 to `limit` bytes each; nothing is copied."""
    for chunk in chunks:
        view = memoryview(chunk)
        if not view.nbytes:
            continue  # an array with a zero in its shape cannot be cast, and has nothing to say
        view = view.cast("B")
        for start in range(0, view.nbytes, limit):
            yield view[start : start + limit]
