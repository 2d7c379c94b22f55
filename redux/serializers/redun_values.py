"""Values that redun recorded: its bytes behind a header that names them, kept and shown, and never unpickled here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from msgpack import packb, unpackb  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.trouble import CannotDecode
from redux_valuestore.frozen import frozen

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LENGTH = 4


@frozen
class RedunValue:
    """A value as redun has it: its `hash`, redun's name of its type, how it is serialised, and the bytes, unread."""

    hash: str
    type_name: str
    format: str
    data: memoryview


def redun_header(hash: str, type_name: str, format: str) -> bytes:
    """What stands before redun's bytes of a value."""
    said = cast(bytes, packb([hash, type_name, format], use_bin_type=True, unicode_errors="surrogatepass"))
    return wire.REDUN + len(said).to_bytes(_LENGTH, "big") + said


def read_redun_value(data: Buffer) -> RedunValue | None:
    """What redun recorded, from the bytes of a value here; None where it was not redun who made it."""
    view = memoryview(data)
    if bytes(view[: len(wire.REDUN)]) != wire.REDUN:
        return None
    start = len(wire.REDUN) + _LENGTH
    end = start + int.from_bytes(view[len(wire.REDUN) : start], "big")
    hash, type_name, format = unpackb(view[start:end], unicode_errors="surrogatepass")
    return RedunValue(hash, type_name, format, view[end:])


def refuse_redun_value(data: memoryview) -> NoReturn:
    """Say why such a value is not decoded. Raises CannotDecode."""
    value = read_redun_value(data)
    assert value is not None
    raise CannotDecode(
        f"value {value.hash[:16]} of redun ({value.type_name}) is kept as redun pickled it, and unpickling may run any "
        "code; run the call that made it again, or load it with redun"
    )
