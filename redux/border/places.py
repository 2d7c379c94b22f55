"""Whether nobody else can write where values are: then they may do what one's own program may."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from redux.border.admission import Admission
from redux.trust.owners import is_mine, is_mine_or_roots, lets_replace, other_writers
from redux_backends.urls import IN_MEMORY, sqlite_file


def admission_of(database: str, store: str, allow: Sequence[str], trusts_writers: bool) -> Admission:
    """What values in a database at a URL, and in a `store`, may do: any code only where nobody else can write.

    Large values at a URL are held to their digests, which are in the database; files can be changed while they are in
    use. With `trusts_writers` everybody who writes there is believed.
    """
    return Admission(trusts_writers or is_private(database, store), tuple(allow))


def is_private(database: str, store: str) -> bool:
    """Whether a database and its store are files of one's own, or memory, that nobody else can write."""
    if database == IN_MEMORY:
        return True
    file = sqlite_file(database)
    if file is None or not _is_own(file):
        return False
    return "://" in store or _is_own(Path(store))


def is_closed_to_others(folder: Path) -> bool:
    """Whether a folder is there, one's own, and nobody else can enter it or put another in its place."""
    if not hasattr(os, "geteuid"):
        return False
    folder = Path(os.path.realpath(folder))
    found = _status(folder)
    if found is None or not stat.S_ISDIR(found.st_mode):
        return False
    return _is_closed(found) and not _is_open(found, _status(folder.parent))


def _is_own(path: Path) -> bool:
    """Whether a file or folder, there or not, can be changed by nobody else."""
    if not hasattr(os, "geteuid"):
        return True
    home = _status(path.parent)
    if home is not None and _is_closed(home):
        return True
    found = _status(path)
    if found is None:  # as it will be made
        return home is None or is_mine_or_roots(home.st_uid)
    return is_mine(found.st_uid) and (home is None or is_mine_or_roots(home.st_uid)) and not _is_open(found, home)


def _is_closed(folder: os.stat_result) -> bool:
    """Whether nobody else can even enter a folder."""
    return is_mine(folder.st_uid) and not stat.S_IMODE(folder.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)


def _is_open(found: os.stat_result, home: os.stat_result | None) -> bool:
    """Whether others can change a file, or put another in its place."""
    return bool(other_writers(found)) or (home is not None and lets_replace(home))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
