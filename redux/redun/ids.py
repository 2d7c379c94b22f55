"""Redun's hashes and ids as ours: those that a record may be given, and hashes of files as redun makes them."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from uuid import UUID

from redux_backends.records import FileFact
from redux_valuestore.digest import Digest, digest_struct

HASH_DIGITS = 40
_MARK = b"redun's hash"
"""Twelve bytes: behind redun's twenty they fill a digest, and no digest of content ends like that."""


def kept_hash(hash: str) -> Digest:
    """A digest that is redun's hash, to be read off it again; of a hash in another form one that stands for it."""
    with suppress(ValueError):
        if len(hash) == HASH_DIGITS:
            return Digest(bytes.fromhex(hash) + _MARK)
    return digest_struct("redun", hash.encode(errors="surrogatepass"))


def read_hash(digest: Digest | None) -> str | None:
    """The hash of redun's that a digest is; None where it is another."""
    return digest[: -len(_MARK)].hex() if digest is not None and digest.endswith(_MARK) else None


def kept_id(id: str) -> bytes:
    """The sixteen bytes of an execution's or job's id; of one that is no UUID, such as stand for it."""
    try:
        return UUID(id).bytes
    except ValueError:
        return digest_struct("redun", id.encode(errors="surrogatepass"))[:16]


def is_as_redun_saw_it(fact: FileFact) -> bool | None:
    """Whether a local file has the size and time that it had for redun; None where nobody can tell."""
    known = read_hash(fact.content)
    if known is None or "://" in fact.path:
        return None
    try:
        found = os.stat(fact.path)
        size, changed = found.st_size, str(found.st_mtime)
    except OSError:
        size, changed = -1, "-1"
    parts = (b"File", b"local", os.fsencode(fact.path), size, os.fsencode(changed))
    said = b"l" + b"".join(b"i%de" % part if isinstance(part, int) else b"%d:%s" % (len(part), part) for part in parts)
    return hashlib.sha512(said + b"e").hexdigest()[:HASH_DIGITS] == known
