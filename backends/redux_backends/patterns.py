"""Patterns of names and paths: `*` stands for any characters, `?` for one; all else for itself."""

from __future__ import annotations

import re
from functools import lru_cache


def beginning(pattern: str) -> str:
    """What a text that fits begins with."""
    return re.split("[*?]", pattern, maxsplit=1)[0]


def is_plain(pattern: str) -> bool:
    """Whether only one text fits."""
    return beginning(pattern) == pattern


def fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(one) or re.escape(one) for one in pattern), re.DOTALL)


def as_glob(pattern: str) -> str:
    """The pattern for SQLite's GLOB, which knows sets of characters too."""
    return pattern.replace("[", "[[]")


def as_like(pattern: str) -> str:
    r"""The pattern for LIKE, with `\` before what is meant as it is."""
    return re.sub(r"[\\%_]", lambda found: "\\" + found[0], pattern).replace("*", "%").replace("?", "_")
