"""The git commit and origin of a folder, read from its `.git` without starting git."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from redux_valuestore.urls import without_login

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PACKED = "packed-refs"


@dataclass(frozen=True, slots=True)
class Checkout:
    """What git knows of a folder; None where it knows nothing, as of a commit before the first one."""

    commit: str | None
    origin: str | None
    """the URL of the remote `origin`, without a password"""


def find_checkout(folder: Path) -> Checkout | None:
    """The git checkout that a folder lies in; None where it is in none, or in one that cannot be read."""
    try:
        for above in (folder, *folder.parents):
            mark = above / ".git"
            if mark.exists():
                return _read(mark if mark.is_dir() else above / _after(mark.read_text(), "gitdir:"))
    except (OSError, ValueError):
        return None
    return None


def is_tracked(path: Path) -> bool:
    """Whether a file is in the index of the git checkout that it lies in; of one with shortened names (v4) not told."""
    try:
        for above in path.parents:
            mark = above / ".git"
            if mark.exists():
                git = mark if mark.is_dir() else above / _after(mark.read_text(), "gitdir:")
                name = os.fsencode(path.relative_to(above))
                return len(name).to_bytes(2, "big") + name + b"\0" in (git / "index").read_bytes()
    except (OSError, ValueError):
        pass
    return False


def _read(git: Path) -> Checkout:
    shared = git / "commondir"
    common = git / shared.read_text().strip() if shared.exists() else git
    return Checkout(_commit(git, common), _origin(common / "config"))


def _commit(git: Path, common: Path) -> str | None:
    said = (git / "HEAD").read_text().strip()
    if said.startswith("ref:"):
        said = _ref(_after(said, "ref:"), git, common)
    return said if _COMMIT.fullmatch(said) else None


def _ref(name: str, git: Path, common: Path) -> str:
    for folder in (git, common):
        path = folder / name
        if path.is_file():
            return path.read_text().strip()
    packed = common / _PACKED
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def _origin(config: Path) -> str | None:
    inside = False
    for line in config.read_text(encoding="utf-8").splitlines() if config.is_file() else ():
        words = line.strip()
        if words.startswith("["):
            inside = words.partition("]")[0].split() == ["[remote", '"origin"']
        elif inside:
            key, equals, value = words.partition("=")
            if equals and key.strip().lower() == "url":
                return without_login(value.strip().strip('"'))
    return None


def _after(text: str, word: str) -> str:
    if not text.startswith(word):
        raise ValueError(text)
    return text.removeprefix(word).strip()
