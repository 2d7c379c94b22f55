"""Digests: BLAKE3-256 of bytes, and of small tagged structures in canonical msgpack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO, NewType

import msgpack  # pyright: ignore[reportMissingTypeStubs]
from blake3 import blake3

from redux_valuestore.buffers import flat
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    from typing_extensions import Buffer

Digest = NewType("Digest", bytes)
"""BLAKE3-256 of some bytes: 32 bytes; hex exists only where people read it."""

DIGEST_SIZE = 32
_STREAM_CHUNK = 1 << 20
_VIEW = 64 << 20
_WORTH_THREADS = 8 << 20
# A number, never blake3's AUTO: its pool is shared by the process and hangs in whoever was forked from it.
_THREADS = min(4, os.cpu_count() or 1)
_pack: Callable[[object], bytes] = msgpack.Packer(use_bin_type=True, strict_types=True).pack  # pyright: ignore


class NotADigest(ReduxError, ValueError):
    """Something else than 32 bytes was given where a digest belongs."""

    def __init__(self, given: object) -> None:
        self.given = given
        super().__init__(f"{given!r:.80} is not a digest; a digest is {DIGEST_SIZE} bytes")


def digest_bytes(data: Buffer) -> Digest:
    """The digest of one buffer."""
    return Digest(blake3(data).digest())


def digest_view(view: memoryview) -> Digest:
    """The digest of a buffer of bytes that may be large: from 8 MiB on, several threads share the work."""
    return Digest(blake3(view, max_threads=_threads(view.nbytes)).digest())


def digest_chunks(chunks: Iterable[Buffer]) -> Digest:
    """The digest of the concatenation of C-contiguous `chunks` of any item type, which is never built.

    From 8 MiB in all on, several threads share the work.
    """
    views = tuple(flat(chunks, _VIEW))
    hasher = blake3(max_threads=_threads(sum(view.nbytes for view in views)))
    for view in views:
        hasher.update(view)
    return Digest(hasher.digest())


def digest_pieces(pieces: Iterable[Buffer]) -> Digest:
    """The digest of bytes that come piece by piece, of which no more than one is held."""
    hasher = blake3()
    for piece in pieces:
        hasher.update(piece)
    return Digest(hasher.digest())


def digest_stream(stream: BinaryIO) -> Digest:
    """The digest of all that is left to read of a binary stream."""
    return digest_pieces(iter(lambda: stream.read(_STREAM_CHUNK), b""))


def digest_struct(tag: str, *parts: object) -> Digest:
    """The digest of a tagged structure: `tag`, then `parts` (None, bool, int, str, bytes and lists of them).

    The tag keeps kinds apart: an "Eval" and a "CallNode" of the same parts never meet.
    """
    return Digest(blake3(_pack([tag, *parts])).digest())


def digest_keyed(key: bytes, data: Buffer) -> Digest:
    """The digest of one buffer, `data`, under a `key` of 32 bytes: who has not the key cannot try what gives it."""
    return Digest(blake3(data, key=key).digest())


def derive_key(purpose: str, material: bytes) -> bytes:
    """A key of 32 bytes made from `material` for one `purpose`, a fixed text."""
    return blake3(material, derive_key_context=purpose).digest()


def check_digest(data: object) -> Digest:
    """`data` as a digest. Raises `NotADigest`."""
    if isinstance(data, bytes) and len(data) == DIGEST_SIZE:
        return Digest(data)
    raise NotADigest(data)


def _threads(size: int) -> int:
    return _THREADS if size >= _WORTH_THREADS else 1
