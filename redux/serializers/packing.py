"""Packing a value: msgpack's C packer walks it and asks `Packing` about each object it does not know."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from msgpack import ExtType, Packer, Timestamp  # pyright: ignore[reportMissingTypeStubs]

from redux.serializers import wire
from redux.serializers.encoded import SPLIT_SIZE, Encoded, Holding, Lazy, type_name_of
from redux.serializers.names import written_name
from redux.serializers.registry import registry
from redux.serializers.trouble import DEPTH_LIMIT, CannotEncode
from redux_backends.records import FileFact, HandleVersion, TaskFact, Traits
from redux_valuestore.digest import Digest, digest_bytes, digest_chunks

ATOMS = frozenset({type(None), bool, int, float, str})
_LOOKED_AT = frozenset({list, dict, bytes, bytearray, memoryview, ExtType, Timestamp})
"""Types that the C packer takes natively, but in a way or of a size that we must look at first."""

_EXPRESSIONS, _FILES, _SUBVALUES = int(Traits.EXPRESSIONS), int(Traits.FILES), int(Traits.SUBVALUES)
_TRUST, _TASKS, _HOOKS = int(Traits.TRUST), int(Traits.TASKS), int(Traits.HOOKS)
_HANDLES = int(Traits.HANDLES)

Plan = Callable[[Any, "Packing"], object]
"""How an object of one type goes on: as an ExtType, or as a list that begins with a mark."""

TooDeep = type("TooDeep", (Exception,), {"__doc__": "The value is nested too deeply, or contains itself."})


class Wrapped:
    """Stands for an object that the C packer would take for something else."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def new_packer(default: Callable[[Any], object] | None) -> Callable[[object], bytes]:
    """A packer's `pack`: exact types only, so that a subclass is never taken for its base; lone surrogates pass."""
    packer: Any = Packer(default=default, use_bin_type=True, strict_types=True, unicode_errors="surrogatepass")
    return packer.pack


PACK_ATOM = new_packer(None)
"""Packs what holds no object but atoms, from any thread: it never calls back, so it is never interrupted."""


