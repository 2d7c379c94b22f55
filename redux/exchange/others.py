"""Other repositories to exchange records with: found in the settings, opened, told from this one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from redux.border import Admission, admission_of
from redux.errors import BackendUnavailable, DatabaseMissing, UsageError, nearest
from redux.repo import OWN, Repo, open_repo
from redux.repo_of import admitted_by
from redux.settings.folder import DATABASE_FILE, PROJECT_FILE, PROJECT_FOLDER, STORE_FOLDER
from redux.settings.layers import DEFAULT_INLINE_LIMIT, OtherRepo, Settings, Sources
from redux.settings.precedence import read_settings
from redux_backends.memory import MemoryBackend
from redux_backends.upkeep import refuse_older
from redux_backends.urls import SQLITE, sqlite_file, without_password
from redux_backends.versions import Version
from redux_valuestore.sharded import open_store
from redux_valuestore.store import MemoryStore


@dataclass(frozen=True, slots=True)
class Location:
    """Where a repository is: the URL of its `database`, its `store`, and up to how many bytes a value is a row.

    `password_command` gives the password of a database on a server, where its URL has none. `admission` says what its
    values may do when they are decoded.
    """

    database: str
    store: str
    inline_limit: int = DEFAULT_INLINE_LIMIT
    password_command: str | None = None
    admission: Admission = OWN

    @property
    def file(self) -> Path | None:
        """The file of a database on the disk, None for any other."""
        return sqlite_file(self.database)


def location_of(settings: Settings) -> Location:
    """Where the repository of some settings is."""
    return Location(
        settings.database, settings.store, settings.inline_limit, settings.password_command, admitted_by(settings)
    )


def named_repo(name: str, known: Sequence[OtherRepo]) -> OtherRepo:
    """The repository of this name. Raises `UsageError` with the nearest names."""
    for each in known:
        if each.name == name:
            return each
    names = [each.name for each in known]
    there = nearest(name, names) or (f"; known are {', '.join(names)}" if names else "")
    raise UsageError(f"no repository is called {name!r}{there}; `redux repo add NAME URL` names one")


def locate(other: OtherRepo, *, trusts_writers: bool = False) -> Location:
    """Where another repository is; its values may do what one's own may where nobody else writes, or `trusts_writers`.

    Raises `BackendUnavailable` for a folder that is not there, `UsageError`.
    """
    found = _locate(other)
    return replace(found, admission=admission_of(found.database, found.store, (), trusts_writers))


def _locate(other: OtherRepo) -> Location:
    if "://" in other.url:
        file = sqlite_file(other.url)
        if file is None and other.url.startswith(SQLITE):
            raise UsageError(f"{other.url} is the memory of one process, where nothing stays; name a file")
        store = other.store or (None if file is None else str(file.parent / STORE_FOLDER))
        if store is None:
            raise UsageError(
                f"it is not said where the large values of repository {other.name} are; give --store when it is named, "
                f"or [repos.{other.name}] a store: a folder or an fsspec URL that all who use it reach"
            )
        return Location(other.url, store, password_command=other.password_command)
    folder = _folder_of(other)
    if _is_foreign(folder):
        return _foreign(folder, other)
    settings = read_settings(Sources(folder.parent, {}, project=folder))
    asked = other.password_command or settings.password_command
    return Location(settings.database, other.store or settings.store, settings.inline_limit, asked)


def _folder_of(other: OtherRepo) -> Path:
    """The .redux folder that is named, or is in the one that is named."""
    folder = Path(other.url)
    if folder.name != PROJECT_FOLDER and (folder / PROJECT_FOLDER).is_dir():
        folder = folder / PROJECT_FOLDER
    if folder.is_file():
        raise UsageError(f"{folder} is a file, and a path names a folder; a database goes by its URL, {SQLITE}{folder}")
    if not folder.is_dir():
        raise BackendUnavailable(
            f"repository {other.name} is not there: no folder {folder}; see that its disk is mounted, or make it with "
            f"`redux init {folder.parent if folder.name == PROJECT_FOLDER else folder}`",
            str(folder),
        )
    if folder.name != PROJECT_FOLDER and not any((folder / name).exists() for name in (PROJECT_FILE, DATABASE_FILE)):
        raise BackendUnavailable(
            f"repository {other.name} is not there: no .redux in the folder {folder}; `redux init {folder}` makes one",
            str(folder),
        )
    return folder


def _is_foreign(folder: Path) -> bool:
    return hasattr(os, "geteuid") and folder.stat().st_uid != os.geteuid()


def _foreign(folder: Path, other: OtherRepo) -> Location:
    """Where the records of another user's .redux are, by their fixed names: settings could name programs to run."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BackendUnavailable(
            f"{folder} belongs to another user (uid {folder.stat().st_uid}), who lets nobody look into it; ask for the "
            "right to read it, or exchange by way of a third place",
            str(folder),
        )
    return Location(f"{SQLITE}{folder / DATABASE_FILE}", other.store or str(folder / STORE_FOLDER))


