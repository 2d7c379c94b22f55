"""Packs: so many calls with all that they need, as one signed object that is written once."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from redux.shared.columns import MOST_MOMENT, Bent
from redux.shared.layout import FORMAT, UNSIGNED, PackName
from redux.shared.records_code import decode_records, encode_records, own_results, shareable
from redux.shared.trouble import BentPack, PackTooLarge
from redux.trust.keys import KEY_SIZE, SIGNATURE_SIZE, PublicKey, is_signed, key_id
from redux_backends.exchange import Records
from redux_backends.records import Seconds
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_bytes, digest_struct

if TYPE_CHECKING:
    from redux.trust.keys import SigningKey

MAGIC = b"\x89RDXPCK\n"
SIGNED_FOR = b"redux.pack.1\0"
"""Stands before the header in what is signed, so that no signature for something else fits."""

MOST_RAW = 64 << 20
"""Bytes of a pack's records, before they are compressed."""
MOST_CALLS = 16_384
"""Calls in one pack."""
MOST_RATIO = 256
"""How many times larger records may be than what they are compressed to."""

_pack: Callable[[object], bytes] = msgpack.packb  # pyright: ignore - it has no types
_START = struct.Struct(">8sII")
_PAIR = 2 * DIGEST_SIZE
_MOST_HEADER = 1_024 + _PAIR * MOST_CALLS
MOST_PACK = MOST_RAW + (2 << 20)
"""Bytes of a pack with its header, which has a table of at most 1 MiB."""
_PLAIN, _DEFLATED = 0, 1
_LEVEL = 1
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Header:
    """What a pack says of itself, signed: by whom (None: unsigned), when it was `made`, and of which `epoch` it is.

    `table` has the eval hash and the call hash of each call, sorted. The body that follows `start` bytes has `stored`
    bytes of this digest, and is compressed to them from `raw` bytes as `compression` says.
    """

    name: PackName
    signer: PublicKey | None
    made: Seconds
    epoch: int
    table: tuple[tuple[Digest, Digest], ...]
    compression: int
    raw: int
    stored: int
    body: Digest
    start: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as it goes into a bucket: its `name` there, its bytes, its header.

    The values that are `stored` have to be in the bucket before it, as objects of their own.
    """

    name: PackName
    data: bytes
    header: Header
    stored: tuple[Digest, ...]


def make_pack(records: Records, epoch: int, made: Seconds, key: SigningKey | None) -> Pack:
    """The pack of finished calls, with all else in `records` that may be shared; None for a key leaves it unsigned.

    Raises `PackTooLarge`.
    """
    records, made = shareable(records), float(made)
    table = sorted((record.call.eval_hash, record.call.call_hash) for record in records.calls)
    name = PackName(UNSIGNED if key is None else key_id(key.public), digest_of_calls(epoch, table))
    try:
        raw = encode_records(records) if len(table) <= MOST_CALLS else None
    except Bent as bent:
        raise PackTooLarge(name.path, f"{bent}; take fewer calls") from None
    if raw is None or len(raw) > MOST_RAW:
        raise PackTooLarge(name.path, f"{len(table)} calls, with all that they need, are too many; take fewer")
    compression, body = _compressed(raw)
    signer = b"" if key is None else key.public
    digest = digest_bytes(body)
    fields = [FORMAT, signer, made, epoch, compression, len(raw), len(body), digest, b"".join(map(b"".join, table))]
    packed = _pack(fields)
    signature = bytes(SIGNATURE_SIZE) if key is None else key.sign(SIGNED_FOR + packed)
    start = _START.pack(MAGIC, FORMAT, len(packed)) + packed + signature
    header = Header(
        name,
        None if key is None else key.public,
        made,
        epoch,
        tuple(table),
        compression,
        len(raw),
        len(body),
        digest,
        len(start),
    )
    return Pack(name, start + body, header, tuple(records.stored))


def digest_of_calls(epoch: int, table: list[tuple[Digest, Digest]]) -> Digest:
    """What a pack of these calls is named by: equal work of one epoch has one name, whoever did it and when."""
    return digest_struct("Pack", FORMAT, epoch, b"".join(sorted(call for _, call in table)))


def read_header(name: PackName, data: bytes) -> Header:
    """The header of the pack that was found under this name, its signature verified and nothing else of it believed.

    Raises `BentPack`, and `SigningMissing` where nothing is installed that verifies.
    """
    packed, signature = _parts(name, data)
    header = _header(name, packed, len(data))
    if header.signer is None:
        if signature != bytes(SIGNATURE_SIZE):
            raise BentPack(name.path, "it has a signature, and does not say whose")
    elif not is_signed(header.signer, SIGNED_FOR + packed, signature):
        raise BentPack(name.path, "its signature is not that of the key it names")
    if name.signer != (UNSIGNED if header.signer is None else key_id(header.signer)):
        raise BentPack(name.path, "it is in the folder of another signer")
    if name.digest != digest_of_calls(header.epoch, list(header.table)):
        raise BentPack(name.path, "it has the name of another pack")
    return header


def open_pack(header: Header, data: bytes) -> Records:
    """The records of a pack, whose header `read_header` gave for the same bytes.

    Each record still has to be looked at for its hash. Raises `BentPack`.
    """
    path = header.name.path
    body = memoryview(data)[header.start :]
    if len(body) != header.stored or digest_bytes(body) != header.body:
        raise BentPack(path, "its records are not those that were signed")
    try:
        records = decode_records(_decompressed(header, bytes(body)))
    except Bent as bent:
        raise BentPack(path, f"its records cannot be read: {bent}") from None
    if sorted((record.call.eval_hash, record.call.call_hash) for record in records.calls) != list(header.table):
        raise BentPack(path, "it has other calls than it says")
    if len(own_results(records)) != len(records.results):
        raise BentPack(path, "it has a result of no call in it")
    return records


def _parts(name: PackName, data: bytes) -> tuple[bytes, bytes]:
    """The header's bytes and the signature, of a pack in our format."""
    if len(data) < _START.size or not data.startswith(MAGIC):
        raise BentPack(name.path, "it does not begin as a pack does")
    _, format, length = _START.unpack_from(data)
    if format > FORMAT:
        raise BentPack(name.path, f"it is in format {format}, of a newer redux; upgrade: pip install -U redux-cache")
    if format != FORMAT:
        raise BentPack(name.path, f"it is in format {format}, which never was")
    end = _START.size + length
    if length > _MOST_HEADER or len(data) < end + SIGNATURE_SIZE:
        raise BentPack(name.path, "it is cut short")
    return data[_START.size : end], data[end : end + SIGNATURE_SIZE]


