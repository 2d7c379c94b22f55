"""Looking ahead with a shared cache: what it has comes into a copy of one's database, and nothing here is changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from redux.repo import Repo, SharedPlace, open_repo
from redux.settings.layers import Settings
from redux.shared.opening import is_used, share_at
from redux.words.measures import show_size
from redux_backends.errors import BackendError, BackendUnavailable
from redux_backends.memory import MemoryBackend
from redux_backends.sqlite_file import copy_file
from redux_backends.urls import sqlite_file, without_password
from redux_valuestore.layered import LayeredStore
from redux_valuestore.store import MemoryStore

MOST_COPIED = 512 << 20
"""Bytes of a database: copying a larger one takes longer than a plan is worth."""


@contextmanager
def with_shared(
    repo: Repo, settings: Settings, environment: Mapping[str, str], user_file: Path | None, say: Callable[[str], None]
) -> Iterator[Repo | None]:
    """A copy of a `repo`, with the shared cache that its settings name; None where there is none to be asked.

    Raises as `share`.
    """
    if not is_used(settings.shared) or settings.shared.mode == "write-only":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="redux-plan-") as folder:
        try:
            copy = _copy_of(repo, settings, Path(folder))
        except BackendError as error:
            say(f"what the shared cache has is not in this plan: {error}")
            yield None
            return
        copy.store = LayeredStore(MemoryStore(), repo.store)
        place = SharedPlace(replace(settings.shared, mode="read-only"), folder, settings.database)
        try:
            share_at(copy, place, environment, user_file, say)
            yield copy
        finally:
            copy.close()


def _copy_of(repo: Repo, settings: Settings, folder: Path) -> Repo:
    """The repository on a database of its own, which may be written. Raises `BackendError`."""
    if isinstance(repo.backend, MemoryBackend):  # nothing is there yet
        return Repo(MemoryBackend(), repo.store, repo.inline_limit, repo.admission)
    path = sqlite_file(settings.database)
    if path is None:
        where = without_password(settings.database)
        raise BackendUnavailable(f"{where} is on a server, and only of a file there is a copy to plan with", where)
    if (size := os.path.getsize(path)) > MOST_COPIED:
        most = show_size(MOST_COPIED)
        why = f"{path} has {show_size(size)}, and a copy to plan with is made of what has {most} at most"
        raise BackendUnavailable(why, str(path))
    copy = folder / "redux.db"
    copy_file(path, copy)
    return open_repo(f"sqlite:///{copy}", str(folder / "values"), repo.inline_limit, admission=repo.admission)
