"""One line that shows what a pickle says, and the traceback of an error in one; nothing in it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar, cast

from redux.redun.pickles import Global, Made, NotRead, Pairs, read_pickle
from redux.value import preview

T = TypeVar("T")

_DEPTH = 4
_PARTS = 20
_ATTRIBUTES = 4
_LIMIT = 120
_FRAMES = 100
_NUMBERS = (bool, int, float, type(None))


def show_pickle(data: bytes, type_name: str, size: int) -> str:
    """A pickled value in a line: plain data as it stands, else its type and what can be told of it."""
    try:
        text = _show(read_pickle(data), _DEPTH, _LIMIT)
    except NotRead:
        text = ""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    if not text:
        return f"<{type_name}, {size:,} bytes>"
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"


def _show(part: object, depth: int, room: int) -> str:
    if part is None or isinstance(part, (bool, int, float, str, bytes, bytearray)):
        return preview(part, max(room, 8))
    if isinstance(part, list):
        return _series("[", cast("list[object]", part), "]", depth, room)
    if isinstance(part, tuple):
        parts = cast("tuple[object, ...]", part)
        return _series("(", parts, ",)" if len(parts) == 1 else ")", depth, room)
    if isinstance(part, Pairs):
        return _dict(part, depth, room)
    if isinstance(part, Global):
        return f"<{part.full}>"
    return _made(part, depth, room) if isinstance(part, Made) else "…"


def _series(left: str, parts: Sequence[object], right: str, depth: int, room: int) -> str:
    return left + _listed(parts, lambda one, room: _show(one, depth - 1, room), depth, room) + right


def _dict(pairs: Pairs, depth: int, room: int) -> str:
    def item(one: tuple[object, object], room: int) -> str:
        return f"{_show(one[0], depth - 1, room)}: {_show(one[1], depth - 1, room)}"

    return "{" + _listed(pairs.items, item, depth, room) + "}"


def _listed(parts: Sequence[T], show: Callable[[T, int], str], depth: int, room: int) -> str:
    if parts and depth <= 0:
        return "…"
    shown: list[str] = []
    for part in islice(parts, _PARTS):
        if room <= 0:
            break
        shown.append(show(part, room))
        room -= len(shown[-1]) + 2
    return ", ".join([*shown, "…"] if len(shown) < len(parts) else shown)


# -- what would be made by calls ---------------------------------------------------------------------


def _made(made: Made, depth: int, room: int) -> str:
    if depth < 0:  # what a pickle says may hold itself
        return "…"
    full, name = made.full, made.full.rpartition(".")[2]
    special = _SPECIAL.get(full) or _SPECIAL.get(full.rpartition(".")[0])
    if special is not None:
        return special(made, name, depth, room)
    if made.get("call_hash") is not None and made.get("class_name") is not None:
        return (
            f"{name}({_show(made.get('name'), min(depth, 1) - 1, room)})"  # a handle, whose arguments may be passwords
        )
    first = next(iter(cast("tuple[object, ...]", made.arguments)), None) if isinstance(made.arguments, tuple) else None
    if full in ("builtins.set", "builtins.frozenset"):
        parts = made.parts or (cast("list[object]", first) if isinstance(first, list) else [])
        return _series("{" if name == "set" else "frozenset({", parts, "}" if name == "set" else "})", depth, room)
    if _looks_like_error(name) or (isinstance(first, _NUMBERS) and made.state is None and not isinstance(first, bool)):
        arguments = cast("tuple[object, ...]", made.arguments) if isinstance(made.arguments, tuple) else ()
        return f"{name}({_listed(arguments[:4], lambda one, room: _show(one, depth - 1, room), depth, room)})"
    return _by_attributes(made, name, room)


def _looks_like_error(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Exit", "Interrupt", "Warning"))


def _by_attributes(made: Made, name: str, room: int) -> str:
    items = made.state.items if isinstance(made.state, Pairs) else []
    atoms = [
        (key, one)
        for key, one in items
        if isinstance(key, str) and not key.startswith("_") and isinstance(one, (bool, int, float, str))
    ]
    if not atoms:
        return f"<{made.full}>"
    shown = ", ".join(f"{key}={_show(one, 1, room)}" for key, one in atoms[:_ATTRIBUTES])
    return f"{name}({shown}{', …' if len(atoms[:_ATTRIBUTES]) < len(items) else ''})"


def _file(made: Made, name: str, depth: int, room: int) -> str:
    path = made.get("path")
    return f"{name}({_show(made.get('pattern') if path is None else path, min(depth, 1) - 1, room)})"


def _lazy(made: Made, name: str, depth: int, room: int) -> str:
    what = made.get("task_name") or made.get("func_name") or made.get("value_type") or name
    return f"<lazy {what}>" if isinstance(what, str) else f"<lazy {name}>"


def _task(made: Made, name: str, depth: int, room: int) -> str:
    named = [one for one in (made.get("namespace"), made.get("name")) if isinstance(one, str) and one]
    return f"<task {'.'.join(named)}>"


def _error(made: Made, name: str, depth: int, room: int) -> str:
    return _show(made.get("error"), depth - 1, room)


_SPECIAL: dict[str, Callable[[Made, str, int, int], str]] = {
    "redun.file": _file,
    "redun.expression": _lazy,
    "redun.task": _task,
    "redun.scheduler.ErrorValue": _error,
}


# -- errors ------------------------------------------------------------------------------------------


def traceback_of(data: bytes) -> str | None:
    """The traceback of an error that redun recorded, as Python writes one; None where it cannot be read."""
    try:
        said = read_pickle(data)
    except NotRead:
        return None
    if not isinstance(said, Made) or said.full != "redun.scheduler.ErrorValue":
        return None
    told = said.get("traceback")
    frames = told.get("frames") if isinstance(told, Made) else None
    lines = list(_frame_lines(cast("list[object]", frames))) if isinstance(frames, list) else []
    head = ["Traceback (most recent call last):"] if lines else []
    error = said.get("error")
    name = error.full.removeprefix("builtins.") if isinstance(error, Made) else "error"
    return "\n".join([*head, *lines, f"{name}: {_message(error)}".removesuffix(": ")])


def _frame_lines(frames: Iterable[object]) -> Iterable[str]:
    for frame in islice(frames, _FRAMES):
        if not isinstance(frame, Made):
            continue
        file, line, name = frame.get("filename"), frame.get("lineno"), frame.get("name")
        if isinstance(file, str) and isinstance(name, str):
            yield f'  File "{file}", line {line if isinstance(line, int) else "?"}, in {name}'
        source = frame.get("_line") or frame.get("line") or frame.get("_lines")
        if isinstance(source, str) and source.strip():
            yield f"    {source.strip().splitlines()[0]}"


def _message(error: object) -> str:
    arguments = error.arguments if isinstance(error, Made) else None
    parts = cast("tuple[object, ...]", arguments) if isinstance(arguments, tuple) else ()
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    return ", ".join(_show(part, 2, _LIMIT) for part in parts)
