"""Folders that one named as one's own shared cache: settings of others may name some too, and that is not enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redux.trust.path_lists import PathList
from redux.trust.quoting import quoted


@dataclass(frozen=True, slots=True)
class OwnCache:
    """A folder as it was named: `path` is absolute, without links; another in its place has another `inode`.

    The device is not kept: the numbers of some are others after each start.
    """

    path: Path
    inode: int


def as_named(folder: Path) -> OwnCache | None:
    """A folder as it is now; None where there is none."""
    try:
        path = folder.resolve(strict=True)
        return OwnCache(path, path.stat().st_ino)
    except OSError:
        return None


def _parsed(told: Mapping[str, object]) -> OwnCache | None:
    path, inode = told.get("path"), told.get("inode")
    return OwnCache(Path(path), inode) if isinstance(path, str) and type(inode) is int else None


def _told(one: OwnCache) -> str:
    return f"path = {quoted(str(one.path))}\ninode = {one.inode}\n"


OWN_CACHES = PathList(
    "caches.toml",
    "cache",
    "# Folders that were named by `redux cache add`: while nobody else may enter one, what is there needs no "
    "signature.\n",
    "name the folders again",
    _parsed,
    _told,
)
"""The folders that were named."""
