"""Packs that nobody made who is believed, out of ones that somebody did."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from redux.shared.pack import SIGNED_FOR, Pack
from redux.trust.keys import SigningKey


def parts(pack: Pack) -> tuple[list[Any], bytes, bytes]:
    """Fields of the header, signature and body."""
    return parts_of(pack.data)


def parts_of(data: bytes) -> tuple[list[Any], bytes, bytes]:
    """The same of a pack's bytes."""
    length = struct.unpack_from(">I", data, 12)[0]
    return msgpack.unpackb(data[16 : 16 + length]), data[16 + length : 80 + length], data[80 + length :]


def put_together(header: Sequence[Any], signature: bytes | SigningKey, body: bytes, format: int = 1) -> bytes:
    """A pack of these parts; signed by a key, or with these bytes as its signature."""
    packed: bytes = msgpack.packb(list(header))  # pyright: ignore
    if isinstance(signature, SigningKey):
        signature = signature.sign(SIGNED_FOR + packed)
    return struct.pack(">8sII", b"\x89RDXPCK\n", format, len(packed)) + packed + signature + body