def open_to_read(location: Location) -> Repo:
    """A repository to read from, which is not changed by it: no database is made or upgraded.

    Raises `DatabaseMissing`, `BackendOlder` and what opening raises.
    """
    file = location.file
    if file is not None and not file.exists():
        if file.name != DATABASE_FILE or file.parent.name != PROJECT_FOLDER or not file.parent.is_dir():
            raise DatabaseMissing(file, "what `redux repo list` shows")
        # A project in which nothing ran yet.
        return Repo(MemoryBackend(), open_store(location.store), location.inline_limit)
    if file is None and _version_there(location) is None:
        return Repo(MemoryBackend(), open_store(location.store), location.inline_limit)
    return _open(location, upgrades=False)


def open_to_write(location: Location) -> Repo:
    """This repository to write to; its tables are made or upgraded if need be. Raises what opening raises."""
    return _open(location, upgrades=True)


def open_theirs_to_write(location: Location) -> Repo:
    """Another repository to write to; its tables are made where there are none, and never upgraded.

    Raises `BackendOlder` and what opening raises.
    """
    _version_there(location)
    return _open(location, upgrades=True)


def open_to_rehearse(location: Location) -> Repo:
    """A repository that would be written to; no database is made or upgraded. Raises what opening raises."""
    file = location.file
    if file is not None and file.parent.is_dir() and not file.exists():
        return Repo(MemoryBackend(), MemoryStore(), location.inline_limit)
    if file is None and _version_there(location) is None:
        return Repo(MemoryBackend(), MemoryStore(), location.inline_limit)
    return _open(location, upgrades=False)


def open_to_look(location: Location) -> Repo:
    """A repository that a run would write to, only read: no file is made, not even beside the database.

    Where it is not there yet, an empty one. Raises what opening raises.
    """
    file = location.file
    in_memory = file is None and location.database.startswith("sqlite")
    there = not in_memory and (_version_there(location) is not None if file is None else file.exists())
    if not there:
        return Repo(MemoryBackend(), MemoryStore(), location.inline_limit)
    return _open(location, upgrades=False, writes=False)


def _open(location: Location, *, upgrades: bool, writes: bool = True) -> Repo:
    return open_repo(
        location.database, location.store, location.inline_limit, location.password_command,
        upgrades=upgrades, writes=writes, admission=location.admission,
    )  # fmt: skip


def _version_there(location: Location) -> Version | None:
    """The version of its tables, None where there are none yet. Raises `BackendOlder`."""
    return refuse_older(location.database, location.password_command, _how_to_upgrade(location))


def _how_to_upgrade(location: Location) -> str:
    url = shlex.quote(without_password(location.database))
    return f"that is for whoever it belongs to: `redux db upgrade --db {url}` changes it for all who use it"


def refuse_itself(name: str, here: Location, there: Location) -> None:
    """Refuse to exchange records of a repository with itself. Raises `UsageError`."""
    if _place(here.database) == _place(there.database):
        raise UsageError(f"repository {name} is this one: {without_password(there.database)}")


def share_store(here: Location, there: Location) -> bool:
    """Whether two repositories keep their large values in one place."""
    return _place(here.store) == _place(there.store)


def _place(location: str) -> str:
    path = sqlite_file(location)
    if path is not None:
        return SQLITE + os.path.realpath(path)
    return location.rstrip("/") if "://" in location else os.path.realpath(location)
