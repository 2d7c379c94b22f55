"""The files of `FileCache`: written when a value is encoded, read when it is built."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from redux.serializers import wire
from redux.serializers.encoded import Encoded, Holding
from redux.serializers.hooks import Hooks, serialized
from redux.serializers.names import class_name_of, name_of
from redux.serializers.packing import Packing, Plan
from redux.serializers.registry import registry
from redux.serializers.trouble import CannotDecode, CannotEncode
from redux.serializers.values import FileCache
from redux_backends.records import FileFact, Traits
from redux_valuestore.digest import Digest, digest_pieces, digest_view
from redux_valuestore.disk import Disk, make_folders, publish

if TYPE_CHECKING:
    from typing_extensions import Buffer

_disk = Disk()


def plan_cached(hooks: Hooks, plain: Plan) -> Plan:
    """The plan for instances of a FileCache's type; `plain` is the one that they would have without it."""
    owner = hooks.owner
    assert issubclass(owner, FileCache)

    def plan(value: Any, packing: Packing) -> object:
        content = _content(value, hooks, plain, packing)
        path = _keep(value, os.fspath(owner.base_path), content, packing)
        packing.note_code(owner)
        packing.need_trust()
        kind = class_name_of(value)
        return packing.tagged(wire.CACHED, (name_of(owner), kind, path, content.hash))

    return plan


def _content(value: Any, hooks: Hooks, plain: Plan, packing: Packing) -> Encoded:
    """What the file holds."""
    if hooks.serialize is not None:
        data = serialized(value, hooks)
        return Encoded(digest_view(memoryview(data)), (data,), len(data), "")
    whole = registry.encode_whole(value)
    if whole is not None:
        return whole
    inside = Packing(
        lambda other: plain if other is value else packing.plan_of(other), packing.fallback, packing.opaque
    )
    return inside.encode(value)


def _keep(value: object, folder: str, content: Encoded, packing: Packing) -> str:
    """Write the file, and those of the large parts of what it holds; note all of them. Gives its path."""
    if content.traits & Traits.EXPRESSIONS:
        raise CannotEncode(value, "holds a lazy expression", "pass what it stands for")
    for part in content.subvalues:
        _keep(value, folder, part, packing)
    path = os.path.join(folder, content.hash.hex())
    try:
        make_folders(_disk, os.path.abspath(folder))
        if not _is_there(path, content):
            publish(_disk, path, content.chunks)
    except OSError as error:
        why = f"cannot be kept in {path} ({error.strerror or error})"
        raise CannotEncode(value, why, "give its FileCache a base_path that can be written") from error
    packing.absorb(int(content.traits) & ~int(Traits.SUBVALUES), content.files, content.tasks, content.handles)
    packing.hold(Holding(None, (FileFact(path, content.hash),)))
    return path


def _is_there(path: str, content: Encoded) -> bool:
    """Whether the file is whole: what only has the name is written again."""
    try:
        return _disk.size(path) == content.size and digest_pieces(_disk.pieces(path)) == content.hash
    except OSError:
        return False


def read_cached(path: str, digest: Digest) -> Buffer:
    """The content of a file. Raises CannotDecode where it is gone or not what was written."""
    try:
        data = _disk.read(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotDecode(
            f"the cached file {path} cannot be read: {why}; the call that made it has to run again"
        ) from error
    if digest_view(data) != digest:
        raise CannotDecode(f"the cached file {path} is damaged; the call that made it has to run again")
    return data


def fetch_beside(path: str) -> Callable[[Digest], Buffer]:
    """What gives the large parts of a file's content, which are files beside it."""
    folder = os.path.dirname(path)
    return lambda digest: read_cached(os.path.join(folder, digest.hex()), digest)
