"""The `[repos.NAME]` of a settings file, added and taken away; all else in the file stays as its author wrote it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from redux.errors import ConfigError, ProjectUnwritable, UsageError, nearest
from redux.settings.layers import OtherRepo

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"^\s*\[")


def check_name(path: Path, name: str) -> None:
    """Refuse a name that is none, or that the settings file at `path` has already. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a repository: letters, digits, - and _ make one")
    if name in _names(_read(path), path):
        raise UsageError(f"there is a repository {name} already; `redux repo rm {name}` takes it away")


def add_repo(path: Path, repo: OtherRepo) -> None:
    """Write a repository into the settings file at `path`.

    Raises `UsageError` for a name that is taken or none, `ProjectUnwritable`.
    """
    check_name(path, repo.name)
    text = _read(path)
    lines = [f"[repos.{repo.name}]", f"url = {_quoted(repo.url)}"]
    if repo.store is not None:
        lines.append(f"store = {_quoted(repo.store)}")
    changed = (text.rstrip("\n") + "\n\n" if text.strip() else "") + "\n".join(lines) + "\n"
    _write(path, changed, {*_names(text, path), repo.name})


def remove_repo(path: Path, name: str, others: Sequence[str] = ()) -> None:
    """Take a repository out of the settings file at `path`; `others` are known from other files.

    Raises `UsageError` where it has none of this name, `ProjectUnwritable`.
    """
    text = _read(path)
    names = _names(text, path)
    if name not in names:
        where = f"; the one that `redux repo list` shows is in another file than {path}" if name in others else ""
        raise UsageError(f"there is no repository {name}{where or nearest(name, sorted(names)) or ''}")
    header = re.compile(rf"\s*\[\s*repos\s*\.\s*\"?{re.escape(name)}\"?\s*\]\s*(#.*)?")
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            inside = header.fullmatch(line.rstrip()) is not None
        if not inside:
            kept.append(line)
    _write(path, "".join(kept).rstrip("\n") + "\n", names - {name})


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _names(text: str, path: Path) -> set[str]:
    try:
        said = tomllib.loads(text).get("repos", {})
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    return set(said) if isinstance(said, dict) else set()


def _write(path: Path, text: str, names: set[str]) -> None:
    """Replace the file whole, if what it then says is what was meant."""
    try:
        meant = _names(text, path) == names
    except ConfigError:
        meant = False
    if not meant:
        raise ConfigError(str(path), "says its repositories in another form than [repos.NAME]; change it by hand")
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ProjectUnwritable(path, f"cannot be written: {error.strerror}; see to its rights") from None
