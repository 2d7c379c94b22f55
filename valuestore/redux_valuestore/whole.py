"""Files at a URL written so that nobody sees a part of one, in the way that each file system has for it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redux_valuestore.layout import temp_name

if TYPE_CHECKING:
    from typing_extensions import Buffer

AT_ONCE = 16 << 20
"""Bytes: up to here a transfer is one request, from or into one buffer."""

_RENAMING = frozenset({"file", "local", "sftp", "ssh", "ftp", "smb", "hdfs", "arrow_hdfs", "webhdfs"})
"""Protocols that write a file step by step and rename it in one; the others show only whole objects."""


def renames(fs: Any) -> bool:
    """Whether files of this fsspec file system are made whole by giving them their name at last."""
    return not _RENAMING.isdisjoint(_protocols(fs))


def write_whole(fs: Any, path: str, pieces: Iterable[Buffer]) -> None:
    """Make these bytes a file's content: whoever looks sees all of them or what was there before."""
    if renames(fs):
        _write_and_rename(fs, path, pieces)
        return
    waiting: list[memoryview] = []
    size = 0
    rest = iter(pieces)
    # A file system in memory shows what a stream has written so far.
    limit = None if "memory" in _protocols(fs) else AT_ONCE
    for piece in rest:
        waiting.append(memoryview(piece))
        size += waiting[-1].nbytes
        if limit is not None and size > limit:
            _upload(fs, path, waiting, rest)
            return
    fs.pipe_file(path, b"".join(waiting))


def _protocols(fs: Any) -> frozenset[str]:
    protocols = fs.protocol
    return frozenset((protocols,) if isinstance(protocols, str) else protocols)


def _write_and_rename(fs: Any, path: str, pieces: Iterable[Buffer]) -> None:
    folder = path.rpartition("/")[0]
    temp = f"{folder}/{temp_name()}"
    fs.makedirs(folder, exist_ok=True)
    try:
        with fs.open(temp, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
        fs.mv(temp, path)
    except BaseException:
        with suppress(Exception):
            fs.rm_file(temp)
        raise


def _upload(fs: Any, path: str, first: Iterable[Buffer], rest: Iterable[Buffer]) -> None:
    # Closing a stream that commits by itself would publish what was written before a failure.
    stream = fs.open(path, "wb", autocommit=False)
    try:
        for pieces in (first, rest):
            for piece in pieces:
                stream.write(piece)
        stream.close()
    except BaseException:
        with suppress(Exception):
            stream.discard()
        raise
    stream.commit()
