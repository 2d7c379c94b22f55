"""Digests: BLAKE3-256 of bytes, and of small tagged structures in canonical msgpack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, NewType

import msgpack
from blake3 import blake3

if TYPE_CHECKING:
    from typing_extensions import Buffer

Digest = NewType("Digest", bytes)
"""BLAKE3-256 of some bytes: 32 bytes; hex exists only where people read it."""

DIGEST_SIZE = 32
_STREAM_CHUNK = 1 << 20
_PACKER = msgpack.Packer(use_bin_type=True, strict_types=True)


def digest_bytes(data: Buffer) -> Digest:
    """The digest of one buffer."""
    return Digest(blake3(data).digest())


def digest_chunks(chunks: Iterable[Buffer]) -> Digest:
    """The digest of the concatenation of `chunks`, which is never built."""
    hasher = blake3()
    for chunk in chunks:
        hasher.update(chunk)
    return Digest(hasher.digest())


def digest_stream(stream: BinaryIO) -> Digest:
    """The digest of all that is left to read of a binary stream."""
    hasher = blake3()
    while chunk := stream.read(_STREAM_CHUNK):
        hasher.update(chunk)
    return Digest(hasher.digest())


def digest_struct(tag: str, *parts: object) -> Digest:
    """The digest of a tagged structure: `tag`, then `parts` (None, bool, int, str, bytes and lists of them).

    The tag keeps kinds apart: an "Eval" and a "CallNode" of the same parts never meet.
    """
    return Digest(blake3(_PACKER.pack([tag, *parts])).digest())


def is_digest(data: bytes) -> bool:
    """Whether `data` has the length of a digest."""
    return len(data) == DIGEST_SIZE
