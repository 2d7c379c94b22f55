"""The tags that every execution is recorded with: what it was, and of which code."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from redux.checkout import find_checkout
from redux.release import installed_version

AUTOMATIC = ("redux.version", "git_commit", "git_origin_url", "user", "project")
"""The keys of what is known without being told."""


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
