"""A plan and what is said with it, asked of the repository that a run would have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from redux.cli.execution import Order, code_warnings_in_a_line, open_scheduler_for
from redux.cli.output import stdout_to_stderr, tell
from redux.cli.storage import RunStorage, looking
from redux.cli.surroundings import find_sources
from redux.cli.taken_words import taken_json, taken_line
from redux.planning.foresight import Foresight, look_into
from redux.settings.precedence import Settings


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run would take from the shared cache: a line (empty: nothing), and data (None: it was not asked)."""

    line: str = ""
    data: Mapping[str, object] | None = None


NOT_LOOKED = Looked()


def look_ahead(order: Order) -> tuple[Foresight, Looked]:
    """What a run of an order would do, and what it would take from the shared cache; nothing runs, or is written."""
    sources = find_sources(order.where, order.flags)
    with looking(order.where, order.flags, order.about.setup) as storage:
        foresight = _look(order, storage)
        if not foresight.plan.would_run or storage.settings.shared.url is None or not storage.settings.cache:
            return foresight, NOT_LOOKED
        from redux.shared.looking import with_shared

        said = storage.settings, sources.environment, sources.user_file, lambda words: tell(f"redux: {words}")
        with with_shared(storage.repo, *said) as copy:
            if copy is None:
                return foresight, NOT_LOOKED
            return _look(order, replace(storage, repo=copy)), Looked(taken_line(copy), taken_json(copy))


def _look(order: Order, storage: RunStorage) -> Foresight:
    scheduler = open_scheduler_for(order, storage)
    with stdout_to_stderr(), code_warnings_in_a_line():
        plan = scheduler.plan(order.task(*order.call.args, **order.call.kwargs))
    return look_into(plan, storage.repo, _workers(storage.settings))


def _workers(settings: Settings) -> int:
    if settings.workers is not None:
        return settings.workers
    cores = os.cpu_count() or 1
    return min(32, cores + 4) if settings.executor == "threads" else cores
