"""The `[repos.NAME]` of a settings file, added and taken away; all else in the file stays as its author wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from redux.errors import ConfigError, UsageError, nearest
from redux.settings.layers import OtherRepo
from redux.settings.writing import changing_settings, read_text_of, write_settings
from redux.tables import parse_toml
from redux.toml_lines import added_table, without_table

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def check_name(path: Path, name: str) -> None:
    """Refuse a name that is none, or that the settings file at `path` has already. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a repository: letters, digits, - and _ make one")
    if name in _repos(_parsed(read_text_of(path), path)):
        raise UsageError(f"there is a repository {name} already; `redux repo rm {name}` takes it away")


def add_repo(path: Path, repo: OtherRepo) -> None:
    """Write a repository into the settings file at `path`.

    Raises `UsageError` for a name that is taken or none, and for what is no text, `ProjectUnwritable`.
    """
    for told in (repo.url, repo.store or ""):
        if not _is_text(told):
            raise UsageError(f"{told!r} is no text, and a settings file holds nothing else; give it a name in UTF-8")
    said = {"url": repo.url} | ({} if repo.store is None else {"store": repo.store})
    with changing_settings(path):
        check_name(path, repo.name)
        text = read_text_of(path)
        before = _parsed(text, path)
        changed = added_table(text, f"repos.{repo.name}", [f"{key} = {_quoted(value)}" for key, value in said.items()])
        _write(path, changed, {**before, "repos": {**_repos(before), repo.name: said}})


def remove_repo(path: Path, name: str, others: Sequence[str] = ()) -> None:
    """Take a repository out of the settings file at `path`; `others` are known from other files.

    Raises `UsageError` where it has none of this name, `ProjectUnwritable`.
    """
    with changing_settings(path):
        text = read_text_of(path)
        before = _parsed(text, path)
        names = _repos(before)
        if name not in names:
            where = f"; the one that `redux repo list` shows is in another file than {path}" if name in others else ""
            raise UsageError(f"there is no repository {name}{where or nearest(name, sorted(names)) or ''}")
        left = {each: said for each, said in names.items() if each != name}
        _write(path, without_table(text, f"repos.{name}"), {**before, "repos": left})


def _is_text(said: str) -> bool:
    """Whether what somebody gave can be written: names of files may be any bytes."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _parsed(text: str, path: Path) -> Mapping[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None


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
    write_settings(path, text, 0o644)
