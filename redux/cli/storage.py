"""Opening the database and the value store for a command: to look, or to run, which goes on without them if it must."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redux.cli.given import read_setup
from redux.cli.output import stdout_to_stderr, tell
from redux.cli.surroundings import Where, find_sources
from redux.errors import (
    BackendUnavailable,
    DatabaseMissing,
    DatabaseNotice,
    ProjectUnwritable,
    SetupFailed,
    StoreUnavailable,
    UsageError,
)
from redux.exchange.others import location_of, open_to_look
from redux.repo import Repo
from redux.repo_of import open_repo_of
from redux.settings.folder import DATABASE_FILE
from redux.settings.precedence import Layer, Settings, Sources, needs_project, prepare_run, read_settings
from redux.settings.setup import set_up
from redux_backends.memory import MemoryBackend
from redux_backends.urls import IN_MEMORY, sqlite_file
from redux_valuestore.sharded import open_store
from redux_valuestore.store import MemoryStore


@dataclass(frozen=True, slots=True)
class RunStorage:
    """Where a run reads and writes. `made` is the .redux folder made for it; `trouble` why nothing is kept."""

    settings: Settings
    repo: Repo
    made: Path | None = None
    trouble: str | None = None


def open_to_read(where: Where) -> Repo:
    """The repository that a reading command looks at; its database is not made.

    Raises `ProjectMissing`, `DatabaseMissing` and what opening raises.
    """
    settings = read_settings(find_sources(where))
    return _with_far_values(open_recorded(settings), settings)


def open_recorded(settings: Settings) -> Repo:
    """The repository that settings name, without their shared cache; its database is not made.

    Raises `DatabaseMissing` and what opening raises.
    """
    _check_database(settings)
    path = sqlite_file(settings.database)
    if path is None or path.exists():
        return _open(settings)
    # A new project, in which nothing ran yet.
    return Repo(MemoryBackend(), open_store(settings.store), settings.inline_limit)


def open_to_write(where: Where) -> Repo:
    """The repository that a command records in; a .redux is made first where nothing says where to write.

    Raises `ProjectUnwritable` and what opening raises: there is nothing to go on with then.
    """
    make_project_if_needed(where)
    settings = read_settings(find_sources(where))
    return _with_far_values(_open(settings), settings)


def _with_far_values(repo: Repo, settings: Settings) -> Repo:
    """A repository whose large values may be in the shared cache alone."""
    if settings.shared.url is not None:
        from redux.shared.opening import lay_below

        lay_below(repo, settings)
    return repo


def make_project_if_needed(where: Where) -> None:
    """Make a .redux, and say so, where nothing says where to write. Raises `ProjectRefused`, `ProjectUnwritable`."""
    made = prepare_run(find_sources(where))
    if made is not None:
        tell(made_text(made))


def made_text(made: Path) -> str:
    """What is said of a .redux that was made."""
    return f"made {made}, where everything is kept"


def settings_with_database(where: Where) -> Settings:
    """The settings with the database that is meant; of one that is named and not there `DatabaseMissing`."""
    settings = read_settings(find_sources(where))
    _check_database(settings)
    return settings


def _check_database(settings: Settings) -> None:
    path = sqlite_file(settings.database)
    if (
        path is not None
        and not path.exists()
        and (settings.project is None or path != settings.project / DATABASE_FILE)
    ):
        raise DatabaseMissing(path)


def open_to_run(where: Where, flags: Layer, setup: Sequence[str] = ()) -> RunStorage:
    """The repository of a run; a .redux is made first where nothing says where to write.

    `setup` are the words for the setup function. Where neither database nor store can be made or written, the run
    remembers in memory, and `trouble` says why. A database that is damaged or newer is an error: going on would hide
    it.
    """
    sources = _set_up(find_sources(where, flags), setup)
    made, trouble = None, None
    try:
        made = prepare_run(sources)
    except ProjectUnwritable as error:
        sources, trouble = _without_project(sources), str(error)
    settings = read_settings(sources)
    if trouble is None:
        try:
            return RunStorage(settings, _opened_to_run(settings, sources), made)
        except (BackendUnavailable, StoreUnavailable) as error:
            trouble = str(error)
    return RunStorage(settings, Repo(MemoryBackend(), MemoryStore()), None, trouble)


@contextmanager
def looking(where: Where, flags: Layer, setup: Sequence[str] = ()) -> Iterator[RunStorage]:
    """The repository that a run would have, only read: nothing is made, upgraded or written.

    Where nothing is there yet, an empty one. Raises `BackendUnavailable` where another process wrote to the database
    while it was looked at, and what opening raises.
    """
    sources = _set_up(find_sources(where, flags), setup)
    settings = read_settings(_without_project(sources) if needs_project(sources) else sources)
    path = sqlite_file(settings.database)
    before = _stands(path)
    with notices_in_a_line():
        repo = open_to_look(location_of(settings))
    try:
        yield RunStorage(settings, repo)
    finally:
        repo.close()
        if _stands(path) != before:
            raise BackendUnavailable(f"{path} was written to while it was looked at; ask again", str(path))


def _stands(path: Path | None) -> tuple[int, int] | None:
    """How an SQLite file stands that nobody has open; of one that somebody has, SQLite itself keeps one state."""
    if path is None or not path.exists() or path.with_name(path.name + "-wal").exists():
        return None
    known = path.stat()
    return known.st_mtime_ns, known.st_size


def _without_project(sources: Sources) -> Sources:
    """The sources of a run that keeps nothing."""
    flags = replace(sources.flags, database=IN_MEMORY, store="memory://")
    return replace(sources, flags=flags, project=None)


def _set_up(sources: Sources, words: Sequence[str]) -> Sources:
    """The sources with what the setup function says. Raises UsageError for words that nobody takes."""
    try:
        with stdout_to_stderr():
            asked = set_up(sources, lambda setup: read_setup(setup, words))
    except SetupFailed as error:
        tell(error.traceback_text.rstrip("\n"))
        raise
    if words and asked.setup is None:
        raise UsageError(
            f"--setup {words[0]} has nobody to take it: name a function in the settings, "
            'as [scheduler] setup = "file.py::function"'
        )
    return asked


def _opened_to_run(settings: Settings, sources: Sources) -> Repo:
    repo = _open(settings)
    if settings.shared.url is not None:
        from redux.shared.opening import share

        share(repo, settings, sources.environment, sources.user_file, lambda words: tell(f"redux: {words}"))
    return repo


def _open(settings: Settings) -> Repo:
    with notices_in_a_line():
        return open_repo_of(settings)


@contextmanager
def notices_in_a_line() -> Iterator[None]:
    """What opening a database has to tell is said as redux says things; other warnings are shown as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DatabaseNotice)
        show_as_ever = warnings.showwarning

        def say(message: Warning | str, category: type[Warning], *details: Any) -> None:
            if issubclass(category, DatabaseNotice):
                tell(f"redux: {message}")
            else:
                show_as_ever(message, category, *details)

        warnings.showwarning = say
        yield
