"""Opening the database and the value store for a command: to look, or to run, which goes on without them if it must."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from redux.cli.surroundings import Where, find_sources
from redux.config import Layer, Settings, Sources, prepare_run, read_settings
from redux.errors import BackendUnavailable, ProjectUnwritable, StoreUnavailable
from redux.repo import Repo, open_repo
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore


@dataclass(frozen=True, slots=True)
class RunStorage:
    """Where a run reads and writes. `made` is the .redux folder made for it; `trouble` why nothing is kept."""

    settings: Settings
    repo: Repo
    made: Path | None = None
    trouble: str | None = None


def open_to_read(where: Where) -> Repo:
    """The repository that a reading command looks at. Raises `ProjectMissing` and what opening raises."""
    return _open(read_settings(find_sources(where)))


def open_to_run(where: Where, flags: Layer) -> RunStorage:
    """The repository of a run; a .redux is made first where nothing says where to write.

    Where neither can be made or written, the run remembers in memory, and `trouble` says why. A database that is
    damaged or newer is an error: going on would hide it.
    """
    sources = find_sources(where, flags)
    try:
        made = prepare_run(sources)
        settings = read_settings(sources)
        return RunStorage(settings, _open(settings), made)
    except (ProjectUnwritable, BackendUnavailable, StoreUnavailable) as error:
        memory = Repo(MemoryBackend(), MemoryStore())
        return RunStorage(_settings_without_project(sources), memory, None, str(error))


def _settings_without_project(sources: Sources) -> Settings:
    """The settings of a run that keeps nothing."""
    flags = Layer(
        database="sqlite:///:memory:",
        store="memory://",
        executor=sources.flags.executor,
        workers=sources.flags.workers,
        cache=sources.flags.cache,
        keep_going=sources.flags.keep_going,
    )
    return read_settings(Sources(sources.folder, sources.environment, sources.user_file, flags))


def _open(settings: Settings) -> Repo:
    return open_repo(settings.database, settings.store, settings.inline_limit)
