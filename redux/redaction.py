"""Texts that nobody is to see: what secrets say is known here, and taken out of whatever is shown."""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote
from weakref import WeakValueDictionary

from redux.sought import Sought
from redux_valuestore.buffers import flat

if TYPE_CHECKING:
    from typing_extensions import Buffer

REDACTED = "«redacted»"
SHORTEST = 4
"""Characters from which a text is found in others: shorter ones stand in too many by chance."""
_SHORTEST_LINE = 8
_SHORTEST_CODED = 8
"""Characters of base64 from which on they are looked for: fewer say too little."""
_KEPT = 1_024
"""How many texts are known before the older half is forgotten, but for those that are held."""
_LOOKED_AT = 64 << 20
"""Bytes of a value in which texts are looked for."""


class Held:
    """What keeps a text known as long as it is there."""

    __slots__ = ("__weakref__",)


class _Hidden:
    """The texts that are known, in the forms that they take where they are shown and in values."""

    def __init__(self) -> None:
        self._changing = Lock()
        self._texts: dict[str, frozenset[bytes]] = {}
        """the texts, the oldest first, and the patterns by which values are looked through for each"""
        self._held: WeakValueDictionary[str, Held] = WeakValueDictionary()
        self._for_good: set[str] = set()
        self._room = _KEPT
        self._sorted: tuple[str, ...] | None = ()
        self.shown, self.valued = Sought(), Sought()

    def add(self, texts: Mapping[str, frozenset[bytes]], for_good: bool) -> list[Held]:
        """Know texts from here on: for good, or as long as what is given back is there."""
        with self._changing:
            for text, patterns in texts.items():
                self._add(text, patterns)
            if for_good:
                self._for_good.update(texts)
                return []
            held = [self._held.setdefault(text, Held()) for text in texts]
            if len(self._texts) > self._room:
                self._forget()
            return held

    def is_sought_for_good(self, text: str) -> bool:
        """Whether a text is known in values already, as long as this process goes on."""
        return text in self._for_good and bool(self._texts.get(text))

    def _add(self, text: str, patterns: frozenset[bytes]) -> None:
        known = self._texts.pop(text, None)
        self._texts[text] = patterns | (known or frozenset())
        if known is None:
            self._sorted = None
            self.shown.add(_bytes_of(text))
        for pattern in patterns - (known or frozenset()):
            self.valued.add(pattern)

    def _forget(self) -> None:
        """Forget old texts that nothing holds; where all are held there is room for more."""
        for text in [text for text in self._texts if text not in self._for_good and text not in self._held]:
            if len(self._texts) <= _KEPT // 2:
                break
            del self._texts[text]
        self._room = max(_KEPT, 2 * len(self._texts))
        self._sorted = None
        self.shown = Sought(map(_bytes_of, self._texts))
        self.valued = Sought(pattern for patterns in self._texts.values() for pattern in patterns)

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them. What is part of another stands behind it, or the rest would be left."""
        known = self._sorted
        if known is None:
            with self._changing:
                known = self._sorted = tuple(sorted(self._texts, key=len, reverse=True))
        return known


_hidden = _Hidden()


def hide(text: str) -> None:
    """Have a text taken out of what this process shows from here on, and known in values; too short a one is not."""
    if not _hidden.is_sought_for_good(text):
        _hidden.add(_valued(text), True)


def hide_from_view(text: str) -> None:
    """The same of a text that tasks are not given, so that no values are looked through for it."""
    _hidden.add(dict.fromkeys(_forms(text), frozenset[bytes]()), True)


def hide_while_held(content: str | bytes) -> list[Held]:
    """The same as `hide`, as long at least as what is given back is there; of bytes as they are, too."""
    if isinstance(content, str):
        return _hidden.add(_valued(content), False)
    text = content.decode("utf-8", "replace")
    texts = _valued(text)
    if _bytes_of(text) != content and len(content) >= SHORTEST:
        told = repr(content)[2:-1]
        texts[told] = frozenset({content, _bytes_of(told), *_coded(content)})
    return _hidden.add(texts, False)


def _forms(text: str) -> set[str]:
    """The forms that a text takes where it is shown."""
    forms: set[str] = set()
    for part in _parts(text):
        forms |= {part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe="", errors="replace")}
    return forms


def _parts(text: str) -> set[str]:
    """A text and its lines, as far as they are long enough."""
    lines = {line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    return {part for part in (text, *lines) if len(part.strip()) >= SHORTEST}


def _valued(text: str) -> dict[str, frozenset[bytes]]:
    """The forms of a text, each with those that it takes in values: as UTF-8, UTF-16 and UTF-32, and coded."""
    forms = {form: frozenset({_bytes_of(form)}) for form in _forms(text)}
    for part in _parts(text):
        plain = _bytes_of(part)
        wide = () if part.isascii() else (_without_zeros(part.encode(code, "surrogatepass")) for code in _WIDE)
        forms[part] |= {*_coded(plain), *(one for one in wide if len(one) >= SHORTEST)}
    return forms


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _coded(data: bytes) -> Iterator[bytes]:
    """Bytes in base64, wherever in what is coded they stand: without what hangs on what is beside them."""
    for before in range(3):
        coded = b2a_base64(bytes(before) + data, newline=False)
        inner = coded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        if len(inner) >= _SHORTEST_CODED:
            yield inner
            yield inner.translate(_FOR_URLS)


_WIDE = ("utf-16-le", "utf-32-le")
_FOR_URLS = bytes.maketrans(b"+/", b"-_")


def _without_zeros(data: bytes) -> bytes:
    return data.translate(None, b"\0")


def any_hidden() -> bool:
    """Whether there is anything that nobody is to see."""
    return bool(_hidden.shown)


def any_sought() -> bool:
    """Whether there is anything that values are looked through for."""
    return bool(_hidden.valued)


def redacted(text: str) -> str:
    """A text without what nobody is to see."""
    shown = _hidden.shown
    if not shown or len(text) < SHORTEST or not shown.any_in(_bytes_of(text)):
        return text
    for hidden in _hidden.texts:
        if hidden in text:
            text = text.replace(hidden, REDACTED)
    return text


def begin_of(text: str, length: int) -> str:
    """About so many characters of a text without what nobody is to see, none of which is cut in two."""
    hidden = _hidden.texts
    return redacted(text[: length + 2 * len(hidden[0])]) if hidden else text[:length]


def holds_hidden(chunks: Iterable[Buffer]) -> bool:
    """Whether what nobody is to see stands in one of these buffers, as far as they are looked at."""
    sought = _hidden.valued
    if not sought:
        return False
    left = _LOOKED_AT
    for chunk in chunks:
        for view in flat((chunk,), left):
            data = chunk if isinstance(chunk, bytes) and len(chunk) == view.nbytes else bytes(view)
            if len(data) >= SHORTEST and _says_any(data, sought):
                return True
            left -= len(data)
            if left <= 0:
                return False
    return False


def _says_any(data: bytes, sought: Sought) -> bool:
    """Whether bytes say one of these; wide characters are those of the texts and zeros between them."""
    return sought.any_in(data) or (b"\0" in data and sought.any_in(_without_zeros(data)))


class Cleared:
    """A text stream that writes to another what may be seen, and else is that one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without what nobody is to see."""
        self._stream.write(redacted(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of some lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
