"""The words of the encoding: header lines, extension codes, and the marks that begin a tagged list.

Payloads are msgpack. None, bool, int, float, str, bytes, list and dict are msgpack's own; every other type is a list
whose first element is a mark (an extension without content, which no value encodes to), or an extension with content.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Any, cast

from msgpack import ExtType, OutOfData, Unpacker, packb, unpackb  # pyright: ignore[reportMissingTypeStubs]

MSGPACK = b"mp1\n"
"""Plain msgpack: decoding it builds data, and instances of dataclasses and the like without running their code."""
REDUCED = b"rdc1\n"
"""The same with parts of the reduce protocol: decoding it runs code that it names."""
LAZY = b"lz1\n"
"""A number n, then n lazy nodes, each after those it refers to, then the value that refers to them."""
LAZY_REDUCED = b"lzr1\n"
"""Lazy nodes with parts of the reduce protocol."""
PICKLED = b"pkl1\n"
"""cloudpickle, for a whole value."""
ARRAY = b"npy1\n"
"""A NumPy array: description, zeros up to a multiple of 64 bytes, then its elements in C order."""
TABLE = b"arw1\n"
"""Arrow data: what it is, zeros up to a multiple of 64 bytes, then an Arrow IPC stream."""
OWNED = b"own1\n"
"""The length of a list, the list, then a value in one of the other formats. The list names the user's own classes
whose instances are in the value, each with the digest of its code."""
REDUN = b"rdn1\n"
"""What redun recorded: the length of a list (redun's hash, type and format), the list, then redun's own bytes."""

ATOMS = frozenset(
    MSGPACK + bytes([first])
    for first in (*range(0x80), *range(0xE0, 0x100), *range(0xA0, 0xC1), 0xC2, 0xC3, *range(0xCA, 0xD4), 0xD9)
)
"""How a number, a short text, a truth value or None begins: most results are no more than that."""
ATOM_START = len(MSGPACK) + 1

ALIGNMENT = 64
ARRAY_HEADER = 64 << 10
"""Bytes up to which an array is described."""
TABLE_HEADER = 16 << 20
"""Bytes up to which a table is described: its columns, and what they were before."""
_HEADER_PIECE = 1024
_LENGTH = 4


class Code(IntEnum):
    """The extension codes. Marks come first, in tagged lists; the others carry content."""

    TUPLE = 1
    NAMED = 2
    REFERENCE = 3
    RECORD = 4
    NAMED_TUPLE = 5
    ENUM = 6
    EXCEPTION = 7
    SUBTYPE = 8
    OBJECT = 9
    REDUCED = 10
    TASK = 11
    SERIALIZED = 12
    CACHED = 13
    HOLDING = 14
    HANDLE = 15
    SET = 20
    FROZENSET = 21
    BIG_INT = 22
    BYTEARRAY = 23
    COMPLEX = 24
    SUBVALUE = 25
    LAZY = 26
    ARRAY = 27
    TABLE = 28
    PICKLED = 29
    SINGLETON = 30


def mark(code: Code) -> ExtType:
    """The first element of a tagged list."""
    return ExtType(int(code), b"")


TUPLE = mark(Code.TUPLE)
NAMED = mark(Code.NAMED)
REFERENCE = mark(Code.REFERENCE)
RECORD = mark(Code.RECORD)
NAMED_TUPLE = mark(Code.NAMED_TUPLE)
ENUM = mark(Code.ENUM)
EXCEPTION = mark(Code.EXCEPTION)
SUBTYPE = mark(Code.SUBTYPE)
OBJECT = mark(Code.OBJECT)
REDUCED_MARK = mark(Code.REDUCED)
TASK = mark(Code.TASK)
SERIALIZED = mark(Code.SERIALIZED)
CACHED = mark(Code.CACHED)
HOLDING = mark(Code.HOLDING)
HANDLE = mark(Code.HANDLE)


class Mark:
    """The first element of a tagged list as met in bytes, with what their reader makes of its code."""

    __slots__ = ("meaning",)

    def __init__(self, meaning: Any) -> None:
        self.meaning = meaning


SINGLETONS: dict[bytes, object] = {b"...": Ellipsis, b"NotImplemented": NotImplemented}


@lru_cache(maxsize=1024)
def own_header(classes: frozenset[tuple[str, bytes]]) -> bytes:
    """What stands before a value that holds instances of these classes of the user's own: name and digest of each."""
    said = cast(bytes, packb(sorted(classes), use_bin_type=True, unicode_errors="surrogatepass"))
    return OWNED + len(said).to_bytes(_LENGTH, "big") + said


def split_own(data: memoryview) -> tuple[memoryview, memoryview]:
    """The list in the header of a value with instances of the user's own classes, and the value behind it."""
    start = len(OWNED) + _LENGTH
    end = start + int.from_bytes(data[len(OWNED) : start], "big")
    return data[start:end], data[end:]


def read_classes(said: memoryview) -> dict[str, bytes]:
    """The digests of code in such a list, by the names of their classes."""
    return dict(unpackb(said, unicode_errors="surrogatepass"))


def padded(header: bytes) -> bytes:
    """The header with zeros up to the alignment of what follows it."""
    return header + bytes(-len(header) % ALIGNMENT)


def split_header(data: memoryview, magic: bytes, limit: int = TABLE_HEADER) -> tuple[Any, memoryview]:
    """What a padded header after `magic` says, and the bytes behind it, which are not touched.

    Raises ValueError for one of more bytes than `limit`.
    """
    unpacker: Any = Unpacker(max_buffer_size=max(min(data.nbytes, 10 * limit), 1))
    position, size = len(magic), _HEADER_PIECE
    while True:
        unpacker.feed(data[position : position + size])
        position, size = position + size, size * 8
        try:
            said = unpacker.unpack()
        except OutOfData:
            if position >= data.nbytes:
                raise
            if position > limit:
                raise ValueError(f"a header of more than {limit:,} bytes") from None
            continue
        end = len(magic) + unpacker.tell()
        return said, data[end + -end % ALIGNMENT :]
