"""Other repositories to exchange records with: found in the settings, opened, told from this one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redux.errors import BackendUnavailable, DatabaseMissing, UsageError, nearest
from redux.repo import Repo, open_repo
from redux.settings.folder import DATABASE_FILE, PROJECT_FOLDER, STORE_FOLDER
from redux.settings.layers import DEFAULT_INLINE_LIMIT, OtherRepo, Settings, Sources
from redux.settings.precedence import read_settings
from redux_backends.memory import MemoryBackend
from redux_backends.urls import without_password
from redux_valuestore.sharded import open_store
from redux_valuestore.store import MemoryStore

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a repository is: the URL of its `database`, its `store`, and up to how many bytes a value is a row.

    `password_command` gives the password of a database on a server, where its URL has none.
    """

    database: str
    store: str
    inline_limit: int = DEFAULT_INLINE_LIMIT
    password_command: str | None = None

    @property
    def file(self) -> Path | None:
        """The file of a database on the disk, None for any other."""
        return Path(self.database.removeprefix(_SQLITE)) if self.database.startswith(_SQLITE) else None


def location_of(settings: Settings) -> Location:
    """Where the repository of some settings is."""
    return Location(settings.database, settings.store, settings.inline_limit, settings.password_command)


def named_repo(name: str, known: Sequence[OtherRepo]) -> OtherRepo:
    """The repository of this name. Raises `UsageError` with the nearest names."""
    for each in known:
        if each.name == name:
            return each
    names = [each.name for each in known]
    there = nearest(name, names) or (f"; known are {', '.join(names)}" if names else "")
    raise UsageError(f"no repository is called {name!r}{there}; `redux repo add NAME URL` names one")


def locate(other: OtherRepo) -> Location:
    """Where another repository is. Raises `BackendUnavailable` for a folder that is not there, `UsageError`."""
    if "://" in other.url:
        file = Location(other.url, "").file
        store = other.store or (None if file is None else str(file.parent / STORE_FOLDER))
        if store is None:
            raise UsageError(
                f"it is not said where the large values of repository {other.name} are; give --store when it is named, "
                f"or [repos.{other.name}] a store: a folder or an fsspec URL that all who use it reach"
            )
        return Location(other.url, store, password_command=other.password_command)
    folder = Path(other.url)
    if folder.name != PROJECT_FOLDER and (folder / PROJECT_FOLDER).is_dir():
        folder = folder / PROJECT_FOLDER
    if not folder.is_dir():
        raise BackendUnavailable(
            f"repository {other.name} is not there: no folder {folder}; see that its disk is mounted, or make it there "
            "with `redux init`",
            str(folder),
        )
    settings = read_settings(Sources(folder.parent, {}, project=folder))
    asked = other.password_command or settings.password_command
    return Location(settings.database, other.store or settings.store, settings.inline_limit, asked)


def open_to_read(location: Location) -> Repo:
    """A repository to read from; its database is not made. Raises `DatabaseMissing` and what opening raises."""
    file = location.file
    if file is None or file.exists():
        return open_to_write(location)
    if file.name != DATABASE_FILE or file.parent.name != PROJECT_FOLDER or not file.parent.is_dir():
        raise DatabaseMissing(file, "what `redux repo list` shows")
    # A project in which nothing ran yet.
    return Repo(MemoryBackend(), open_store(location.store), location.inline_limit)


def open_to_write(location: Location) -> Repo:
    """A repository to write to; its tables are made where there are none. Raises what opening raises."""
    return open_repo(location.database, location.store, location.inline_limit, location.password_command)


def open_to_rehearse(location: Location) -> Repo:
    """A repository that would be written to; its file is not made. Raises what opening raises."""
    file = location.file
    if file is None or file.exists() or not file.parent.is_dir():
        return open_to_write(location)
    return Repo(MemoryBackend(), MemoryStore(), location.inline_limit)


def refuse_itself(name: str, here: Location, there: Location) -> None:
    """Refuse to exchange records of a repository with itself. Raises `UsageError`."""
    if _place(here.database) == _place(there.database):
        raise UsageError(f"repository {name} is this one: {without_password(there.database)}")


def share_store(here: Location, there: Location) -> bool:
    """Whether two repositories keep their large values in one place."""
    return _place(here.store) == _place(there.store)


def _place(location: str) -> str:
    if location.startswith(_SQLITE):
        return _SQLITE + os.path.realpath(location.removeprefix(_SQLITE))
    return location.rstrip("/") if "://" in location else os.path.realpath(location)
