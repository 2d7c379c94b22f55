"""Texts as TOML has them, in lists that only redux writes."""

from __future__ import annotations

from redux.errors import ConfigError


def quoted(text: str) -> str:
    """A path as TOML, in which whatever is no plain letter is escaped. Raises `ConfigError` for what is no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(repr(text), "is no text, so it cannot be kept in a list; give it a name in UTF-8") from None
    return '"' + "".join(one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text) + '"'
