"""What differs inside two values, found in their bytes as plain data: no code runs, nothing they name is imported."""

from __future__ import annotations

import difflib
import struct
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from redux.explain.differences import ALIKE, ChangeKind, Difference, Inside
from redux.explain.plain import read_plain
from redux.explain.plain_nodes import (
    Blob,
    Elsewhere,
    Fields,
    FileNode,
    Frame,
    Items,
    Leaf,
    Members,
    Node,
    Pairs,
    Unreadable,
    Whole,
    escaped,
    kind_of,
    show,
    show_bytes,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

LIMIT = 4 << 20
"""Bytes beyond which a value is too large to be looked into, but for an array or table."""
LARGE = 64 << 20
"""The same of arrays and tables, whose elements are compared many at once."""
_SHOWN = 10
_PARTS = 500_000
"""How many parts are looked at: what has more is compared as far as that."""
_DEPTH = 60
_APART = 20
"""How many parts that are values of their own are fetched."""
_TEXT = 60
"""Characters from which a text is shown by where it differs."""
_DIFF_LINES = 8

Fetch = Callable[[bytes], "Buffer | None"]
"""Gives the bytes of a value inside another, None where they are gone or too large."""


def nothing_apart(digest: bytes) -> None:
    """For values without parts that are values of their own."""


FilesOf = Callable[[FileNode, FileNode], str]
"""Says which files of a folder or pattern changed; empty where nobody knows."""


def nothing_known(before: FileNode, now: FileNode) -> str:
    """For those who do not ask which files of a folder changed."""
    return ""


def compare_values(
    before: Buffer, now: Buffer, fetch: Fetch = nothing_apart, files_of: FilesOf = nothing_known
) -> Inside:
    """What differs inside two values, given their bytes: nothing where these are equal."""
    old, new = memoryview(before), memoryview(now)
    if old == new:
        return ALIKE
    comparing = _Comparing(fetch, files_of)
    try:
        comparing.compare("", read_plain(old), read_plain(new), 0)
    except Unreadable as error:
        comparing.unseen = str(error)
    except RecursionError:
        comparing.unseen = "they are nested too deeply to be compared"
    except ImportError as error:
        comparing.unseen = f"{error.name or 'what reads them'} is not installed here, which compares them"
    except Exception as error:  # bytes of any age and origin
        comparing.unseen = f"they cannot be compared ({type(error).__name__})"
    return comparing.found()


class _Comparing:
    """Two values being compared; the first differences are kept, the others counted."""

    def __init__(self, fetch: Fetch, files_of: FilesOf) -> None:
        self._fetch = fetch
        self._files_of = files_of
        self._kept: list[Difference] = []
        self._count = 0
        self._parts = 0
        self._fetched = 0
        self.unseen = ""

    def found(self) -> Inside:
        return Inside(tuple(self._kept), self._count - len(self._kept), self.unseen)

    # -- noting --------------------------------------------------------------------------------------

    def note(self, one: Difference) -> None:
        self._count += 1
        if len(self._kept) < _SHOWN:
            self._kept.append(one)

    def _changed(self, path: str, before: str, now: str) -> None:
        self.note(Difference(path, ChangeKind.CHANGED, before, now))

    def _say(self, path: str, note: str, diff: str = "") -> None:
        self.note(Difference(path, ChangeKind.CHANGED, note=note, diff=diff))

    def _added(self, path: str, now: Node) -> None:
        self.note(Difference(path, ChangeKind.ADDED, now=show(now)))

    def _removed(self, path: str, before: Node) -> None:
        self.note(Difference(path, ChangeKind.REMOVED, before=show(before)))

    # -- walking -------------------------------------------------------------------------------------

    def compare(self, path: str, old: Node, new: Node, depth: int) -> None:
        """Note what differs between two parts at a path."""
        self._parts += 1
        if self._parts > _PARTS:
            self.unseen = f"only the first {_PARTS:,} parts were compared"
            return
        if depth > _DEPTH:
            if not same(old, new):
                self._say(path, "differs, deeper than is looked into")
            return
        if isinstance(old, Elsewhere) or isinstance(new, Elsewhere):
            self._compare_apart(path, old, new, depth)
        elif type(old) is not type(new) or kind_of(old) != kind_of(new):
            self._compare_kinds(path, old, new)
        else:
            self._compare_alike(path, old, new, depth)

    def _compare_kinds(self, path: str, old: Node, new: Node) -> None:
        before, now = show(old), show(new)
        if isinstance(old, (Items, Pairs, Fields, Members)) and isinstance(new, (Items, Pairs, Fields, Members)):
            before, now = f"{escaped(old.kind)} {before}", f"{escaped(new.kind)} {now}"
        elif before == now:
            before, now = f"{before} ({kind_of(old)})", f"{now} ({kind_of(new)})"
        self._changed(path, before, now)

    def _compare_alike(self, path: str, old: Node, new: Node, depth: int) -> None:
        """Two parts of the same kind."""
        match old:
            case Items() if isinstance(new, Items):
                self._compare_items(path, old.items, new.items, depth)
            case Pairs() if isinstance(new, Pairs):
                self._compare_pairs(path, old.pairs, new.pairs, depth)
            case Fields() if isinstance(new, Fields):
                self._compare_fields(path, old.fields, new.fields, depth)
            case Members() if isinstance(new, Members):
                self._compare_members(path, old.members, new.members)
            case Whole() if isinstance(new, Whole):
                self._compare_wholes(path, old, new)
            case Frame() if isinstance(new, Frame):
                self._compare_frames(path, old, new, depth)
            case FileNode() if isinstance(new, FileNode):
                self._compare_files(path, old, new)
            case Blob() if isinstance(new, Blob):
                self._compare_bytes(path, old.data, new.data, f"{escaped(old.kind)}: ")
            case bytes() if isinstance(new, bytes):
                self._compare_bytes(path, old, new, "")
            case str() if isinstance(new, str):
                self._compare_texts(path, old, new)
            case Leaf() if isinstance(new, Leaf):
                self._compare_leaves(path, old, new)
            case _:
                if not same(old, new):
                    self._changed(path, show(old), show(new))

    def _compare_apart(self, path: str, old: Node, new: Node, depth: int) -> None:
        """Parts of which one at least is a value of its own."""
        if isinstance(old, Elsewhere) and isinstance(new, Elsewhere) and old.digest == new.digest:
            return
        there = [self._bring(one) if isinstance(one, Elsewhere) else one for one in (old, new)]
        if any(isinstance(one, Elsewhere) for one in there):
            self._say(path, "differs; it is too large to be looked into, or its bytes are gone")
        else:
            self.compare(path, there[0], there[1], depth + 1)

    def _bring(self, part: Elsewhere) -> Node:
        self._fetched += 1
        data = self._fetch(part.digest) if self._fetched <= _APART else None
        return part if data is None else read_plain(data)

    # -- containers ----------------------------------------------------------------------------------

    def _compare_items(self, path: str, old: list[Node], new: list[Node], depth: int) -> None:
        """Part by part; of two lengths what is equal at both ends is left out first."""
        start, end = 0, 0
        shorter = min(len(old), len(new))
        if len(old) != len(new):
            while start < shorter and (_plainly_equal(old[start], new[start]) or same(old[start], new[start])):
                start += 1
            while end < shorter - start and same(old[-1 - end], new[-1 - end]):
                end += 1
        olds, news = len(old) - end, len(new) - end
        for at in range(start, min(olds, news)):
            if _plainly_equal(old[at], new[at]):
                continue
            self.compare(f"{path}[{at}]", old[at], new[at], depth + 1)
        for at in range(min(olds, news), olds):
            self._removed(f"{path}[{at}]", old[at])
        for at in range(min(olds, news), news):
            self._added(f"{path}[{at}]", new[at])

    def _compare_pairs(self, path: str, old: list[tuple[Node, Node]], new: list[tuple[Node, Node]], depth: int) -> None:
        was, now = _by_key(old), _by_key(new)
        before = self._count
        for key, (name, part) in was.items():
            if key in now:
                self.compare(f"{path}[{_key_words(name)}]", part, now[key][1], depth + 1)
            else:
                self._removed(f"{path}[{_key_words(name)}]", part)
        for key, (name, part) in now.items():
            if key not in was:
                self._added(f"{path}[{_key_words(name)}]", part)
        if self._count == before and list(was) != list(now):
            self._say(path, "the same keys in another order")

    def _compare_fields(self, path: str, old: dict[str, Node], new: dict[str, Node], depth: int) -> None:
        for name, part in old.items():
            inside = f"{path}.{escaped(name)}" if name else path
            if name in new:
                self.compare(inside, part, new[name], depth + 1)
            else:
                self._removed(inside, part)
        for name, part in new.items():
            if name not in old:
                self._added(f"{path}.{escaped(name)}" if name else path, part)

    def _compare_members(self, path: str, old: list[Node], new: list[Node]) -> None:
        was, now = {key_of(one): one for one in old}, {key_of(one): one for one in new}
        for key, one in was.items():
            if key not in now:
                self._removed(path, one)
        for key, one in now.items():
            if key not in was:
                self._added(path, one)

    # -- what has no parts ---------------------------------------------------------------------------

    def _compare_leaves(self, path: str, old: Leaf, new: Leaf) -> None:
        if same(old, new):
            return
        before, now = show(old), show(new)
        if before != now:
            self._changed(path, before, now)
        elif old.kind == "secret":
            self._say(path, "(secret) changed")
        elif old.kind in ("reference", "task"):
            self._say(path, f"the code of {before} changed")
        else:
            self._say(path, f"differs, a {escaped(old.kind)} of which only its own code knows how")

    def _compare_files(self, path: str, old: FileNode, new: FileNode) -> None:
        if old.path != new.path:
            self._changed(path, show(old), show(new))
        elif not same_content(old.contents, new.contents):
            which = self._files_of(old, new)
            self._say(path, f"the content of {_file_words(old)} changed" + (f": {which}" if which else ""))

    def _compare_bytes(self, path: str, old: bytes, new: bytes, kind: str) -> None:
        if old == new:
            return
        if not kind and max(len(old), len(new)) <= 16:
            self._changed(path, show(old), show(new))
            return
        at = _first_difference(old, new)
        sizes = show_bytes(len(new)) if len(old) == len(new) else f"{show_bytes(len(old))} → {show_bytes(len(new))}"
        self._say(path, f"{kind}{sizes}, which differ from byte {at:,} on")

    def _compare_texts(self, path: str, old: str, new: str) -> None:
        if old == new:
            return
        if "\n" in old or "\n" in new:
            before, now = old.splitlines(), new.splitlines()
            line = _first_difference(before, now)
            self._say(path, f"differs from line {line + 1:,} on", _text_diff(before, now, line))
        elif max(len(old), len(new)) <= _TEXT:
            self._changed(path, show(old), show(new))
        else:
            at = _first_difference(old, new)
            start = max(at - 15, 0)
            before, now = (repr(text[start : start + 40]) for text in (old, new))
            self._say(path, escaped(f"from character {at:,} on: …{before}… → …{now}…"))

    # -- arrays and tables ---------------------------------------------------------------------------

    def _compare_wholes(self, path: str, old: Whole, new: Whole) -> None:
        if old.data == new.data:
            return
        if old.kind == "array":
            from redux.explain.arrays import compare_arrays  # noqa: PLC0415 - NumPy only where arrays are

            found = compare_arrays(path, old.data, new.data)
        else:
            from redux.explain.tables import compare_tables  # noqa: PLC0415 - Arrow only where tables are

            found = compare_tables(path, old.data, new.data)
        for one in found:
            self.note(one)

    def _compare_frames(self, path: str, old: Frame, new: Frame, depth: int) -> None:
        from redux.explain.frames import compare_frames  # noqa: PLC0415 - NumPy only where frames are

        before = self._count
        for one in compare_frames(path, old, new, self._bring, key_of):
            self.note(one)
        if self._count == before:
            self._compare_fields(path, old.fields, new.fields, depth)


def _file_words(node: FileNode) -> str:
    """A file, folder or pattern by its path."""
    word = "files " if node.kind.endswith("FileSet") else "folder " if node.kind.endswith("Dir") else ""
    return word + escaped(node.path)


def _key_words(key: Node) -> str:
    """A key of a dict as a path has it: texts in double quotes."""
    return f'"{show(key)[1:-1]}"' if isinstance(key, str) and '"' not in key and len(key) < 50 else show(key)


# -- sameness ----------------------------------------------------------------------------------------


_EXACT = frozenset({bool, int, str, type(None)})


def _plainly_equal(old: Node, new: Node) -> bool:
    """Whether two parts are the same, seen at once; floats, for one, are not."""
    return type(old) in _EXACT and type(old) is type(new) and old == new


def same(old: Node, new: Node) -> bool:
    """Whether two parts are the same, as values count: a float by its bits."""
    return key_of(old) == key_of(new)


def same_content(old: object, new: object) -> bool:
    """Whether what stands behind two parts is the same."""
    return _content_key(old) == _content_key(new)


def key_of(node: Node) -> object:
    """What stands for a part where parts are compared."""
    match node:
        case float():
            return "float", struct.pack(">d", node)
        case None | str() | bytes() | int():
            return type(node).__name__, node
        case Items():
            return "items", node.kind, tuple(map(key_of, node.items))
        case Members():
            return "members", node.kind, frozenset(map(key_of, node.members))
        case Pairs():
            return "pairs", node.kind, tuple((key_of(key), key_of(part)) for key, part in node.pairs)
        case Fields() | Frame():
            return "fields", node.kind, tuple((name, key_of(part)) for name, part in node.fields.items())
        case Leaf():
            return "leaf", node.kind, node.text, _content_key(node.content)
        case FileNode():
            return "file", node.kind, node.path, _content_key(node.contents)
        case Blob():
            return "blob", node.kind, node.data
        case Whole():
            return "whole", bytes(node.data)
        case Elsewhere():
            return "value", node.digest


def _content_key(content: object) -> object:
    if isinstance(content, (list, tuple)):
        return tuple(map(_content_key, content))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return key_of(content)  # pyright: ignore[reportArgumentType] - what leaves keep is made of parts


def _by_key(pairs: Iterable[tuple[Node, Node]]) -> dict[object, tuple[Node, Node]]:
    return {key_of(key): (key, part) for key, part in pairs}


def _first_difference(old: bytes | str | list[str], new: bytes | str | list[str]) -> int:
    """Where two sequences begin to differ, by halves: each step compares at the speed of memory."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _text_diff(before: list[str], now: list[str], line: int) -> str:
    """The unified diff of the lines around the first that differs."""
    start = max(line - 1, 0)
    old, new = before[start : start + 40], now[start : start + 40]
    lines = difflib.unified_diff([*map(_line, old)], [*map(_line, new)], lineterm="", n=1)
    shown = list(islice(lines, 3, 3 + _DIFF_LINES))
    return "\n".join(shown)


def _line(text: str) -> str:
    return escaped(text[:120])
