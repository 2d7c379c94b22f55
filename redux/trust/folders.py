"""Folders of other people that one has looked at: their settings count, as long as they stay as they were then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redux.errors import ConfigError
from redux.tables import parse_toml
from redux.trust.guarded import changing, open_whole, read_guarded, write_whole
from redux.trust.quoting import quoted
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_bytes

FOLDERS_FILE = "folders.toml"
_BEGINNING = """\
# Settings of other people that count here, as they were when somebody said `redux trust dir`.
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """The settings at `path`, of the user `owner`, as somebody looked at them; `settings` is the digest of the file.

    `path` is absolute, without links: a `.redux` folder, or a `pyproject.toml`.
    """

    path: Path
    owner: int
    settings: Digest


def folders_file(user_file: Path) -> Path:
    """Where the list of folders is, beside one's settings, `user_file`."""
    return user_file.with_name(FOLDERS_FILE)


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


def read_folders(user_file: Path | None) -> Mapping[Path, Looked]:
    """The folders that somebody looked at, by their paths. Raises `TrustRefused`, `ConfigError`."""
    path = None if user_file is None else folders_file(user_file)
    text = None if path is None else read_guarded(path)
    return {} if text is None else {one.path: one for one in _parsed(text, str(path))}


def trust_folder(user_file: Path, looked: Looked) -> None:
    """Have settings count as they are now. Raises `TrustRefused`, `ConfigError`."""
    with changing(folders_file(user_file)):
        _write(user_file, {**read_folders(user_file), looked.path: looked})


def distrust_folder(user_file: Path, path: Path) -> Looked | None:
    """Have settings count no more; gives what was known of them. Raises `TrustRefused`, `ConfigError`."""
    with changing(folders_file(user_file)):
        known = dict(read_folders(user_file))
        found = known.pop(Path(os.path.realpath(path)), None)
        if found is not None:
            _write(user_file, known)
    return found


def _write(user_file: Path, folders: Mapping[Path, Looked]) -> None:
    # Written anew each time: nothing in it is for people to write.
    tables = [
        f'[[folder]]\npath = {quoted(str(one.path))}\nowner = {one.owner}\nsettings = "{one.settings.hex()}"\n'
        for _, one in sorted(folders.items())
    ]
    write_whole(folders_file(user_file), "\n".join([_BEGINNING, *tables]))


def _parsed(text: str, origin: str) -> list[Looked]:
    try:
        said = parse_toml(text)
    except ValueError as error:
        raise ConfigError(
            origin, f"cannot be read as TOML: {error}; remove it, and look at the folders again"
        ) from None
    found: list[Looked] = []
    folders = said.get("folder", [])
    for one in cast("list[object]", folders) if isinstance(folders, list) else [folders]:
        told = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        path, owner, settings = told.get("path"), told.get("owner"), told.get("settings")
        try:
            digest = bytes.fromhex(settings) if isinstance(settings, str) else b""
        except ValueError:
            digest = b""
        if not isinstance(path, str) or not isinstance(owner, int) or len(digest) != DIGEST_SIZE:
            raise ConfigError(origin, "is not as redux writes it; remove it, and look at the folders again")
        found.append(Looked(Path(path), owner, Digest(digest)))
    return found
