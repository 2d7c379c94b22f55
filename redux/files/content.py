"""The content of local files as a digest, read again only where it may have changed."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import Any, cast

from redux.files.trouble import FileUnreadable, Looking
from redux_valuestore.digest import Digest, digest_stream

_RACY_SECONDS = 2.0
"""A file changed this short before it was hashed may change again within the clock's grain: git's rule."""
_MEMO_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    state: tuple[int, ...]
    content: Digest


_memo: dict[str, _Remembered] = {}


def local_content(path: str) -> Digest | None:
    """The digest of what a local file holds now; None where there is no file. Raises FileUnreadable.

    A file whose times, size and inode are those seen when it was hashed is not read again.
    """
    place = os.path.abspath(path)
    with Looking(path):
        seen = os.stat(place)
        if not stat.S_ISREG(seen.st_mode):
            if stat.S_ISDIR(seen.st_mode):
                raise FileUnreadable(path, "it is a folder", "pass Dir(path), or a file in it")
            raise FileUnreadable(path, "it is no regular file", "read it in a task, and pass on what it gives")
        remembered = _memo.get(place)
        if remembered is not None and remembered.state == _state(seen):
            return remembered.content
        return _hash(place)
    return None


def forget_content(path: str) -> None:
    """Have a local file read again when its content is next asked."""
    _memo.pop(os.path.abspath(path), None)


def _state(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino, seen.st_dev


def _hash(place: str) -> Digest:
    now = time.time_ns()
    with open(place, "rb", buffering=0) as stream:
        before = os.fstat(stream.fileno())
        content = digest_stream(cast(Any, stream))
        after = os.fstat(stream.fileno())
    changed = max(after.st_mtime_ns, after.st_ctime_ns)
    if _state(before) == _state(after) and changed < now - _RACY_SECONDS * 1e9:
        if len(_memo) >= _MEMO_LIMIT:
            _memo.clear()
        _memo[place] = _Remembered(_state(after), content)
    else:
        _memo.pop(place, None)
    return content
