"""Running from a script or a notebook as `redux run` does: the project's own `.redux`, its settings, its cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from redux.default_tags import default_tags
from redux.executors.configured import pools_of
from redux.expression import TaskCall
from redux.repo_of import open_repo_of
from redux.scheduler import Scheduler
from redux.settings.precedence import Layer, Sources, prepare_run, read_settings, user_file
from redux.settings.setup import set_up
from redux.tags import TagsGiven, given_tags
from redux.value import allow_pickle

T = TypeVar("T")


@contextmanager
def open_scheduler(folder: Path | None = None, *, flags: Layer | None = None) -> Iterator[Scheduler]:
    """A scheduler on the `.redux` found from `folder` (default: the current one) upward, made there if there is none.

    `flags` overrides the setup function (which gets no values here), the environment, the project's settings file and
    the user's own. Raises `ConfigError`, `SetupFailed`, `ProjectRefused`, `BackendError`.
    """
    said = Sources((folder or Path.cwd()).resolve(), os.environ, user_file(), flags or Layer())
    sources = set_up(said, lambda setup: {})
    prepare_run(sources)
    settings = read_settings(sources)
    allow_pickle(settings.pickle == "allow")
    repo = open_repo_of(settings)
    if settings.shared.url is not None:
        from redux.shared.opening import share  # noqa: PLC0415 - only where there is one

        share(repo, settings, sources.environment, sources.user_file)
    try:
        yield Scheduler(
            repo,
            executor=settings.executor,
            workers=settings.workers,
            use_cache=settings.cache,
            keep_going=settings.keep_going,
            folder=folder,
            limits=dict(settings.limits),
            executors=pools_of(settings.executors),
            context=settings.context,
            federated_tasks=settings.federated_tasks,
            single_flight=settings.single_flight,
        )
    finally:
        repo.close()


def run(
    expression: T,
    *,
    cache: bool | None = None,
    executor: str | None = None,
    workers: int | None = None,
    keep_going: bool | None = None,
    tags: TagsGiven = (),
    context: Mapping[str, object] | None = None,
) -> T:
    """The value of an expression, remembered in the `.redux` found from the current folder upward.

    The execution is recorded with `tags` (pairs of key and JSON value, or a dict) beside those that every execution
    has. What is given here counts before the project's settings: `cache=False` runs every call anew, `executor` is
    where tasks run, `workers` how many at once, `keep_going` lets a failed call stop only what depends on it, `context`
    lies over the project's. Raises the task's own error where one failed, and what `open_scheduler` raises.
    """
    flags = Layer(cache=cache, executor=executor, workers=workers, keep_going=keep_going, context=context)  # pyright: ignore[reportArgumentType]
    with open_scheduler(flags=flags) as scheduler:
        return scheduler.run(expression, tags=execution_tags(expression, scheduler.folder, tags))


def execution_tags(expression: object, folder: Path, given: TagsGiven, doc: str | None = None) -> TagsGiven:
    """The tags of an execution of an `expression`: those `given`, and of those that all have the ones with other keys.

    Which code it is, is found from `folder`; `doc` is what its user says of it.

    Raises TagError.
    """
    pairs = [(key, json.loads(value)) for key, value in given_tags(given)]
    fullname = expression._fullname if isinstance(expression, TaskCall) else None
    automatic = default_tags(folder, fullname, doc)
    return [*pairs, *((key, value) for key, value in automatic.items() if key not in dict(pairs))]
