"""HTML written so that text stays text: elements with escaped texts and attributes inside, and no others.

What is a plain `str` is escaped wherever it goes; only what `tag` made is taken as it is. Elements and attributes that
load, run or lead anywhere are not among those that can be written.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from math import isfinite
from typing import Final, TypeAlias


class Markup(str):
    """HTML that `tag` made. Put together with other text by anything but `tag` and `join` it is plain text again."""

    __slots__ = ()


Child: TypeAlias = "str | int | Markup | Iterable[Child] | None"
"""What may stand inside an element: a text, a number, an element, several of these, or nothing."""

_ELEMENT_NAMES: Final = (
    "a article bdi body br caption code dd del details div dl dt em figcaption figure footer h1 h2 h3 head header html "
    "ins li main nav ol p pre section small span strong summary table tbody td th thead time title tr ul "
    "svg g rect path line circle text tspan desc meta"
)
_EMPTY: Final = frozenset(("br", "meta"))
_ATTRIBUTE_NAMES: Final = (
    "class id lang dir title scope colspan datetime open role tabindex charset name content http-equiv style href "
    "aria-label aria-hidden aria-labelledby "
    "viewBox preserveAspectRatio width height x y x1 x2 y1 y2 cx cy r rx d transform text-anchor"
)
"""No `src`, no `on…`; `href` leads to a place on the same page alone."""
_ELEMENTS: Final = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())


def tag(element: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element with its children; of attributes None and False are left out, and `class_` is `class`.

    Raises ValueError for an element or attribute that is not among those that do nothing.
    """
    if element not in _ELEMENTS:
        raise ValueError(f"<{element}> is not written")
    opening = f"<{element}{''.join(_attribute(key, said) for key, said in attributes.items())}>"
    return Markup(opening if element in _EMPTY else f"{opening}{join(children)}</{element}>")


def _attribute(key: str, said: str | int | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name not in _ATTRIBUTES:
        raise ValueError(f"the attribute {name} is not written")
    if said is None or said is False:
        return ""
    if name == "href" and not str(said).startswith("#"):
        raise ValueError(f"a link leads to a place on the same page, not to {said}")
    return f" {name}" if said is True else f' {name}="{escape(_number(said))}"'


def _number(said: str | float) -> str:
    if not isinstance(said, float):
        return str(said)
    return f"{said:.2f}".rstrip("0").rstrip(".") if isfinite(said) else "0"


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other."""
    return Markup("".join(map(_written, children)))


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child)
    return f"{child:,}" if isinstance(child, int) else join(child)


def escape(text: str) -> str:
    """A text as HTML shows it; characters that steer, turn the direction of writing or are none are shown by name."""
    return html.escape(visible(text))


def visible(text: str) -> str:
    """A text in which every character can be seen: others but spaces and ends of lines by their number, as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else _named(one) for one in text)


def _named(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
