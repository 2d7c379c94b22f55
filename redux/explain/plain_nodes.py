"""The shapes that a value has as plain data, and each of them in a few words."""

from __future__ import annotations

from typing import TypeAlias

from redux_valuestore.frozen import frozen


class Unreadable(Exception):
    """A value cannot be read as plain data; the text says why. It is said where values are compared, never raised."""


@frozen
class Items:
    """Parts by position: a list, a tuple, or what else `kind` names."""

    kind: str
    items: list[Node]


@frozen
class Pairs:
    """Parts by key, in order: a dict, or what else `kind` names."""

    kind: str
    pairs: list[tuple[Node, Node]]


@frozen
class Fields:
    """Parts by name: the attributes of a `kind`. The part without a name is the content of a subclass of a builtin."""

    kind: str
    fields: dict[str, Node]


@frozen
class Members:
    """Parts without order: a set, or what else `kind` names."""

    kind: str
    members: list[Node]


@frozen
class Leaf:
    """What has no parts: shown as `text`, and equal to what has the same kind, text and `content`."""

    kind: str
    text: str
    content: object = None


@frozen
class FileNode:
    """A File, Dir or FileSet by its `path`, with the contents of its facts."""

    kind: str
    path: str
    contents: object


@frozen
class Blob:
    """Bytes whose meaning only some code knows: a pickle, or what a type's own serializer gave."""

    kind: str
    data: bytes


@frozen
class Whole:
    """An array or table, as its bytes are, with their header."""

    kind: str
    data: memoryview


@frozen
class Frame:
    """A pandas frame, series, index or array, as its serializer took it apart."""

    kind: str
    fields: dict[str, Node]


@frozen
class Elsewhere:
    """A part that is a value of its own, by its hash."""

    digest: bytes


Node: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | Items
    | Pairs
    | Fields
    | Members
    | Leaf
    | FileNode
    | Blob
    | Whole
    | Frame
    | Elsewhere
    | None
)
"""A part of a value as plain data."""


def escaped(text: str) -> str:
    """A text without what would steer a terminal: shown as Python writes it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def kind_of(node: Node) -> str:
    """What a part is, in a word."""
    if isinstance(node, (Items, Pairs, Fields, Members, Leaf, FileNode, Blob, Whole, Frame)):
        return node.kind
    if isinstance(node, Elsewhere):
        return "value"
    return "None" if node is None else type(node).__name__


def show(node: Node, room: int = 60) -> str:
    """A part in at most `room` characters."""
    text = escaped(_show(node, room, 3))
    return text if len(text) <= room else text[: room - 1] + "…"


def _show(node: Node, room: int, depth: int) -> str:
    match node:
        case str() | bytes():
            return repr(node if len(node) <= room else node[:room])
        case int():
            return repr(node) if node.bit_length() < 4 * room else f"<int of {node.bit_length()} bits>"
        case None | float():
            return repr(node)
        case Leaf():
            return f"{node.kind}({node.text})" if node.kind in _CALLED else node.text
        case FileNode():
            return f"{node.kind}({node.path!r})"
        case Blob():
            return f"<{node.kind} of {show_bytes(len(node.data))}>"
        case Whole() | Frame():
            return f"<{node.kind}>"
        case Elsewhere():
            return f"<value {node.digest.hex()[:8]}>"
        case _:
            return _show_container(node, room, depth)


_CALLED = frozenset({"Decimal", "Fraction", "UUID"})


def _show_container(node: Items | Pairs | Fields | Members, room: int, depth: int) -> str:
    match node:
        case Items():
            left, right = _BRACKETS.get(node.kind, (f"{_last(node.kind)}(", ")"))
            parts = [(None, part) for part in node.items[:room]]
            size = len(node.items)
        case Members():
            left, right = _BRACKETS.get(node.kind, (f"{_last(node.kind)}({{", "})"))
            parts = [(None, part) for part in node.members[:room]]
            size = len(node.members)
        case Pairs():
            left, right = ("{", "}") if node.kind == "dict" else (f"{_last(node.kind)}({{", "})")
            parts = [(f"{_show(key, 30, 1)}: ", part) for key, part in node.pairs[:room]]
            size = len(node.pairs)
        case Fields():
            left, right = f"{_last(node.kind)}(", ")"
            parts = [(f"{name}=" if name else None, part) for name, part in node.fields.items()]
            size = len(node.fields)
    if not depth:
        return f"{left}…{right}" if size else left + right
    shown: list[str] = []
    for name, part in parts:
        if room <= 0:
            break
        text = (name or "") + _show(part, room, depth - 1)
        shown.append(text)
        room -= len(text) + 2
    if len(shown) < size:
        shown.append("…")
    elif node.kind == "tuple" and size == 1:
        right = ",)"
    return left + ", ".join(shown) + right


_BRACKETS = {"list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}"), "frozenset": ("frozenset({", "})")}


def _last(kind: str) -> str:
    return kind.rpartition(".")[2]


def show_bytes(count: int) -> str:
    """A number of bytes in words."""
    return "1 byte" if count == 1 else f"{count:,} bytes"