def _header(name: PackName, packed: bytes, size: int) -> Header:
    fields = _fields(packed)
    if not _are_sound(fields):
        raise BentPack(name.path, "its header is not one of a pack")
    _, signer, made, epoch, compression, raw, stored, body, pairs = fields
    start = _START.size + len(packed) + SIGNATURE_SIZE
    if start + stored != size:
        raise BentPack(name.path, "it has not the length that it says")
    if raw > MOST_RAW or raw > stored * MOST_RATIO:
        raise BentPack(name.path, f"its {stored} bytes would become {raw}, and that is too many")
    table = [
        (Digest(pairs[at : at + DIGEST_SIZE]), Digest(pairs[at + DIGEST_SIZE : at + _PAIR]))
        for at in range(0, len(pairs), _PAIR)
    ]
    if sorted(set(table)) != table:
        raise BentPack(name.path, "its table is not sorted, or has a call twice")
    signed_by = PublicKey(signer) if signer else None
    return Header(name, signed_by, made, epoch, tuple(table), compression, raw, stored, Digest(body), start)


def _fields(packed: bytes) -> Any:
    """What a header says, None for bytes that say nothing, or say it in another way than the one there is."""
    try:
        fields = msgpack.unpackb(packed, max_array_len=9, max_map_len=0, max_str_len=0, max_ext_len=0)
        return fields if _pack(fields) == packed else None
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.exceptions.UnpackException):
        return None


def _are_sound(fields: Any) -> bool:
    if type(fields) is not list or tuple(map(type, fields)) != _TYPES:
        return False
    format, signer, made, epoch, compression, raw, stored, body, pairs = fields
    return (
        format == FORMAT
        and len(signer) in (0, KEY_SIZE)
        and math.isfinite(made)
        and 0 <= made <= MOST_MOMENT
        and 0 <= epoch <= _LARGEST
        and compression in (_PLAIN, _DEFLATED)
        and stored >= 0
        and raw >= 0
        and (compression == _DEFLATED or raw == stored)
        and len(body) == DIGEST_SIZE
        and len(pairs) % _PAIR == 0
    )


_TYPES = (int, bytes, float, int, int, int, int, bytes, bytes)


def _compressed(raw: bytes) -> tuple[int, bytes]:
    small = zlib.compress(raw, _LEVEL)
    worth_it = len(small) < len(raw) and len(raw) <= len(small) * MOST_RATIO
    return (_DEFLATED, small) if worth_it else (_PLAIN, raw)


def _decompressed(header: Header, body: bytes) -> bytes:
    if header.compression == _PLAIN:
        return body
    unpacking = zlib.decompressobj()
    try:
        # One byte more than there may be, so that a stream that goes on is seen.
        raw = unpacking.decompress(body, header.raw + 1)
    except zlib.error:
        raise Bent("they are not compressed as they say") from None
    if len(raw) != header.raw or not unpacking.eof or unpacking.unused_data:
        raise Bent("they are not as long as they say")
    return raw
