"""Byte strings: their own memory behind a few bytes of header."""

from __future__ import annotations

from msgpack import ExtType  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.encoded import SPLIT_SIZE, Encoded
from redux.serializers.packing import PACK_ATOM
from redux.serializers.trouble import CannotEncode
from redux_valuestore.digest import digest_bytes, digest_chunks

_LIMIT = 1 << 32


def encode_bytes(value: bytes | bytearray) -> Encoded:
    """The encoding of a byte string that is a value of its own; a large one is not copied.

    Raises CannotEncode from 4 GiB on.
    """
    size = len(value)
    kind = type(value)
    if size < SPLIT_SIZE:
        given = value if kind is bytes else ExtType(wire.Code.BYTEARRAY, bytes(value))
        data = wire.MSGPACK + PACK_ATOM(given)
        return Encoded(digest_bytes(data), (data,), len(data), kind.__name__)
    if size >= _LIMIT:
        raise CannotEncode(value, "has 4 GiB or more", "split it, or pass a NumPy array of uint8")
    length = size.to_bytes(4, "big")
    head = b"\xc6" + length if kind is bytes else b"\xc9" + length + bytes([wire.Code.BYTEARRAY])
    chunks = (wire.MSGPACK + head, memoryview(value))
    return Encoded(digest_chunks(chunks), chunks, len(chunks[0]) + size, kind.__name__)
