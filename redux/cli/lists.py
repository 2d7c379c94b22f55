"""The lists of `redux log`: a page of executions, jobs, calls, tasks, values, files or tags, as text or JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from redux.cli import lookup
from redux.cli.log_filters import Filters, Kind
from redux.cli.output import line_width
from redux.cli.render import to_json
from redux.cli.views.executions import executions_text
from redux.cli.views.job_lines import jobs_text
from redux.cli.views.lists import calls_text, files_text, page_end, tags_text, tasks_text, values_text
from redux.tags import parse_tag_value
from redux_backends.backend import Backend
from redux_backends.listing import TagLine

_T = TypeVar("_T")

SHOWN = {Kind.EXECUTIONS: 20, Kind.JOBS: 200}
"""How many are shown of what, where nothing is said."""
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is shown."""

    limit: int | None = None
    offset: int = 0

    def of(self, kind: Kind) -> int:
        """How many of a kind are shown."""
        return self.limit or SHOWN.get(kind, _SHOWN)


def listed(backend: Backend, kind: Kind, filters: Filters, page: Page, as_json: bool) -> list[str] | str:
    """One page of a list. Raises UsageError for filters that do not go with it, UnknownId."""
    filters.check(kind)
    limit = page.of(kind)
    rows = _ROWS[kind](backend, filters, limit + 1, page.offset)
    shown, more = rows[:limit], len(rows) > limit
    if kind is Kind.EXECUTIONS:
        shown = lookup.execution_lines(backend, shown)
    elif kind is Kind.VALUES:
        described = backend.describe_values(shown)
        shown = [described[one] for one in shown if one in described]
    if as_json:
        rows = [_tag_data(one) if isinstance(one, TagLine) else one for one in shown]
        return to_json(kind, {kind.value: rows, "offset": page.offset, "more": more})
    if not shown:
        return _none(backend, kind, filters, page)
    return [*_TEXTS[kind](shown, line_width(sys.stdout)), *page_end(kind, len(shown), page.offset, more, filters.span)]


def _files(backend: Backend, filters: Filters, limit: int, offset: int) -> Sequence[object]:
    return backend.list_files(filters.patterns(), limit, offset)


def _tags(backend: Backend, filters: Filters, limit: int, offset: int) -> Sequence[object]:
    return backend.list_tags([tag.key for tag in filters.tags], limit, offset)


_ROWS: dict[Kind, Callable[[Backend, Filters, int, int], Sequence]] = {
    Kind.EXECUTIONS: lambda backend, of, limit, offset: backend.find_executions(of.executions(), limit, offset),
    Kind.JOBS: lambda backend, of, limit, offset: backend.find_jobs(of.jobs(backend), limit, offset),
    Kind.CALLS: lambda backend, of, limit, offset: backend.list_calls(of.calls(backend), limit, offset),
    Kind.TASKS: lambda backend, of, limit, offset: backend.list_tasks(of.names(), of.tags, limit, offset),
    Kind.VALUES: lambda backend, of, limit, offset: backend.list_values(of.patterns(), of.tags, limit, offset),
    Kind.FILES: _files,
    Kind.TAGS: _tags,
}
_TEXTS: dict[Kind, Callable[[Sequence, int], list[str]]] = {
    Kind.EXECUTIONS: lambda rows, width: executions_text(rows, time.time(), width),
    Kind.JOBS: lambda rows, width: jobs_text(rows, time.time(), width),
    Kind.CALLS: lambda rows, width: calls_text(rows, time.time(), width),
    Kind.TASKS: tasks_text,
    Kind.VALUES: values_text,
    Kind.FILES: files_text,
    Kind.TAGS: tags_text,
}


def _tag_data(line: TagLine) -> dict[str, object]:
    return {"key": line.key, "value": parse_tag_value(line.value), "kind": line.kind, "count": line.count}


def _none(backend: Backend, kind: Kind, filters: Filters, page: Page) -> str:
    """Why there is nothing to show."""
    if page.offset:
        return f"there are no more than {page.offset:,} such {kind}"
    if kind is Kind.EXECUTIONS and not backend.executions(1):
        return "nothing was run here yet; `redux run FILE TASK` runs a task"
    if kind is Kind.EXECUTIONS and filters.given == ["--tag"]:
        return "no execution has such tags; `redux tag list` shows what has tags"
    asked = filters.given
    span = f" {filters.span}" if filters.span else ""
    return f"no {kind[:-1]} fits{span}" if asked else f"no {kind} are recorded here"
