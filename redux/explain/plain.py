"""A value's bytes as plain data: what is in it, by shape and name, with nothing built, run or imported.

What the bytes name (classes, functions, modules) stays a name. Depth and size are bounded by those who ask.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from msgpack import Unpacker, unpackb  # pyright: ignore[reportMissingTypeStubs]

from redux.explain.plain_kinds import NAMED_KINDS, record_fields_of
from redux.explain.plain_nodes import Blob, Elsewhere, Fields, Items, Leaf, Members, Node, Pairs, Unreadable, Whole
from redux.serializers import wire
from redux.value import content_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NESTED = 50
"""How deep sets may stand in sets, each of which is read by a reader of its own."""
_SHOWN_DIGITS = 8


def read_plain(data: Buffer) -> Node:
    """What is in a value, given its bytes. Raises Unreadable where they say it in no way known here."""
    view = content_of(data)
    end = bytes(view[:5]).find(b"\n") + 1
    header, payload = bytes(view[:end]), view[end:]
    try:
        if header in (wire.MSGPACK, wire.REDUCED):
            return _Reading().unpack(payload)
        if header == wire.ARRAY:
            return Whole("array", view)
        if header == wire.TABLE:
            return Whole("table", view)
    except Exception as error:  # bytes of any age and origin
        raise Unreadable(f"it cannot be read as plain data ({type(error).__name__})") from error
    return Blob(_FORMATS.get(header, "value"), bytes(payload))


_FORMATS = {
    wire.PICKLED: "pickle",
    wire.LAZY: "expression",
    wire.LAZY_REDUCED: "expression",
    wire.REDUN: "value of redun's",
}


class _Reading:
    """One value on its way to plain data."""

    def __init__(self) -> None:
        self._within = 0
        self._settings: dict[str, Any] = {
            "raw": False,
            "strict_map_key": False,
            "unicode_errors": "surrogatepass",
            "list_hook": _close,
            "object_pairs_hook": lambda pairs: Pairs("dict", pairs),
            "ext_hook": self._extension,
        }

    def unpack(self, payload: Buffer) -> Node:
        return unpackb(payload, **self._settings)

    def _stream(self, data: bytes) -> list[Node]:
        if self._within >= _NESTED:
            raise Unreadable("it is nested too deeply to be compared")
        self._within += 1
        stream: Any = Unpacker(max_buffer_size=max(len(data), 1), **self._settings)
        stream.feed(data)
        members = list(stream)
        self._within -= 1
        return members

    def _extension(self, code: int, data: bytes) -> object:
        if not data and code in _MARKS:
            return _MARKS[code]
        match code:
            case wire.Code.SET:
                return Members("set", self._stream(data))
            case wire.Code.FROZENSET:
                return Members("frozenset", self._stream(data))
            case wire.Code.BIG_INT:
                return int.from_bytes(data, "big", signed=True)
            case wire.Code.BYTEARRAY:
                return Blob("bytearray", data)
            case wire.Code.COMPLEX:
                return Leaf("complex", repr(complex(*struct.unpack(">dd", data))))
            case wire.Code.SUBVALUE:
                return Elsewhere(data)
            case wire.Code.ARRAY:
                return Whole("array", memoryview(data))
            case wire.Code.TABLE:
                return Whole("table", memoryview(data))
            case wire.Code.SINGLETON:
                return Leaf("", data.decode("ascii", "replace"))
            case wire.Code.PICKLED:
                return Blob("pickle", data)
            case _:
                raise Unreadable("it has parts that this redux does not know")


def _close(items: list[Any]) -> Node:
    if items and type(items[0]) is wire.Mark:
        return items[0].meaning(*items[1:])
    return Items("list", items)


# -- tagged lists ------------------------------------------------------------------------------------


def _dotted(name: Any) -> str:
    return str(name).replace(":", ".")


def _tuple(*parts: Node) -> Node:
    return Items("tuple", list(parts))


def _named(name: str, part: Node) -> Node:
    read = NAMED_KINDS.get(name)
    return Leaf(name, "…", part) if read is None else read(name, part)


def _reference(name: str, code: Any) -> Node:
    return Leaf("reference", _dotted(name), code)


def _record(name: str, content: Node) -> Node:
    return Fields(_dotted(name), record_fields_of(content))


def _named_tuple(name: str, *parts: Node) -> Node:
    return Items(_dotted(name), list(parts))


def _enum(name: str, member: Any, value: Node) -> Node:
    shown = _dotted(name).rpartition(".")[2]
    return Leaf(_dotted(name), shown if member is None else f"{shown}.{member}", (member, value))


def _exception(name: str, args: Node, state: Node) -> Node:
    return Fields(_dotted(name), {"args": args, **record_fields_of(state)})


def _subtype(name: str, plain: Node, state: Node) -> Node:
    kind = _dotted(name)
    own = record_fields_of(state)
    if own:
        return Fields(kind, {"": plain, **own})
    match plain:
        case Items():
            return Items(kind, plain.items)
        case Pairs():
            return Pairs(kind, plain.pairs)
        case Members():
            return Members(kind, plain.members)
        case _:
            return Fields(kind, {"": plain})


def _object(name: str, args: Node, state: Node, items: Node = None, pairs: Node = None) -> Node:
    """An instance by its attributes, with what else its class's reduce protocol gave where there is any."""
    fields = _state_fields(state)
    for label, part in (("args", args), ("items", items), ("pairs", pairs)):
        if part is not None and not (isinstance(part, Items) and not part.items):
            fields.setdefault(label, part)
    return Fields(_dotted(name), fields)


