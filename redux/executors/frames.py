"""Frames between a run and its worker processes: a length, then msgpack, over a local socket."""

from __future__ import annotations

import socket
import struct
from typing import cast

import msgpack

_LENGTH = struct.Struct("<Q")


class Disconnected(Exception):
    """The other side is gone."""


def send(connection: socket.socket, message: object) -> None:
    """Send one message. Raises Disconnected."""
    body = cast(bytes, msgpack.packb(message, use_bin_type=True))
    try:
        connection.sendall(_LENGTH.pack(len(body)))
        connection.sendall(body)
    except OSError as error:
        raise Disconnected(str(error)) from error


def receive(connection: socket.socket) -> object:
    """Receive one message. Raises Disconnected."""
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size))
    return msgpack.unpackb(_receive_exactly(connection, length), raw=False, strict_map_key=False, use_list=False)


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
