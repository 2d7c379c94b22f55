"""Unpacking: bytes become a value again, innermost parts first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from msgpack import Unpacker, unpackb  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.classes import build_enum, build_exception, build_named_tuple, build_record, build_subtype
from redux.serializers.encoded import Lazy
from redux.serializers.foreign import CAUTION, HOLD_FILES, QUOTED
from redux.serializers.handles import build_handle
from redux.serializers.hooks import Hooks, hooks_by
from redux.serializers.names import class_named, thing_named
from redux.serializers.noted import Noted
from redux.serializers.reduction import build_object, build_reduced, unpickled
from redux.serializers.registry import is_own, registry
from redux.serializers.trouble import CannotDecode
from redux.serializers.values import Value
from redux_backends.records import Traits
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MOST_NESTED = 32
"""How many values may stand inside each other, each in bytes of its own: more would be too much for the stack."""
_nested = threading.local()

Fetch = Callable[[Digest], "Buffer"]


def decode(data: Buffer, fetch: Fetch, noted: Noted | None = None) -> object:
    """The value of these bytes, `data`, which the caller has verified; `fetch` gives those of values inside it.

    What has a say in the value's validity is put into `noted`. Raises CannotDecode, and whatever `fetch` raises.
    """
    try:
        if type(data) is bytes and data[: wire.ATOM_START] in wire.ATOMS:
            return unpackb(data[len(wire.MSGPACK) :], raw=False, unicode_errors="surrogatepass")
        return _decode_any(memoryview(data), fetch, noted)
    except ReduxError:
        raise
    except Exception as error:  # classes' own code runs here, over bytes of any age
        raise CannotDecode(
            f"a value cannot be built from its bytes: {type(error).__name__}: {error}; run the call that made it again"
        ) from error


def _decode_any(view: memoryview, fetch: Fetch, noted: Noted | None) -> object:
    end = bytes(view[:5]).find(b"\n") + 1
    header, payload = bytes(view[:end]), view[end:]
    unpack = _FORMATS.get(header)
    if unpack is None:
        raise CannotDecode(
            f"these bytes begin with {bytes(view[:16])!r}, which this redux does not read; "
            "upgrade it, or run the call again"
        )
    depth = getattr(_nested, "depth", 0)
    if depth >= _MOST_NESTED:
        raise CannotDecode(f"a value is nested in itself, or in {_MOST_NESTED} others; run its call again")
    _nested.depth = depth + 1
    try:
        return unpack(payload, view, fetch, noted)
    finally:
        _nested.depth = depth


class _Unpacking:
    """One value on its way back."""

    def __init__(self, fetch: Fetch, trusting: bool, noted: Noted | None) -> None:
        self._fetch = fetch
        self._marks = _TRUSTING_MARKS if trusting else _MARKS
        self._trusting = trusting
        self._noted = noted
        self._caution = CAUTION.get()
        self._nodes: dict[int, Lazy] = {}
        self._settings: dict[str, Any] = {
            "raw": False,
            "strict_map_key": False,
            "unicode_errors": "surrogatepass",
            "list_hook": _close,
            "ext_hook": self._extension,
        }
        if self._caution is not None:
            self._settings["object_pairs_hook"] = self._map
        if noted is not None:
            self._note(noted)

    def _note(self, noted: Noted) -> None:
        """Have everything built shown to `noted`."""
        self._marks = {
            **self._marks,
            wire.Code.REFERENCE: wire.Mark(noted.refer),
            wire.Code.HOLDING: wire.Mark(self._hold),
        }
        if self._trusting:
            self._marks[wire.Code.CACHED] = wire.Mark(lambda *parts: _cached(*parts, noted=noted))
        self._settings["list_hook"] = lambda items: noted.see(_close(items))
        self._settings["ext_hook"] = lambda code, data: noted.see(self._extension(code, data))

    def _hold(self, inner: object, digests: bytes) -> object:
        """A value that holds others by their digests: they have a say too."""
        for start in range(0, len(digests), DIGEST_SIZE):
            self._part(digests[start : start + DIGEST_SIZE])
        return inner

    def _part(self, digest: bytes) -> object:
        """The value of this digest inside this one."""
        data = self._fetch(Digest(digest))
        if self._caution is not None:
            self._caution.fetched(Digest(digest), memoryview(data).nbytes)
        return decode(data, self._fetch, self._noted)

    def unpack(self, payload: Buffer) -> Any:
        return unpackb(payload, **self._settings)

    def _elements(self, data: bytes) -> Iterable[object]:
        stream = self.unpack_stream(data)
        if self._caution is None:
            return stream
        elements = list(stream)
        self._caution.keys(elements)
        return elements

    def _map(self, pairs: list[tuple[Any, object]]) -> dict[Any, object]:
        assert self._caution is not None
        self._caution.keys(key for key, _ in pairs)
        return dict(pairs)

    def unpack_stream(self, payload: Buffer) -> Unpacker:
        size = max(memoryview(payload).nbytes, 1)
        stream = Unpacker(max_buffer_size=size, **self._settings)
        stream.feed(payload)
        return stream

    def unpack_nodes(self, payload: Buffer) -> object:
        stream = self.unpack_stream(payload)
        for _ in range(cast(int, stream.unpack())):
            label, kind, parts = cast(Any, stream.unpack())
            build = registry.lazies.get(kind)
            if build is None:
                raise CannotDecode(f"no lazy value of kind {kind!r} is known here")
            if self._caution is not None:
                self._caution.lazy(kind, parts[0], parts[3] if kind == "call" else None)
            self._nodes[label] = build(parts)
        return stream.unpack()

    def _extension(self, code: int, data: bytes) -> object:
        if not data:
            found = self._marks.get(code)
            if found is not None:
                return found
        return self._content(code, data)

    def _content(self, code: int, data: bytes) -> object:
        match code:
            case wire.Code.SET:
                return set(self._elements(data))
            case wire.Code.FROZENSET:
                return frozenset(self._elements(data))
            case wire.Code.BIG_INT:
                return int.from_bytes(data, "big", signed=True)
            case wire.Code.BYTEARRAY:
                return bytearray(data)
            case wire.Code.COMPLEX:
                return _complex(data)
            case wire.Code.SUBVALUE:
                return self._part(data)
            case wire.Code.LAZY:
                return self._nodes[int.from_bytes(data, "big")]
            case wire.Code.ARRAY:
                return _array(memoryview(data), memoryview(data), self._fetch)
            case wire.Code.TABLE:
                return _table(memoryview(data), memoryview(data), self._fetch)
            case wire.Code.SINGLETON:
                return wire.SINGLETONS[data]
            case wire.Code.PICKLED if self._trusting:
                return unpickled(data)
            case _:
                raise CannotDecode(f"extension {code} is unknown to this redux, or not allowed here; upgrade it")


def _close(items: list[Any]) -> object:
    if items and type(items[0]) is wire.Mark:
        return items[0].meaning(*items[1:])
    return items


def _tuple(*parts: object) -> tuple[object, ...]:
    return parts


def _named(name: str, part: object) -> object:
    serializer = registry.of_name(name)
    caution = CAUTION.get()
    if caution is None:
        return serializer.decode(part)
    if not is_own(serializer):
        caution.run(name)  # its `decode` may do anything with the bytes
    caution.places(part)
    if name in HOLD_FILES:
        caution.claim(Traits.FILES, "holds files")
    with caution.quoting() if name == QUOTED else nullcontext():
        return serializer.decode(part)


def _reference(name: str, code: bytes | None) -> object:
    return thing_named(name)


def _task(
    fullname: str, task_hash: bytes, defaults: bytes | None = None, overrides: dict[str, Any] | None = None
) -> object:
    found: Any = registry.find_task(fullname) if registry.find_task is not None else None
    if found is None:
        raise CannotDecode(f"task {fullname} is not known here; import the module that defines it")
    if (caution := CAUTION.get()) is not None:
        caution.claim(Traits.TASKS, "holds a task")
        caution.lazy("call", fullname, overrides)
    return found.options(**overrides) if overrides else found


def _serialized(owner: str, kind: str, format: str, data: bytes) -> object:
    return _hooks_named(owner, kind).deserialize(data)


def _cached(owner: str, kind: str, path: str, digest: bytes, noted: Noted | None = None) -> object:
    from redux.serializers.file_cache import fetch_beside, read_cached  # noqa: PLC0415 - files only where there are some

    hooks = _hooks_named(owner, kind)
    content = read_cached(path, Digest(digest))
    return decode(content, fetch_beside(path), noted) if hooks.serialize is None else hooks.deserialize(bytes(content))


def _hooks_named(owner: str, kind: str) -> Hooks:
    if (caution := CAUTION.get()) is not None:
        caution.run(owner)
        caution.run(kind)
    found = class_named(owner)
    if not issubclass(found, Value):
        raise CannotDecode(f"{owner.replace(':', '.')} is no Value any more; the call that made it has to run again")
    return hooks_by(found, class_named(kind))


def _holding(inner: object, digests: bytes) -> object:
    return inner


def _complex(data: bytes) -> complex:
    import struct  # noqa: PLC0415 - complex numbers are rare, start-up is not

    return complex(*struct.unpack(">dd", data))


def _array(payload: memoryview, whole: memoryview, fetch: Fetch, noted: Noted | None = None) -> object:
    from redux.serializers.arrays import decode_array  # noqa: PLC0415 - NumPy only where arrays are

    return decode_array(whole)


def _table(payload: memoryview, whole: memoryview, fetch: Fetch, noted: Noted | None = None) -> object:
    from redux.serializers.tables import decode_table  # noqa: PLC0415 - Arrow only where tables are

    return decode_table(whole)


_MARKS: dict[int, wire.Mark] = {
    wire.Code.TUPLE: wire.Mark(_tuple),
    wire.Code.NAMED: wire.Mark(_named),
    wire.Code.REFERENCE: wire.Mark(_reference),
    wire.Code.RECORD: wire.Mark(build_record),
    wire.Code.NAMED_TUPLE: wire.Mark(build_named_tuple),
    wire.Code.ENUM: wire.Mark(build_enum),
    wire.Code.EXCEPTION: wire.Mark(build_exception),
    wire.Code.SUBTYPE: wire.Mark(build_subtype),
    wire.Code.TASK: wire.Mark(_task),
    wire.Code.HOLDING: wire.Mark(_holding),
    wire.Code.HANDLE: wire.Mark(build_handle),
}
_TRUSTING_MARKS: dict[int, wire.Mark] = {
    **_MARKS,
    wire.Code.OBJECT: wire.Mark(build_object),
    wire.Code.REDUCED: wire.Mark(build_reduced),
    wire.Code.SERIALIZED: wire.Mark(_serialized),
    wire.Code.CACHED: wire.Mark(_cached),
}


def _redun_value(whole: memoryview) -> object:
    from redux.serializers.redun_values import refuse_redun_value  # noqa: PLC0415 - only for histories from redun

    refuse_redun_value(whole)


def _past_own_classes(payload: memoryview, whole: memoryview, fetch: Fetch, noted: Noted | None) -> object:
    classes, value = wire.split_own(whole)
    if noted is not None:
        noted.compare_proxies(wire.read_classes(classes))
    return decode(value, fetch, noted)


def _plain(trusting: bool) -> Callable[..., object]:
    return lambda payload, whole, fetch, noted: _Unpacking(fetch, _trusts(trusting), noted).unpack(payload)


def _lazy(trusting: bool) -> Callable[..., object]:
    return lambda payload, whole, fetch, noted: _Unpacking(fetch, _trusts(trusting), noted).unpack_nodes(payload)


def _trusts(trusting: bool) -> bool:
    """The same, once it is sure that foreign bytes which run code were recorded as such."""
    if trusting and (caution := CAUTION.get()) is not None:
        caution.claim(Traits.TRUST, "runs code to be decoded")
    return trusting


def _pickle(payload: memoryview, whole: memoryview, fetch: Fetch, noted: Noted | None) -> object:
    _trusts(True)
    return unpickled(payload)


_FORMATS: dict[bytes, Callable[[memoryview, memoryview, Fetch, Noted | None], object]] = {
    wire.MSGPACK: _plain(False),
    wire.REDUCED: _plain(True),
    wire.LAZY: _lazy(False),
    wire.LAZY_REDUCED: _lazy(True),
    wire.PICKLED: _pickle,
    wire.ARRAY: _array,
    wire.TABLE: _table,
    wire.OWNED: _past_own_classes,
    wire.REDUN: lambda payload, whole, fetch, noted: _redun_value(whole),
}
