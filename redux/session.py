"""Running from a script or a notebook as `redux run` does: the project's own `.redux`, its settings, its cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redux.config import Layer, Sources, prepare_run, read_settings, user_file
from redux.repo import open_repo
from redux.scheduler import Scheduler
from redux.value import allow_pickle


@contextmanager
def open_scheduler(folder: Path | None = None, *, flags: Layer | None = None) -> Iterator[Scheduler]:
    """A scheduler on the `.redux` found from `folder` (default: the current one) upward, made there if there is none.

    `flags` overrides the environment, the project's settings file and the user's own.
    Raises `ConfigError`, `ProjectRefused`, `BackendError`.
    """
    sources = Sources((folder or Path.cwd()).resolve(), os.environ, user_file(), flags or Layer())
    prepare_run(sources)
    settings = read_settings(sources)
    allow_pickle(settings.pickle == "allow")
    repo = open_repo(settings.database, settings.store, settings.inline_limit)
    try:
        yield Scheduler(
            repo,
            executor=settings.executor,
            workers=settings.workers,
            use_cache=settings.cache,
            keep_going=settings.keep_going,
            folder=folder,
        )
    finally:
        repo.close()


def run(
    expression: object,
    *,
    cache: bool | None = None,
    executor: str | None = None,
    workers: int | None = None,
    keep_going: bool | None = None,
) -> object:
    """The value of an expression, remembered in the `.redux` found from the current folder upward.

    Raises the task's own error where one failed. Options override the project's settings.
    """
    flags = Layer(cache=cache, executor=executor, workers=workers, keep_going=keep_going)  # pyright: ignore[reportArgumentType]
    with open_scheduler(flags=flags) as scheduler:
        return scheduler.run(expression)
