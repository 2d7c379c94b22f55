"""The first digits of an id, as people give them."""

from __future__ import annotations

from redux_backends.backend import UnknownId

MIN_PREFIX = 4
"""The fewest hex digits that are taken for an id."""


def hex_prefix(prefix: str) -> tuple[bytes, bytes]:
    """The first and the last possible 32-byte id that starts with these hex digits. Raises `UnknownId`."""
    digits = prefix.lower()
    if not MIN_PREFIX <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
        raise UnknownId(f"{prefix!r} is no id: give at least {MIN_PREFIX} of its hex digits", prefix)
    return bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))
