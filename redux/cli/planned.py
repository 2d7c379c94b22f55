"""A plan and what is said with it, asked of the repository that a run would have."""

from __future__ import annotations

import os

from redux.cli.execution import Order, code_warnings_in_a_line, open_scheduler_for
from redux.cli.output import stdout_to_stderr
from redux.cli.storage import looking
from redux.planning.foresight import Foresight, look_into
from redux.settings.precedence import Settings


def look_ahead(order: Order) -> Foresight:
    """What a run of an order would do; nothing runs, and nothing is written."""
    with looking(order.where, order.flags, order.about.setup) as storage:
        scheduler = open_scheduler_for(order, storage)
        with stdout_to_stderr(), code_warnings_in_a_line():
            plan = scheduler.plan(order.task(*order.call.args, **order.call.kwargs))
        return look_into(plan, storage.repo, _workers(storage.settings))


def _workers(settings: Settings) -> int:
    if settings.workers is not None:
        return settings.workers
    cores = os.cpu_count() or 1
    return min(32, cores + 4) if settings.executor == "threads" else cores
