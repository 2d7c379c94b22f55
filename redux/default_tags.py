"""The tags that every execution is recorded with: what it was, and of which code."""

from __future__ import annotations

import getpass
import os
from collections.abc import Container
from pathlib import Path

from redux.checkout import find_checkout
from redux.release import installed_version

AUTOMATIC = ("redux.version", "git_commit", "git_origin_url", "user", "project")
"""The keys of what is known without being told."""
_OF_AN_IMPORT = ("redun.", "redux.")


def is_worth_a_line(key: str, of_keys: Container[str]) -> bool:
    """Whether a list of executions shows a tag: what people said, and of what was imported all but versions and hashes.

    `of_keys` are all the keys of the execution's tags; redux itself tells its version, redun tells its own.
    """
    if "redun.version" in of_keys:
        return key not in ("user", "git_commit", "git_origin_url") and not key.startswith(_OF_AN_IMPORT)
    return key not in AUTOMATIC


def default_tags(folder: Path, fullname: str | None = None, doc: str | None = None) -> dict[str, object]:
    """The tags of an execution of code in `folder`, of the task `fullname` where it is one, with what `doc` says."""
    checkout = find_checkout(folder)
    said = {
        "redux.version": installed_version(),
        "git_commit": None if checkout is None else checkout.commit,
        "git_origin_url": None if checkout is None else checkout.origin,
        "user": user_name(),
        "project": (fullname or "").rpartition(".")[0] or None,
        "doc": doc,
    }
    return {key: value for key, value in said.items() if value is not None}


def user_name() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        return str(os.getuid())
