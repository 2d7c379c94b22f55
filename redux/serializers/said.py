"""What a content says: the texts by which a secret is known elsewhere, and the names in it that look secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any, cast

from redux.secret_names import lists_neighbours, looks_secret
from redux.serializers.encoded import Lazy
from redux.serializers.preview import stored_in

_SHORTEST_PART = 8
"""Characters from which on a part of a larger content is one: shorter ones are common words, if no name says else."""
_LONGEST_NUMBER = 10**40
_TOLD_BY_STR = ("pathlib", "pathlib._local", "uuid")
_PARTS = 10_000
"""How many parts of a content are looked at."""
_NAMED_PARTS = 1_000
"""The same for an argument, of which there are many."""
_ATOMS = frozenset({int, float, bool, complex, type(None), str, bytes, bytearray})
_UNNAMED = frozenset({list, tuple, set, frozenset})


def said_by(content: object) -> Iterator[str | bytes]:
    """The texts and bytes that say what a secret is."""
    if _is_atom(content):
        yield from _of_atom(content)
        return
    seen = {id(content)}
    pending = list(_parts_of(content))
    while pending and len(seen) < _PARTS:
        name, part = pending.pop()
        if _is_atom(part):
            named = isinstance(name, str) and looks_secret(name)
            yield from (one for one in _of_atom(part) if named or len(one) >= _SHORTEST_PART)
        elif id(part) not in seen:
            seen.add(id(part))
            # What is named by its owner is so, too, in a list of several.
            pending += [(name if key is None else key, inner) for key, inner in _parts_of(part)]


def _is_atom(content: object) -> bool:
    return isinstance(content, (str, bytes, bytearray, int)) or type(content).__module__ in _TOLD_BY_STR


def _of_atom(content: object) -> Iterator[str | bytes]:
    if isinstance(content, (bytes, bytearray)):
        yield bytes(content)
    elif isinstance(content, str):
        yield str.__str__(content)
    elif not isinstance(content, int):
        yield str(content)
    elif not isinstance(content, bool) and 10**5 <= abs(content) < _LONGEST_NUMBER:
        yield str(int(content))


def _parts_of(content: object) -> Iterable[tuple[object, object]]:
    """What a content holds, by its names where it has some: items, fields, attributes."""
    kind = type(content)
    if isinstance(content, dict):
        return cast("dict[object, object]", content).items()
    if isinstance(content, tuple) and hasattr(kind, "_fields"):
        return zip(cast(Any, kind)._fields, cast("tuple[object, ...]", content), strict=False)
    if isinstance(content, (list, tuple, set, frozenset)):
        return ((None, part) for part in cast("list[object]", content))
    if (
        isinstance(content, (type, FunctionType, ModuleType, Enum, Lazy))
        or kind.__module__.partition(".")[0] == "redux"
    ):
        return ()
    return stored_in(content).items()


def secret_name_in(content: object, name: str | None = None) -> str | None:
    """The name that looks secret under which something has a text; None where its first thousand parts have none.

    `name` is that of the content itself, where it looks secret: texts in a list are under it too.
    """
    pending = [(name, content)]
    seen: set[int] = set()
    while pending and len(seen) < _NAMED_PARTS:
        above, one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for key, part in _named_parts(one, above):
            under = key if isinstance(key, str) and looks_secret(key) and not lists_neighbours(part, one) else None
            if under is not None and type(part) in (str, bytes) and part:
                return under
            if type(part) not in _ATOMS:
                pending.append((under, part))
    return None


def _named_parts(content: object, name: str | None) -> Iterable[tuple[object, object]]:
    """The first parts of a content with their names, those of a list with the list's."""
    if type(content) not in _UNNAMED:
        return islice(_parts_of(content), _NAMED_PARTS)
    parts = islice(cast("list[object]", content), _NAMED_PARTS)
    return ((name, part) for part in parts if name is not None or type(part) not in _ATOMS)