def _reduced(func: Node, args: Node, state: Node, items: Node = None, pairs: Node = None, setter: Node = None) -> Node:
    maker = func.text if isinstance(func, Leaf) else "…"
    return _object(maker, args, state, items, pairs)


def _state_fields(state: Node) -> dict[str, Node]:
    """Attributes, as instances of classes with and without slots give them, and models that keep theirs apart."""
    if isinstance(state, Items) and len(state.items) == 2:
        return {**_state_fields(state.items[0]), **_state_fields(state.items[1])}
    fields = record_fields_of(state)
    if isinstance(fields.get("__dict__"), Pairs):
        own = record_fields_of(fields.pop("__dict__"))
        return {**own, **{name: part for name, part in fields.items() if part is not None}}
    if not fields and state is not None and not isinstance(state, Pairs):
        return {"state": state}
    return fields


def _task(fullname: str, task_hash: bytes, defaults: Any = None, overrides: Node = None) -> Node:
    return Leaf("task", str(fullname), (task_hash, defaults, overrides))


def _serialized(owner: str, kind: str, format: str, data: Node) -> Node:
    return Blob(_dotted(kind), data if isinstance(data, bytes) else b"")


def _cached(owner: str, kind: str, path: str, digest: bytes) -> Node:
    return Leaf(_dotted(kind), f"content {bytes(digest).hex()[:_SHOWN_DIGITS]}", (path, digest))


def _holding(inner: Node, digests: bytes) -> Node:
    parts: list[Node] = [Elsewhere(digests[at : at + 32]) for at in range(0, len(digests), 32)]
    return Fields("", {"": inner, "iter_subvalues()": Items("list", parts)})


def _handle(name: str, label: str, args: Node, kwargs: Node, version: bytes | None, parents: bytes) -> Node:
    """A handle by its name and version; what else it was made with may be secret."""
    shown = "none" if version is None else version.hex()[:_SHOWN_DIGITS]
    made_with = Leaf("what it was made with", "…", (args, kwargs))
    return Fields(_dotted(name), {"name": label, "arguments": made_with, "version": Leaf("", shown, version)})


_MARKS: dict[int, wire.Mark] = {
    int(code): wire.Mark(build)
    for code, build in {
        wire.Code.TUPLE: _tuple,
        wire.Code.NAMED: _named,
        wire.Code.REFERENCE: _reference,
        wire.Code.RECORD: _record,
        wire.Code.NAMED_TUPLE: _named_tuple,
        wire.Code.ENUM: _enum,
        wire.Code.EXCEPTION: _exception,
        wire.Code.SUBTYPE: _subtype,
        wire.Code.OBJECT: _object,
        wire.Code.REDUCED: _reduced,
        wire.Code.TASK: _task,
        wire.Code.SERIALIZED: _serialized,
        wire.Code.CACHED: _cached,
        wire.Code.HOLDING: _holding,
        wire.Code.HANDLE: _handle,
    }.items()
}
