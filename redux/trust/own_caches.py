"""Folders that one named as one's own shared cache: settings of others may name some too, and that is not enough."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redux.errors import ConfigError
from redux.tables import parse_toml
from redux.trust.guarded import changing, read_guarded, write_whole
from redux.trust.quoting import quoted

CACHES_FILE = "caches.toml"
_BEGINNING = """\
# Folders that were named by `redux cache add`: while nobody else may enter one, what is there needs no signature.
"""


@dataclass(frozen=True, slots=True)
class OwnCache:
    """A folder as it was named: `path` is absolute, without links; another in its place has another `inode`.

    The device is not kept: the numbers of some are others after each start.
    """

    path: Path
    inode: int


def caches_file(user_file: Path) -> Path:
    """Where the list of them is, beside one's settings, `user_file`."""
    return user_file.with_name(CACHES_FILE)


def as_named(folder: Path) -> OwnCache | None:
    """A folder as it is now; None where there is none."""
    try:
        path = folder.resolve(strict=True)
        return OwnCache(path, path.stat().st_ino)
    except OSError:
        return None


def read_caches(user_file: Path | None) -> Mapping[Path, OwnCache]:
    """The folders that were named, by their paths. Raises `TrustRefused`, `ConfigError`."""
    path = None if user_file is None else caches_file(user_file)
    text = None if path is None else read_guarded(path)
    return {} if text is None else {one.path: one for one in _parsed(text, str(path))}


def name_cache(user_file: Path, cache: OwnCache) -> None:
    """Note a folder as one's own. Raises `TrustRefused`, `ConfigError`."""
    with changing(caches_file(user_file)):
        known = read_caches(user_file)
        if known.get(cache.path) != cache:
            _write(user_file, {**known, cache.path: cache})


def unname_cache(user_file: Path, folder: Path) -> OwnCache | None:
    """Note a folder as one's own no more; gives what was known of it. Raises `TrustRefused`, `ConfigError`."""
    path = Path(os.path.realpath(folder))
    if path not in read_caches(user_file):
        return None
    with changing(caches_file(user_file)):
        known = dict(read_caches(user_file))
        found = known.pop(path, None)
        _write(user_file, known)
    return found


def _write(user_file: Path, caches: Mapping[Path, OwnCache]) -> None:
    tables = [f"[[cache]]\npath = {quoted(str(one.path))}\ninode = {one.inode}\n" for _, one in sorted(caches.items())]
    write_whole(caches_file(user_file), "\n".join([_BEGINNING, *tables]))


def _parsed(text: str, origin: str) -> list[OwnCache]:
    try:
        said = parse_toml(text).get("cache", [])
    except ValueError as error:
        raise ConfigError(origin, f"cannot be read as TOML: {error}; remove it, and name the folders again") from None
    found: list[OwnCache] = []
    for one in cast("list[object]", said) if isinstance(said, list) else [said]:
        told = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        path, inode = told.get("path"), told.get("inode")
        if not isinstance(path, str) or type(inode) is not int:
            raise ConfigError(origin, "is not as redux writes it; remove it, and name the folders again")
        found.append(OwnCache(Path(path), inode))
    return found