class Packing:
    """One value on its way to bytes, and what it was found to hold.

    `fallback` is the plan for what no other plan can take, and for the objects whose ids are in `opaque`.
    """

    def __init__(
        self, plan_of: Callable[[Any], Plan], fallback: Plan | None = None, opaque: frozenset[int] = frozenset()
    ) -> None:
        self.plan_of = plan_of
        self.fallback = fallback
        self.opaque = opaque
        self._kinds: set[type] = set()
        self._own: set[tuple[str, bytes]] = set()
        self._traits = 0  # a plain number: operations on flags cost more than packing does
        self.files: dict[FileFact, None] = {}
        self.tasks: dict[TaskFact, None] = {}
        self.handles: dict[HandleVersion, None] = {}
        self.subvalues: dict[Digest, Encoded] = {}
        self.secrets: dict[int, object] = {}
        self._labels: dict[int, int] = {}
        self._lazies: list[Lazy] = []
        self._referred: list[int] = []

    # -- the whole ---------------------------------------------------------------------------------

    def encode(self, value: object) -> Encoded:
        """The encoding of a value. Raises CannotEncode, TooDeep."""
        payload = self.pack(value)
        if self._lazies:
            header, payload = self._pack_nodes(payload)
        else:
            header = wire.REDUCED if self._traits & _TRUST else wire.MSGPACK
        return self.finish(value, (header, payload))

    def finish(self, value: object, chunks: tuple[bytes, ...]) -> Encoded:
        """The encoding made of these chunks, with all that was noted."""
        own = self._own_code()
        if own:
            chunks = (wire.own_header(frozenset(own)), *chunks)
        size = sum(map(len, chunks))
        if size < SPLIT_SIZE:
            chunks = (b"".join(chunks),)
        return Encoded(
            digest_bytes(chunks[0]) if len(chunks) == 1 else digest_chunks(chunks),
            chunks,
            size,
            type_name_of(value),
            Traits(self._traits) if self._traits else Traits.PLAIN,
            tuple(self.files),
            tuple(self.tasks),
            tuple(self.subvalues.values()),
            tuple(self.handles),
            tuple(self.secrets.values()),
        )

    def pack(self, value: object) -> bytes:
        """The payload of a value, noting what it holds. Raises CannotEncode, TooDeep."""
        try:
            # A packer for each: kept, it and we would hold each other until the garbage collector came.
            return new_packer(self._open)(self._shield(value, 0))
        except ValueError as error:
            if "recursion" in str(error):
                raise TooDeep from None
            raise CannotEncode(value, f"is too large to encode ({error})", "split it into parts") from error
        except RecursionError:
            raise TooDeep from None

    # -- asked by the packer -----------------------------------------------------------------------

    def _open(self, value: object) -> object:
        if type(value) is tuple:
            return self.tagged(wire.TUPLE, value)
        self._kinds.add(type(value))
        if self.fallback is None:
            return self.plan_of(value)(value, self)
        if id(value) in self.opaque:
            return self.fallback(value, self)
        try:
            return self.plan_of(value)(value, self)
        except CannotEncode as refused:
            if refused.culprit is not value:
                raise
            return self.fallback(value, self)

    def tagged(self, mark: ExtType, parts: tuple[object, ...] | list[object]) -> list[object]:
        """A tagged list of parts that go on being packed."""
        if set(map(type, parts)).isdisjoint(_LOOKED_AT):
            return [mark, *parts]
        return [mark, *(self._shield(part, 0) for part in parts)]

    def _shield(self, value: Any, depth: int) -> object:
        """The value with what the C packer would mistake wrapped, as it is where there is nothing to wrap."""
        kind = type(value)
        if kind is list:
            if depth > DEPTH_LIMIT:
                raise TooDeep
            if set(map(type, value)).isdisjoint(_LOOKED_AT):
                return value
            return self._shield_each(value, depth)
        if kind is dict:
            if depth > DEPTH_LIMIT:
                raise TooDeep
            if set(map(type, value.values())).isdisjoint(_LOOKED_AT) and set(map(type, value)).isdisjoint(_LOOKED_AT):
                return value
            return dict(
                zip(self._shield_each(list(value), depth), self._shield_each(list(value.values()), depth), strict=True)
            )
        if kind is bytes:
            return value if len(value) < SPLIT_SIZE else Wrapped(value)
        return Wrapped(value) if kind in _LOOKED_AT else value

    def _shield_each(self, values: list[object], depth: int) -> list[object]:
        return [self._shield(value, depth + 1) if type(value) in _LOOKED_AT else value for value in values]

    # -- what plans note ---------------------------------------------------------------------------

    def split_off(self, encoded: Encoded) -> ExtType:
        """A reference to a value of its own, which is noted with all that it holds."""
        self._traits |= _SUBVALUES
        self.subvalues.setdefault(encoded.hash, encoded)
        self.absorb(int(encoded.traits), encoded.files, encoded.tasks, encoded.handles)
        for secret in encoded.secrets:
            self.hold_secret(secret)
        return ExtType(wire.Code.SUBVALUE, encoded.hash)

    def hold(self, holding: Holding) -> object:
        """Note what a serializer's value stands for; gives its part."""
        if holding.files:
            self.absorb(_FILES, holding.files, ())
        return holding.part

    def hold_task(self, fact: TaskFact) -> None:
        """Note a task inside the value."""
        self.absorb(_TASKS, (), (fact,))

    def hold_handle(self, version: HandleVersion | None) -> None:
        """Note a handle inside the value; None: one that no call has touched yet."""
        self.absorb(_HANDLES, (), (), () if version is None else (version,))

    def hold_secret(self, secret: object) -> None:
        """Note a secret inside the value, whose content is not among the bytes."""
        self.secrets[id(secret)] = secret

    def need_trust(self) -> None:
        """Note that decoding runs code named by the bytes."""
        self._traits |= _TRUST

    def ask(self) -> None:
        """Note that a run has to build the value before it can say whether it is valid, or what a task is given."""
        self._traits |= _HOOKS

    def note_code(self, thing: type | FunctionType) -> None:
        """Note a class or function of which the payload has only the name."""
        hasher = registry.code
        if hasher is not None:
            code = hasher.class_hash(thing) if isinstance(thing, type) else hasher.code_hash(thing)
            if code is not None:
                self._own.add((written_name(thing), code))

    def _own_code(self) -> set[tuple[str, bytes]]:
        """The classes of the user's own that were met, by name and digest of their code."""
        if registry.code is not None:
            for kind in self._kinds:
                self.note_code(kind)
        return self._own

    def absorb(
        self, traits: int, files: tuple[FileFact, ...], tasks: tuple[TaskFact, ...],
        handles: tuple[HandleVersion, ...] = (),
    ) -> None:  # fmt: skip
        """Note what a value holds that is encoded elsewhere."""
        self._traits |= traits
        self.files.update(dict.fromkeys(files))
        self.tasks.update(dict.fromkeys(tasks))
        self.handles.update(dict.fromkeys(handles))

    def pack_set(self, elements: set[object] | frozenset[object]) -> bytes:
        """The elements' payloads one after another, sorted by their bytes."""
        if ATOMS.issuperset(map(type, elements)):
            try:
                return b"".join(sorted(map(PACK_ATOM, elements)))
            except OverflowError:
                pass  # an integer beyond 64 bits
        alone = [(*self._pack_alone(element), element) for element in elements]
        alone.sort(key=lambda entry: entry[0])
        return b"".join(self.pack(element) if whole is None else whole for _, whole, element in alone)

    def encode_apart(self, value: object) -> Encoded:
        """The encoding of another value, by the same plans. Raises CannotEncode, TooDeep."""
        return Packing(self.plan_of, self.fallback, self.opaque).encode(value)

    def _pack_alone(self, value: object) -> tuple[bytes, bytes | None]:
        """Bytes to order by that nothing outside can influence; and the payload, unless it refers to lazy nodes."""
        alone = Packing(self.plan_of, self.fallback, self.opaque)
        payload = alone.pack(value)
        self._kinds |= alone._kinds
        self._own |= alone._own
        if alone._lazies:
            return alone._pack_nodes(payload)[1], None
        self.absorb(alone._traits, tuple(alone.files), tuple(alone.tasks), tuple(alone.handles))
        self.subvalues.update(alone.subvalues)
        self.secrets.update(alone.secrets)
        return payload, payload

    # -- lazy nodes --------------------------------------------------------------------------------

    def label(self, lazy: Lazy) -> ExtType:
        """A reference to a lazy node, by the order in which the nodes were met."""
        label = self._labels.get(id(lazy))
        if label is None:
            label = self._labels[id(lazy)] = len(self._lazies)
            self._lazies.append(lazy)
        self._referred.append(label)
        return ExtType(wire.Code.LAZY, label.to_bytes(4, "big"))

    def _pack_nodes(self, root: bytes) -> tuple[bytes, bytes]:
        """Every lazy node after those it refers to, then the root. Neither depth nor sharing costs stack or time."""
        self._traits |= _EXPRESSIONS
        roots, self._referred = self._referred, []
        nodes: list[bytes] = []
        refers: list[list[int]] = []
        for label, lazy in enumerate(self._lazies):  # it grows while it is gone through
            kind, parts = lazy.to_node()
            nodes.append(_pack_flat(label, kind, parts) or self.pack([label, kind, parts]))
            refers.append(self._referred)
            self._referred = []
        ordered = [nodes[label] for label in _children_first(roots, refers)]
        header = wire.LAZY_REDUCED if self._traits & _TRUST else wire.LAZY
        return header, b"".join([PACK_ATOM(len(nodes)), *ordered, root])


def _pack_flat(label: int, kind: str, parts: tuple[object, ...]) -> bytes | None:
    """A node as `pack` would give it, for the many that hold nothing but atoms; None for the others."""
    flat: list[object] = [wire.TUPLE]
    for part in parts:
        if type(part) in ATOMS or (type(part) is dict and not part):
            flat.append(part)
        elif type(part) is tuple and ATOMS.issuperset(map(type, part)):
            flat.append([wire.TUPLE, *part])
        else:
            return None
    try:
        return PACK_ATOM([label, kind, flat])
    except OverflowError:  # an integer beyond 64 bits
        return None


def _children_first(roots: list[int], refers: list[list[int]]) -> list[int]:
    ordered: list[int] = []
    done = [False] * len(refers)
    entered = [False] * len(refers)
    stack = roots[::-1]
    while stack:
        label = stack[-1]
        if entered[label]:
            stack.pop()
            if not done[label]:
                done[label] = True
                ordered.append(label)
            continue
        entered[label] = True
        stack += [child for child in reversed(refers[label]) if not entered[child]]
    return ordered
