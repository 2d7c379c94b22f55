"""How objects are named in a bucket, and what says that it is one of ours.

A name comes out of checked digests, and one that is found is matched whole: no path is made of what a bucket says.
"""

from __future__ import annotations

import json
import re
from typing import Any

from redux.shared.trouble import SharedBent, SharedNewer
from redux_backends.records import Tag
from redux_valuestore.digest import Digest, check_digest
from redux_valuestore.frozen import frozen

FORMAT = 1
"""The version of all that is in a bucket, packs and index objects included."""

STORE = "redux-store.json"
PACKS = "packs"
INDEX = "index"
VALUES = "values"
"""The folder of large values, in the value store's own layout."""

UNSIGNED = "unsigned"
"""Stands in the place of a key id where there is no signature."""

SIGNER_TAG = "redux.signer"
"""The local tag of a call that came from a shared cache: the id of the key that signed it."""


def signer_of(tag: Tag) -> str | None:
    """Who signed what has this tag: a key id or `unsigned`; None where it is another tag, or says nobody."""
    found = _SIGNED_BY.fullmatch(tag.value or "") if tag.key == SIGNER_TAG else None
    return found and found[1]


MOST_ABOUT = 4_096
"""Bytes of `redux-store.json` at most."""

_PACK = re.compile(rf"{PACKS}/([0-9a-f]{{16}}|{UNSIGNED})/([0-9a-f]{{64}})\.pack")
_INDEX = re.compile(rf"{INDEX}/([0-9]{{4}})-([0-9a-f]{{64}})\.idx")
_SIGNER = re.compile(rf"[0-9a-f]{{16}}|{UNSIGNED}")
_SIGNED_BY = re.compile(rf'"({_SIGNER.pattern})"')
_WHAT = "redux shared cache"


@frozen
class PackName:
    """Where a pack is: in the folder of its `signer`, a key id or `unsigned`, under a `digest` of what it has."""

    signer: str
    digest: Digest

    @property
    def path(self) -> str:
        """Its name in the bucket."""
        return f"{PACKS}/{self.signer}/{self.digest.hex()}.pack"


def pack_name(signer: str, digest: Digest) -> PackName:
    """The name of a pack. Raises `NotADigest`, and ValueError for what is no key id."""
    if not _SIGNER.fullmatch(signer):
        raise ValueError(f"{signer!r:.80} is no key id")
    return PackName(signer, check_digest(digest))


def named_pack(path: str) -> PackName | None:
    """The pack that has this name in the bucket, None for any other name."""
    found = _PACK.fullmatch(path)
    return PackName(found[1], Digest(bytes.fromhex(found[2]))) if found else None


@frozen
class IndexName:
    """Where an index object is: by the `digest` of its bytes, and by how many times others were merged into it.

    Whoever reads begins with the highest `level`, for what that covers need not be fetched.
    """

    level: int
    digest: Digest

    @property
    def path(self) -> str:
        """Its name in the bucket."""
        return f"{INDEX}/{self.level:04}-{self.digest.hex()}.idx"


def named_index(path: str) -> IndexName | None:
    """The index object that has this name, None for any other name."""
    found = _INDEX.fullmatch(path)
    return IndexName(int(found[1]), Digest(bytes.fromhex(found[2]))) if found else None


def about_store() -> bytes:
    """What `redux-store.json` says in a bucket of today's format."""
    return json.dumps({"what": _WHAT, "format": FORMAT}, separators=(", ", ": ")).encode() + b"\n"


def check_store(data: bytes) -> None:
    """Check that `redux-store.json` says a format that this redux knows. Raises `SharedBent`, `SharedNewer`."""
    format = _format_of(data)
    if format > FORMAT:
        raise SharedNewer(
            STORE,
            f"this shared cache was made by a newer redux (its format is {format}, this redux knows {FORMAT}); upgrade "
            "redux: pip install -U redux-cache",
        )


def _format_of(data: bytes) -> int:
    try:
        said: Any = json.loads(data.decode()) if len(data) <= MOST_ABOUT else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("what") != _WHAT:
        raise SharedBent(STORE, "it does not say that this is a shared cache of redux; name another folder")
    format = said.get("format")
    if type(format) is not int or format < 1:
        raise SharedBent(STORE, "it does not say in which format this shared cache is; name another folder")
    return format
