"""A value in bytes, with what it holds; and what an expression must offer to be encoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from redux_backends.records import FileFact, HandleVersion, TaskFact, Traits
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen

SPLIT_SIZE = 64 * 1024
"""Bytes from which arrays, tables and byte strings inside a value become values of their own."""


@frozen
class Encoded:
    """A value as bytes: `chunks` one after another, of which `hash` is the digest and `size` the length in bytes.

    `type_name` is for people. `traits` say what it holds, and `files`, `tasks`, `subvalues`, `handles` and `secrets`
    (each a `Secret`, whose content is not among the bytes) list it.
    Chunks may be views of the value's own memory: the value must not change before they are written.
    """

    hash: Digest
    chunks: tuple[bytes | memoryview, ...]
    size: int
    type_name: str
    traits: Traits = Traits.PLAIN
    files: tuple[FileFact, ...] = ()
    tasks: tuple[TaskFact, ...] = ()
    subvalues: tuple[Encoded, ...] = ()
    handles: tuple[HandleVersion, ...] = ()
    secrets: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a serializer's `encode` may give instead of a part: the part, and the files that the value stands for."""

    part: object
    files: tuple[FileFact, ...] = ()


@dataclass(frozen=True, slots=True)
class ArgumentOf:
    """Which argument of which call a part of a lazy value is."""

    name: str
    task: str


class Lazy:
    """A value that is not there yet. No ABC: every argument and result is asked whether it is one."""

    __slots__ = ()

    def to_node(self) -> tuple[str, tuple[object, ...]]:
        """The kind it was registered under with `register_lazy`, and the parts it is built from again.

        Raises NotImplementedError where a class does not say.
        """
        raise NotImplementedError

    def labelled_parts(self) -> Iterable[tuple[str | ArgumentOf, object]]:
        """Its parts, each with what an error calls it."""
        kind, parts = self.to_node()
        return [(f" (in the {kind}, part {index})", part) for index, part in enumerate(parts)]


_type_names: dict[type, str] = {}


def type_name_of(value: object) -> str:
    """The name of a value's type, as in `int` or `pandas.DataFrame`."""
    kind = type(value)
    name = _type_names.get(kind)
    if name is None:
        module = kind.__module__
        name = _type_names[kind] = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    return name
