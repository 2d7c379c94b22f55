"""Frames between a run and its worker processes: a length, then msgpack, over a local socket."""

from __future__ import annotations

import socket
import struct
from typing import cast

import msgpack

_LENGTH = struct.Struct("<Q")
_ODD_TEXT = "surrogatepass"
"""Any text crosses, also the lone surrogates of names and messages that are no sound Unicode."""


class Disconnected(Exception):
    """The other side is gone."""


def pack(message: object) -> bytes:
    """A message as it is sent. Raises ValueError, TypeError or OverflowError where msgpack has no form for it."""
    return cast(bytes, msgpack.packb(message, use_bin_type=True, unicode_errors=_ODD_TEXT))


def unpack(packed: bytes | bytearray) -> object:
    """The message that was packed."""
    return msgpack.unpackb(packed, raw=False, strict_map_key=False, use_list=False, unicode_errors=_ODD_TEXT)


def send(connection: socket.socket, packed: bytes) -> None:
    """Send one packed message. Raises Disconnected."""
    try:
        connection.sendall(_LENGTH.pack(len(packed)))
        connection.sendall(packed)
    except OSError as error:
        raise Disconnected(str(error)) from error


def receive(connection: socket.socket) -> object:
    """Receive one message. Raises Disconnected."""
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size))
    return unpack(_receive_exactly(connection, length))


def _receive_exactly(connection: socket.socket, size: int) -> bytearray:
    body = bytearray(size)
    view = memoryview(body)
    while view:
        try:
            count = connection.recv_into(view)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if count == 0:
            raise Disconnected("closed")
        view = view[count:]
    return body
