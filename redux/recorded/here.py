"""The records of the project around a folder, opened to be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redux.errors import DatabaseMissing
from redux.repo import Repo
from redux.repo_of import open_repo_of
from redux.settings.precedence import Layer, Sources, read_settings, user_file
from redux_backends.urls import sqlite_file


@contextmanager
def recorded_here(folder: Path | None = None) -> Iterator[Repo]:
    """The repository that settings name, found from `folder` (default: the current one) upward; nothing is made.

    Raises `ProjectMissing`, `DatabaseMissing` and what opening raises.
    """
    settings = read_settings(Sources((folder or Path.cwd()).resolve(), os.environ, user_file(), Layer()))
    path = sqlite_file(settings.database)
    if path is not None and not path.exists():
        raise DatabaseMissing(path)
    repo = open_repo_of(settings)
    if settings.shared.url is not None:
        from redux.shared.opening import lay_below  # noqa: PLC0415 - only where there is one

        lay_below(repo, settings)
    try:
        yield repo
    finally:
        repo.close()
