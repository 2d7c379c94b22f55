"""What a pickle says, read without doing it: names stay names, calls stay calls, and nothing is imported or made."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

MOST_BYTES = 256 * 1024
"""Larger pickles are not read: what people are shown is one line."""
_MOST_STEPS = 50_000


class NotRead(Exception):
    """A pickle is too large or damaged, or says what is not known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function that a pickle names."""

    module: str
    name: str

    @property
    def full(self) -> str:
        """Module and name, as in `flow.Store`."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Pairs:
    """A dict: its keys and values."""

    items: list[tuple[object, object]] = field(default_factory=list[tuple[object, object]])

    def get(self, key: str) -> object:
        """The value under a text, None where there is none."""
        return next((value for name, value in self.items if type(name) is str and name == key), None)


@dataclass(slots=True, eq=False)
class Made:
    """What calling `of` with `arguments` would make, had it been called; then it would be given `state`."""

    of: object
    arguments: object
    state: object = None
    parts: list[object] = field(default_factory=list[object])
    """what would be put into it, if it is a list or set"""

    @property
    def full(self) -> str:
        """The full name of what makes it."""
        return self.of.full if isinstance(self.of, Global) else "?"

    def get(self, name: str) -> object:
        """An attribute of its state, None where there is none."""
        state = self.state
        for part in state if isinstance(state, tuple) else (state,):
            found = part.get(name) if isinstance(part, Pairs) else None
            if found is not None:
                return found
        return None


_MARK = object()


def read_pickle(data: bytes) -> object:
    """What a pickle would be: numbers, texts, bytes, None, lists, tuples, sets, `Pairs`, `Global` and `Made`.

    Raises NotRead.
    """
    if len(data) > MOST_BYTES:
        raise NotRead
    reading = _Reading()
    try:
        for step, (code, argument, _) in enumerate(pickletools.genops(data)):
            if step > _MOST_STEPS:
                raise NotRead
            if code.name == "STOP":
                return reading.stack[-1]
            reading.do(code.name, argument)
    except NotRead:
        raise
    except Exception as error:  # any bytes may come, in any order
        raise NotRead from error
    raise NotRead


class _Reading:
    """The stack and the memory of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memory: dict[int, object] = {}

    def do(self, code: str, argument: Any) -> None:
        if code in _CONSTANTS:
            self.stack.append(argument)
            return
        if code in _FIXED:
            self.stack.append(_FIXED[code]())
            return
        step = _STEPS.get(code)
        if step is None:
            raise NotRead
        step(self, argument)

    # -- stack and memory ----------------------------------------------------------------------------

    def _since_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise NotRead
        parts = self.stack[at + 1 :]
        del self.stack[at:]
        return parts

    def put(self, at: Any) -> None:
        self._memory[len(self._memory) if at is None else at] = self.stack[-1]

    def get(self, at: Any) -> None:
        self.stack.append(self._memory[at])

    def pop(self, argument: Any) -> None:
        self.stack.pop()

    def pop_mark(self, argument: Any) -> None:
        self._since_mark()

    def dup(self, argument: Any) -> None:
        self.stack.append(self.stack[-1])

    def skip(self, argument: Any) -> None:
        """Says how the bytes are laid out, and nothing about the value."""

    # -- containers ----------------------------------------------------------------------------------

    def tuple_of(self, count: int) -> None:
        parts = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(parts)

    def tuple_marked(self, argument: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def list_marked(self, argument: Any) -> None:
        self.stack.append(self._since_mark())

    def dict_marked(self, argument: Any) -> None:
        parts = self._since_mark()
        self.stack.append(Pairs(list(zip(parts[::2], parts[1::2], strict=True))))

    def frozenset_marked(self, argument: Any) -> None:
        self.stack.append(Made(Global("builtins", "frozenset"), (self._since_mark(),)))

    def append(self, argument: Any) -> None:
        self._extend([self.stack.pop()])

    def appends(self, argument: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, parts: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            cast("list[object]", target).extend(parts)
        else:
            target.parts.extend(parts)

    def set_item(self, argument: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def set_items(self, argument: Any) -> None:
        self._update(self._since_mark())

    def _update(self, parts: list[Any]) -> None:
        target = self.stack[-1]
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        if isinstance(target, Pairs):
            target.items.extend(pairs)
        else:
            target.parts.append(Pairs(pairs))

    # -- names and calls -----------------------------------------------------------------------------

    def name(self, argument: Any) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(_global(module, name))

    def name_on_stack(self, argument: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_global(module, name))

    def call(self, argument: Any) -> None:
        arguments, of = self.stack.pop(), self.stack.pop()
        self.stack.append(Made(of, arguments))

    def new_with_names(self, argument: Any) -> None:
        named, arguments, of = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.stack.append(Made(of, arguments, named))

    def make(self, argument: Any) -> None:
        parts = self._since_mark()
        if argument is None:
            self.stack.append(Made(parts[0], tuple(parts[1:])))
        else:
            module, _, name = argument.partition(" ")
            self.stack.append(Made(_global(module, name), tuple(parts)))

    def build(self, argument: Any) -> None:
        state = self.stack.pop()
        self.stack[-1].state = state


_OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"}


def _global(module: str, name: str) -> Global:
    return Global(_OLD_NAMES.get(module, module), name)


_CONSTANTS = frozenset(
    {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
        "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
        "BINBYTES8", "BYTEARRAY8",
    }
)  # fmt: skip
_FIXED: dict[str, Callable[[], object]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": Pairs, "EMPTY_SET": lambda: Made(Global("builtins", "set"), ()), "MARK": lambda: _MARK,
}  # fmt: skip
_STEPS: dict[str, Callable[[_Reading, Any], None]] = {
    "PROTO": _Reading.skip, "FRAME": _Reading.skip, "PUT": _Reading.put, "BINPUT": _Reading.put,
    "LONG_BINPUT": _Reading.put, "MEMOIZE": _Reading.put, "GET": _Reading.get, "BINGET": _Reading.get,
    "LONG_BINGET": _Reading.get, "POP": _Reading.pop, "POP_MARK": _Reading.pop_mark, "DUP": _Reading.dup,
    "TUPLE": _Reading.tuple_marked, "TUPLE1": lambda reading, _: reading.tuple_of(1),
    "TUPLE2": lambda reading, _: reading.tuple_of(2), "TUPLE3": lambda reading, _: reading.tuple_of(3),
    "LIST": _Reading.list_marked, "DICT": _Reading.dict_marked, "FROZENSET": _Reading.frozenset_marked,
    "APPEND": _Reading.append, "APPENDS": _Reading.appends, "ADDITEMS": _Reading.appends,
    "SETITEM": _Reading.set_item, "SETITEMS": _Reading.set_items, "GLOBAL": _Reading.name,
    "STACK_GLOBAL": _Reading.name_on_stack, "REDUCE": _Reading.call, "NEWOBJ": _Reading.call,
    "NEWOBJ_EX": _Reading.new_with_names, "INST": _Reading.make, "OBJ": _Reading.make, "BUILD": _Reading.build,
}  # fmt: skip
