"""What a value's bytes would need to be decoded, found without decoding them: nothing they name is looked up or run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from msgpack import Unpacker  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.foreign import HARMLESS, HOLD_FILES, OPTIONS, QUOTED, SECRET, name_run_by
from redux.serializers.registry import is_own_name
from redux.serializers.trouble import CannotDecode
from redux_backends.records import Traits
from redux_valuestore.digest import DIGEST_SIZE
from redux_valuestore.frozen import frozen

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MOST_READ = 4 << 20
"""Bytes up to which a value is read for what it names; a larger one is decoded with caution, which says no by then."""
_MOST_KEYS = 64
_MANY = 1_000
"""Keys or elements from which on it matters whether somebody chose them so that they fall together."""
_MOST_NESTED = 8
_REMEDY = "; redux did not make it, or it is damaged: have its call run here"

_EXTENSION = re.compile(rb"[\xc7-\xc9\xd4-\xd8]")


class NoValue(CannotDecode):
    """Bytes from elsewhere are no value in redux' encoding, or one that redux never writes."""


@frozen
class Needs:
    """What decoding a value would need: the classes it has instances of, and what it would run.

    `names` are `module:qualname` of these classes, `runs` of what has to be trusted or allowed; `code` is whether there
    is any such thing, a pickle included. `traits` are those that the record must have, or it lies. `careful` is whether
    it has to be decoded with caution; what is not is plain data.
    """

    code: bool = False
    names: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    traits: Traits = Traits.PLAIN
    careful: bool = False
    pickled: bool = False


_PLAIN = Needs()


def judge(data: Buffer) -> Needs:
    """What decoding a value's bytes would need. Raises `NoValue` for what is none; runs and imports nothing.

    Time and memory are bounded by the bytes: of a large value's own content little is looked at.
    """
    if type(data) is bytes and data[: wire.ATOM_START] in wire.ATOMS:
        return _PLAIN
    judging = _Judging()
    try:
        judging.judge(memoryview(data))
    except NoValue:
        raise
    except Exception as error:  # msgpack has errors of many kinds
        why = f"bytes from elsewhere are no value ({type(error).__name__}: {error!s:.100})"
        raise NoValue(f"{why}{_REMEDY}") from error
    return judging.needs()


_MARKS = {int(code): wire.Mark(code) for code in wire.Code if code < wire.Code.SET}
_PART = object()
"""Stands for what nobody has to look into."""
_BY_CLASS = frozenset(
    {
        wire.Code.RECORD, wire.Code.NAMED_TUPLE, wire.Code.ENUM, wire.Code.EXCEPTION, wire.Code.SUBTYPE,
        wire.Code.HANDLE,
    }
)  # fmt: skip
_SIMPLE = frozenset({str, bytes, int, float, bool, type(None)})


