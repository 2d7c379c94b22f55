"""How objects are named below a store's root: `ab/cdef…`, the digest's 64 hex digits cut after the second.

Every name comes out of a checked digest, and every name found is matched whole, so nothing outside this
pattern is ever opened, listed or removed.
"""

from __future__ import annotations

import os
import re

from redux_valuestore.digest import Digest, check_digest

LOST = "lost+found"
"""The folder, below the root, of objects that were found damaged."""

_SHARD = re.compile("[0-9a-f]{2}")
_OBJECT = re.compile("[0-9a-f]{2}/[0-9a-f]{62}")
_ASIDE = re.compile(rf"(?:.*/)?{re.escape(LOST)}/([0-9a-f]{{64}})\.[0-9a-f]{{16}}", re.DOTALL)
_TEMP = re.compile(r"\.[0-9a-f]{16}\.tmp")


def object_name(digest: Digest) -> str:
    """The name of an object, relative to the root. Raises `NotADigest`."""
    text = check_digest(digest).hex()
    return f"{text[:2]}/{text[2:]}"


def named_digest(name: str) -> Digest | None:
    """The digest whose object has this name, None for any other name."""
    return Digest(bytes.fromhex(name.replace("/", ""))) if _OBJECT.fullmatch(name) else None


def is_shard(name: str) -> bool:
    """Whether a folder of this name holds objects."""
    return _SHARD.fullmatch(name) is not None


def lost_name(digest: Digest) -> str:
    """A fresh name for a damaged object, relative to the root."""
    return f"{LOST}/{check_digest(digest).hex()}.{_nonce()}"


def set_aside_digest(path: str) -> Digest | None:
    """The digest whose object was set aside at this path, None for any other path."""
    found = _ASIDE.fullmatch(path)
    return Digest(bytes.fromhex(found[1])) if found else None


def temp_name() -> str:
    """A fresh name for an object being written, which no object ever has."""
    return f".{_nonce()}.tmp"


def is_temp(name: str) -> bool:
    """Whether `temp_name` may have given this name."""
    return _TEMP.fullmatch(name) is not None


def _nonce() -> str:
    return os.urandom(8).hex()
