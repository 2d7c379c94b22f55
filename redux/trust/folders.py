"""Folders of other people that one has looked at: their settings count, as long as they stay as they were then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redux.trust.guarded import open_whole
from redux.trust.path_lists import PathList
from redux.trust.quoting import quoted
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_bytes


@dataclass(frozen=True, slots=True)
class Looked:
    """The settings at `path`, of the user `owner`, as somebody looked at them; `settings` is the digest of the file.

    `path` is absolute, without links: a `.redux` folder, or a `pyproject.toml`.
    """

    path: Path
    owner: int
    settings: Digest


def settings_at(settings: Path) -> bytes:
    """The bytes of settings, which need not be there. Raises `OSError`."""
    try:
        return open_whole(settings).data
    except FileNotFoundError:
        return b""


def as_looked_at(path: Path, settings: bytes) -> Looked:
    """What is at `path` now, with these bytes for its settings. Raises `OSError`."""
    path = path.resolve(strict=True)
    return Looked(path, path.stat().st_uid, digest_bytes(settings))


def _parsed(told: Mapping[str, object]) -> Looked | None:
    path, owner, settings = told.get("path"), told.get("owner"), told.get("settings")
    try:
        digest = bytes.fromhex(settings) if isinstance(settings, str) else b""
    except ValueError:
        return None
    if not isinstance(path, str) or not isinstance(owner, int) or len(digest) != DIGEST_SIZE:
        return None
    return Looked(Path(path), owner, Digest(digest))


def _told(one: Looked) -> str:
    return f'path = {quoted(str(one.path))}\nowner = {one.owner}\nsettings = "{one.settings.hex()}"\n'


FOLDERS = PathList(
    "folders.toml",
    "folder",
    "# Settings of other people that count here, as they were when somebody said `redux trust dir`.\n",
    "look at the folders again",
    _parsed,
    _told,
)
"""What somebody looked at: it counts as it was then."""
