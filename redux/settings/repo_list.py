"""The `[repos.NAME]` of a settings file, added and taken away; all else in the file stays as its author wrote it."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from redux.errors import ConfigError, ProjectUnwritable, UsageError, nearest
from redux.settings.layers import OtherRepo

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"\s*\[")
_NOTE = re.compile(r"\s*(#|$)")


def check_name(path: Path, name: str) -> None:
    """Refuse a name that is none, or that the settings file at `path` has already. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a repository: letters, digits, - and _ make one")
    if name in _repos(_parsed(_read(path), path)):
        raise UsageError(f"there is a repository {name} already; `redux repo rm {name}` takes it away")


def add_repo(path: Path, repo: OtherRepo) -> None:
    """Write a repository into the settings file at `path`.

    Raises `UsageError` for a name that is taken or none, and for what is no text, `ProjectUnwritable`.
    """
    check_name(path, repo.name)
    for told in (repo.url, repo.store or ""):
        if not _is_text(told):
            raise UsageError(f"{told!r} is no text, and a settings file holds nothing else; give it a name in UTF-8")
    text = _read(path)
    lines = [f"[repos.{repo.name}]", f"url = {_quoted(repo.url)}"]
    if repo.store is not None:
        lines.append(f"store = {_quoted(repo.store)}")
    changed = (text.rstrip("\n") + "\n\n" if text.strip() else "") + "\n".join(lines) + "\n"
    said = {"url": repo.url} | ({} if repo.store is None else {"store": repo.store})
    before = _parsed(text, path)
    _write(path, changed, {**before, "repos": {**_repos(before), repo.name: said}})


def remove_repo(path: Path, name: str, others: Sequence[str] = ()) -> None:
    """Take a repository out of the settings file at `path`; `others` are known from other files.

    Raises `UsageError` where it has none of this name, `ProjectUnwritable`.
    """
    text = _read(path)
    before = _parsed(text, path)
    names = _repos(before)
    if name not in names:
        where = f"; the one that `redux repo list` shows is in another file than {path}" if name in others else ""
        raise UsageError(f"there is no repository {name}{where or nearest(name, sorted(names)) or ''}")
    header = re.compile(rf"\s*\[\s*repos\s*\.\s*\"?{re.escape(name)}\"?\s*\]\s*(#.*)?")
    kept: list[str] = []
    inside = False
    notes: list[str] = []
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            # What stands right above a table's header is said of that table.
            kept += notes if inside else []
            inside = header.fullmatch(line.rstrip()) is not None
        notes = [*notes, line] if _NOTE.match(line) else []
        if not inside:
            kept.append(line)
    kept += notes if inside else []
    left = {each: said for each, said in names.items() if each != name}
    _write(path, "".join(kept).rstrip("\n") + "\n", {**before, "repos": left})


def _is_text(said: str) -> bool:
    """Whether what somebody gave can be written: names of files may be any bytes."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _parsed(text: str, path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None


def _rights(path: Path) -> int:
    """Who may read and write a file: a password may be in it."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0o644


def _repos(said: Mapping[str, Any]) -> Mapping[str, Any]:
    repos = said.get("repos", {})
    return cast("Mapping[str, Any]", repos) if isinstance(repos, dict) else {}


def _write(path: Path, text: str, meant: Mapping[str, Any]) -> None:
    """Replace the file whole, with its rights, if what it then says is what is `meant`."""
    try:
        said = _parsed(text, path)
    except ConfigError:
        said = None
    if said is None or {**said, "repos": _repos(said)} != meant:
        raise ConfigError(str(path), "says its repositories in another form than [repos.NAME]; change it by hand")
    path = path.resolve()
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        draft.touch(0o600)
        draft.write_text(text, encoding="utf-8")
        draft.chmod(_rights(path))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ProjectUnwritable(path, f"cannot be written: {error.strerror}; see to its rights") from None
