"""What cannot be encoded or decoded, and where inside the value it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from redux.serializers.encoded import ArgumentOf, Lazy, type_name_of
from redux_valuestore.errors import ReduxError

_LEAVES = (type(None), bool, int, float, complex, str, bytes, bytearray, type)
_ARGUMENT = "argument "
_SEARCH_LIMIT = 200_000
DEPTH_LIMIT = 500

_Label = str | ArgumentOf
"""How one gets from a value to a part of it."""

HINT = (
    "pass what it was made from instead, or register an encoder: "
    "redux.register_serializer({kind}, name, encode, decode)"
)


class CannotEncode(ReduxError, TypeError):
    """Something inside a value has no encoding: `path` says where, `kind` is its type's name.

    `culprit` is the thing itself (None in another process), `why` what is wrong with it, `hint` what to do.
    """

    def __init__(self, culprit: object, why: str, hint: str = HINT, path: str = "") -> None:
        self.culprit, self.why, self.hint, self.path = culprit, why, hint, path
        self.kind = type_name_of(culprit)
        where = path if path.startswith(_ARGUMENT) else f"value{path}" if path else "the value"
        super().__init__(
            f"{where} cannot be encoded: {self.kind} {why}; {hint.format(kind=type(culprit).__qualname__)}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.kind, str(self), self.path)


def _again(kind: str, message: str, path: str) -> CannotEncode:
    """The error in another process, where the culprit itself is not."""
    error = CannotEncode.__new__(CannotEncode, message)
    error.culprit, error.why, error.hint = None, message, ""
    error.kind, error.path = kind, path
    return error


class CannotDecode(ReduxError, ValueError):
    """Bytes could not be made a value again: they are not ours, or need code that is not here or has changed."""


def expect(part: object, *kinds: type) -> Any:
    """A part of a value, which has exactly one of these types. Raises CannotDecode.

    A `range` in the place of a list would be a few bytes that become any number of elements.
    """
    if type(part) in kinds:
        return part
    wanted = " or ".join(kind.__name__ for kind in kinds)
    raise CannotDecode(
        f"a {type(part).__name__} stands where a {wanted} belongs; the call that made it has to run again"
    )


def locate(root: object, error: CannotEncode) -> CannotEncode:
    """The same error with the path of its culprit inside `root`, as far as it can be found."""
    path = _find(root, error.culprit)
    return CannotEncode(error.culprit, error.why, error.hint, path or "")


def too_deep(root: object) -> CannotEncode:
    """The error for a value nested deeper than `DEPTH_LIMIT`, or one that contains itself."""
    found = _find_cycle(root)
    if found is not None:
        path, loop = found
        hint = "break the cycle, write it to a File and return that, or allow pickle for it ([values] pickle)"
        return CannotEncode(loop[0], "contains itself", hint, path)
    return CannotEncode(root, f"is nested deeper than {DEPTH_LIMIT} levels", "flatten it, or split it into parts")


def pickle_candidate(root: object) -> object:
    """The first object of a class of somebody's own on a cycle inside the root; None where there is none."""
    found = _find_cycle(root)
    if found is None:
        return None
    return next((part for part in found[1] if type(part).__module__ != "builtins"), None)


def _find(root: object, culprit: object) -> str | None:
    """The path to an object, by identity, breadth first: the shortest one is the clearest."""
    seen = {id(root)}
    level: list[tuple[tuple[_Label, ...], object]] = [((), root)]
    while level and len(seen) < _SEARCH_LIMIT:
        deeper: list[tuple[tuple[_Label, ...], object]] = []
        for path, value in level:
            if value is culprit:
                return _in_words(path)
            for label, child in _children(value):
                if id(child) not in seen and (child is culprit or not isinstance(child, _LEAVES)):
                    seen.add(id(child))
                    deeper.append(((*path, label), child))
        level = deeper
    return None


def hidden_lazy(root: object) -> tuple[Lazy, object] | None:
    """An expression inside a value, however deep, and the object that holds it; None where none is found."""
    seen = {id(root)}
    waiting = deque([root])
    while waiting and len(seen) < _SEARCH_LIMIT:
        holder = waiting.popleft()
        for _, child in _children(holder):
            if isinstance(child, Lazy):
                return child, holder
            if id(child) not in seen and not isinstance(child, _LEAVES):
                seen.add(id(child))
                waiting.append(child)
    return None


def _find_cycle(root: object) -> tuple[str, list[object]] | None:
    """The path that leads back to an object, and the objects on the way from it to itself."""
    path: list[_Label] = []
    above = [root]
    stack = [_children(root)]
    seen = {id(root)}
    on_path = {id(root)}
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            on_path.discard(id(above.pop()))
            if path:
                path.pop()
            continue
        label, child = step
        if id(child) in on_path:
            start = next(index for index, part in enumerate(above) if part is child)
            return _in_words([*path, label]), above[start:]
        if id(child) in seen or isinstance(child, _LEAVES) or len(seen) > _SEARCH_LIMIT:
            continue
        seen.add(id(child))
        on_path.add(id(child))
        above.append(child)
        path.append(label)
        stack.append(_children(child))
    return None


def _in_words(path: Sequence[_Label]) -> str:
    """A path as a person says it: from the innermost call's argument on, where there is one."""
    calls = [index for index, label in enumerate(path) if isinstance(label, ArgumentOf)]
    rest = "".join(label for label in path[calls[-1] + 1 if calls else 0 :] if isinstance(label, str))
    if not calls:
        return rest
    argument = path[calls[-1]]
    assert isinstance(argument, ArgumentOf)
    return f"{_ARGUMENT}{argument.name}{rest} of {argument.task}"


def _children(value: Any) -> Iterator[tuple[_Label, object]]:
    if isinstance(value, _LEAVES):
        return
    if isinstance(value, Lazy):
        yield from value.labelled_parts()
    elif isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            yield f"[{_short(key)}]", part
            yield f" (key {_short(key)})", key
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from ((f".{name}", getattr(value, name, None)) for name in cast(Any, value)._fields)
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{index}]", part) for index, part in enumerate(cast("list[object]", value)))
    elif isinstance(value, (set, frozenset)):
        yield from ((" (an element)", part) for part in cast("set[object]", value))
    elif isinstance(value, BaseException):
        yield from ((f".args[{index}]", part) for index, part in enumerate(value.args))
        yield from ((f".{name}", part) for name, part in vars(value).items())
    elif is_dataclass(value):
        yield from ((f".{field.name}", getattr(value, field.name, None)) for field in fields(value))
    else:
        yield from _attributes(value)


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    for name, part in getattr(value, "__dict__", {}).items():
        yield f".{name}", part
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)
    if type(value).__module__ != "builtins":
        yield from _reduced(value)


def _reduced(value: object) -> Iterator[tuple[str, object]]:
    try:
        reduced: Any = value.__reduce_ex__(4)
    except Exception:
        return  # it says nothing about its parts, and its own error is told elsewhere
    if isinstance(reduced, tuple):
        yield from (("", part) for part in cast("tuple[object, ...]", reduced[1:2]))


def _short(key: object) -> str:
    text = repr(key) if isinstance(key, (int, float, str, bytes, bool, type(None), tuple)) else f"<{type_name_of(key)}>"
    return text if len(text) <= 60 else text[:59] + "…"
