"""`redux run --dryrun`: what would run and why, without running it."""

from __future__ import annotations

import sys

from redux.cli.execution import Order, Shown, code_warnings_in_a_line, open_scheduler_for, shown_result
from redux.cli.main import DIFFERS
from redux.cli.output import show, stdout_to_stderr, tell, whole_width
from redux.cli.render import indent, to_json
from redux.cli.storage import open_to_run
from redux.scheduler import DryRunResult, WouldRun
from redux.words.jobs import cut
from redux.words.measures import show_count
from redux.words.reasons import describe_reason

_SHOWN_CALLS = 20


def rehearse_order(order: Order, shown: Shown) -> int:
    """Walk what is remembered of a task, say what would run, and give the exit code: 3 where anything would."""
    storage = open_to_run(order.where, order.flags, order.about.setup)
    try:
        scheduler = open_scheduler_for(order, storage)
        with stdout_to_stderr(), code_warnings_in_a_line():
            result = scheduler.dry_run(order.task(*order.call.args, **order.call.kwargs))
    finally:
        storage.repo.close()
    if shown.as_json:
        show(_as_json(result))
    elif result.would_run:
        tell(describe_rehearsal(result.would_run, whole_width(sys.stderr)))
    else:
        tell("" if shown.quiet else "nothing would run")
        show(shown_result(result.value))
    return DIFFERS if result.would_run else 0


def describe_rehearsal(would_run: tuple[WouldRun, ...], width: int) -> list[str]:
    """The calls that would run, each with its reason."""
    lines = [cut(f"{_call(one)}: {describe_reason(one.reason)}", width - 2) for one in would_run[:_SHOWN_CALLS]]
    if len(would_run) > len(lines):
        lines.append(f"and {show_count(len(would_run) - len(lines), 'more call')}")
    counted = show_count(len(would_run), "call")
    return [f"{counted} would run, and what comes after:", *indent(lines)]


def _call(one: WouldRun) -> str:
    return f"{one.fullname}({one.arguments})"


def _as_json(result: DryRunResult) -> str:
    return to_json(
        "dry-run",
        {
            "would_run": [
                {"task": one.fullname, "arguments": one.arguments, "why": describe_reason(one.reason)}
                for one in result.would_run
            ],
            "result": None if result.would_run else shown_result(result.value),
        },
    )
