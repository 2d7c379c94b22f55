"""What records say in other records' words, read as plain data: texts in values, contexts in tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import msgpack

from redux.value import content_of
from redux_backends.kinds import CONTEXT
from redux_backends.records import Tag
from redux_valuestore.digest import DIGEST_SIZE, Digest

if TYPE_CHECKING:
    from typing_extensions import Buffer

_DIGEST = re.compile(f'"([0-9a-f]{{{2 * DIGEST_SIZE}}})"')
"""A digest as the value of a tag."""


def read_texts(data: Buffer) -> dict[str, str]:
    """The fields of an encoded record that are text, read as plain data; none where it cannot be read so."""
    header, _, body = bytes(content_of(data)).partition(b"\n")
    if not header.startswith(b"mp"):
        return {}
    try:
        parts = msgpack.unpackb(body, strict_map_key=False)
    except ValueError:
        return {}
    fields = parts[-1] if isinstance(parts, list) and parts else None
    if not isinstance(fields, dict):
        return {}
    named = cast("dict[object, object]", fields)
    return {name: said for name, said in named.items() if isinstance(name, str) and isinstance(said, str)}


def contexts_in(tags: Sequence[Tag]) -> list[Digest]:
    """The contexts that tags name; people can put anything under that key, too."""
    found = [_DIGEST.fullmatch(tag.value or "") for tag in tags if tag.key == CONTEXT]
    return [Digest(bytes.fromhex(one[1])) for one in found if one is not None]
