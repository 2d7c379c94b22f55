"""What a store tells of an object that follows its content, as a digest."""

from __future__ import annotations

from collections.abc import Mapping

from redux_valuestore.digest import Digest, digest_struct

_TELLING = (
    "sha256", "sha1", "sha", "hex", "blobid",
    "md5", "md5hash", "contentmd5",
    "etag",
    "crc64", "crc64ecma", "crc32c",
)  # fmt: skip
"""Names of such facts, best first, without case and punctuation; others (times, sizes, inodes) do not follow content.

`fs.ukey` and `fs.checksum` are not asked: over HTTP and in archives they are made from the address alone, elsewhere
from times and sizes.
"""


def identify(info: Mapping[str, object]) -> Digest | None:
    """The identity of an object's content by what its file system tells of it; None where it tells nothing reliable."""
    told = {_plain(name): value for name, value in info.items()}
    settings = told.get("contentsettings")  # where Azure keeps it
    if isinstance(settings, Mapping):
        told.update({_plain(str(name)): value for name, value in settings.items()})
    for name in _TELLING:
        value = told.get(name)
        text = bytes(value).hex() if isinstance(value, (bytes, bytearray)) else value
        if isinstance(text, str) and text and not text.startswith("W/"):  # a weak ETag: only about the same
            size = told.get("size")
            return digest_struct(name, text, size if isinstance(size, int) else None)
    return None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