class _Judging:
    def __init__(self) -> None:
        self._names: set[str] = set()
        self._runs: set[str] = set()
        self._traits = 0
        self._careful = self._pickled = False
        self._nested = 0

    def needs(self) -> Needs:
        """All that was found."""
        careful = self._careful or bool(self._names or self._runs or self._traits or self._pickled)
        code = bool(self._runs) or self._pickled or bool(self._traits & Traits.TRUST)
        names, runs = frozenset(self._names), frozenset(self._runs)
        return Needs(code, names, runs, Traits(self._traits), careful, self._pickled)

    def judge(self, view: memoryview) -> None:
        """Look at one value's bytes."""
        self._nested += 1
        if self._nested > _MOST_NESTED:
            _refuse("a value is nested in too many others")
        header = bytes(view[: bytes(view[:5]).find(b"\n") + 1])
        payload = view[len(header) :]
        match header:
            case wire.MSGPACK:
                self._read_one(payload)
            case wire.REDUCED:
                self._traits |= Traits.TRUST
                self._read_one(payload)
            case wire.LAZY | wire.LAZY_REDUCED:
                self._traits |= Traits.EXPRESSIONS | (Traits.TRUST if header == wire.LAZY_REDUCED else 0)
                self._read_nodes(payload)
            case wire.PICKLED:
                self._traits |= Traits.TRUST
                self._pickled = True
            case wire.ARRAY | wire.TABLE:
                self._look_at_header(view, header)
            case wire.OWNED:
                classes, value = wire.split_own(view)
                wire.read_classes(classes)
                self._careful = True
                self.judge(value)
            case wire.REDUN:
                pass  # nobody decodes it here
            case _:
                _refuse(f"bytes that begin with {bytes(view[:16])!r} are no value of this redux")
        self._nested -= 1

    # -- msgpack -----------------------------------------------------------------------------------

    def _read_one(self, payload: memoryview) -> None:
        if payload.nbytes > _MOST_READ:
            self._careful = self._careful or not _is_long_bytes(payload)
            return
        if _EXTENSION.search(payload):
            stream = self._stream(payload)
            stream.unpack()
        else:
            stream = _plain_stream(payload)
            stream.skip()
        if stream.tell() != payload.nbytes:
            _refuse("bytes are left behind a value")

    def _read_nodes(self, payload: memoryview) -> None:
        self._careful = True
        if payload.nbytes > _MOST_READ:
            self._runs.add("an expression of more than 4 MiB")
            return
        stream = self._stream(payload)
        count = stream.unpack()
        if type(count) is not int or not 0 <= count <= payload.nbytes:
            _refuse("an expression has more parts than bytes")
        for _ in range(count):
            node = stream.unpack()
            if type(node) is not list:
                _refuse("a part of an expression is none")
            self._node(*node)
        stream.unpack()
        if stream.tell() != payload.nbytes:
            _refuse("bytes are left behind an expression")

    def _node(self, label: object, kind: str, parts: tuple[Any, ...]) -> None:
        name = parts[0]
        if type(name) is not str:
            _refuse("an expression has no name")
        needed = name_run_by(kind, name)
        if needed is not None:
            self._runs.add(needed)
        if kind == "call":
            self._options(name, parts[3])

    def _options(self, task: str, options: object) -> None:
        if options is not None and not (type(options) is _Keys and options.keys <= OPTIONS):
            self._runs.add(task)

    def _look_at_header(self, data: memoryview, magic: bytes) -> None:
        if bytes(data[: len(magic)]) != magic:
            _refuse("an array or table does not begin as one")
        wire.split_header(data, magic, wire.ARRAY_HEADER if magic == wire.ARRAY else wire.TABLE_HEADER)
        self._careful = True

    def _stream(self, payload: Buffer) -> Any:
        stream: Any = Unpacker(
            max_buffer_size=max(memoryview(payload).nbytes, 1),
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            list_hook=self._list,
            object_pairs_hook=self._map,
            ext_hook=self._extension,
        )
        stream.feed(payload)
        return stream

    def _map(self, pairs: list[tuple[object, object]]) -> object:
        if len(pairs) > _MANY:
            self._careful = self._careful or not _SIMPLE.issuperset(type(key) for key, _ in pairs)
        if len(pairs) <= _MOST_KEYS and all(type(key) is str for key, _ in pairs):
            return _Keys(frozenset(str(key) for key, _ in pairs))
        return _PART

    def _extension(self, code: int, data: bytes) -> object:
        if not data and code in _MARKS:
            return _MARKS[code]
        match code:
            case wire.Code.SET | wire.Code.FROZENSET:
                self._elements(data)
            case wire.Code.SUBVALUE:
                if len(data) != DIGEST_SIZE:
                    _refuse("a part of a value has no digest")
                self._careful = True
            case wire.Code.ARRAY | wire.Code.TABLE:
                self._look_at_header(memoryview(data), wire.ARRAY if code == wire.Code.ARRAY else wire.TABLE)
            case wire.Code.PICKLED:
                self._pickled = True
            case wire.Code.BIG_INT | wire.Code.BYTEARRAY | wire.Code.COMPLEX | wire.Code.LAZY | wire.Code.SINGLETON:
                pass
            case _:
                _refuse(f"extension {code} is unknown to this redux")
        return _PART

    def _elements(self, data: bytes) -> None:
        self._nested += 1
        if self._nested > 10 * _MOST_NESTED:
            _refuse("sets are nested in too many others")
        count, simple = 0, True
        for element in self._stream(data):
            count += 1
            simple = simple and type(element) in _SIMPLE
        self._careful = self._careful or (count > _MANY and not simple)
        self._nested -= 1

    def _list(self, items: list[Any]) -> object:
        if not items:
            return _PART
        if type(items[0]) is wire.Mark:
            return self._tagged(items[0].meaning, items)
        # As the parts of an expression look.
        return items if len(items) == 3 and type(items[1]) is str and type(items[2]) is tuple else _PART

    def _tagged(self, code: int, items: list[Any]) -> object:
        if code == wire.Code.TUPLE:
            return tuple(items[1:5])
        name = items[1]
        if code == wire.Code.HOLDING:
            self._careful = True
            return _PART
        if code == wire.Code.REDUCED:  # the function itself came before, by its own name
            self._runs.add("a function that reduces to an object") if type(name) is not _Named else None
            return _PART
        if type(name) is not str:
            _refuse("a part of a value has no name")
        if code in _BY_CLASS:
            self._names.add(name)
            self._traits |= Traits.HANDLES if code == wire.Code.HANDLE else 0
        elif code == wire.Code.NAMED:
            self._named(name, items[2])
        elif code == wire.Code.REFERENCE:
            self._careful = True
            if name not in HARMLESS:
                self._runs.add(name)
            return _Named()
        elif code == wire.Code.TASK:
            self._traits |= Traits.TASKS
            self._options(name, items[4] if len(items) > 4 else None)
            needed = name_run_by("call", name)
            if needed is not None:
                self._runs.add(needed)
        else:
            self._runs.add(name)
            if code in (wire.Code.SERIALIZED, wire.Code.CACHED):
                self._runs.add(str(items[2]))
        return _PART

    def _named(self, name: str, part: object) -> None:
        self._careful = True
        self._traits |= Traits.FILES if name in HOLD_FILES else 0
        if not is_own_name(name):
            self._runs.add(name)
        elif name == SECRET:
            self._runs.add("code that a Secret of yours is given to")
        elif name == QUOTED:
            if type(part) is not bytes:
                _refuse("a quoted expression has no bytes")
            outside = self._traits  # what is quoted says nothing of the record
            self.judge(memoryview(part)[DIGEST_SIZE:])
            self._traits = outside


class _Named:
    """A reference, which may be what builds an object."""

    __slots__ = ()


class _Keys:
    """A small map, of which the keys are of interest."""

    __slots__ = ("keys",)

    def __init__(self, keys: frozenset[str]) -> None:
        self.keys = keys


def _plain_stream(payload: memoryview) -> Any:
    stream: Any = Unpacker(max_buffer_size=max(payload.nbytes, 1))
    stream.feed(payload)
    return stream


def _is_long_bytes(payload: memoryview) -> bool:
    """Whether this is one byte string and nothing else."""
    head = bytes(payload[:6])
    if head[:1] == b"\xc6":
        return int.from_bytes(head[1:5], "big") == payload.nbytes - 5
    return (
        head[:1] == b"\xc9"
        and head[5] == wire.Code.BYTEARRAY
        and int.from_bytes(head[1:5], "big") == payload.nbytes - 6
    )


def _refuse(why: str) -> NoReturn:
    raise NoValue(why + _REMEDY)
