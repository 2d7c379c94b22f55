"""What a word stands for that names something recorded: the newest execution, an id, a file, a task."""

from __future__ import annotations

import os

from redux.cli import lookup
from redux.cli.pages import FilePage
from redux.errors import UnknownId
from redux_backends.backend import Backend, Found

NEWEST = "-"
"""Stands for the newest execution."""


def what_is(backend: Backend, what: str) -> Found | FilePage:
    """The record that a word names, or the file. Raises UnknownId, AmbiguousId."""
    if what == NEWEST:
        return _newest(backend)
    found = lookup.resolve(backend, what)
    if found is not None:
        return found
    page = lookup.file_page(backend, what)
    if page is not None:
        return page
    if os.sep in what or os.path.exists(what):
        raise UnknownId(
            f"no recorded call read or wrote the file {what}; files go by the path that was given, or by the pattern "
            "that holds them, as `redux log 'data/*/x.csv'`",
            what,
        )
    try:
        fullname = lookup.task_named(backend, what)
    except UnknownId as error:
        raise UnknownId(f"{what!r} starts no id, and names no recorded file; {error}", what) from None
    return Found("task", backend.known_tasks([fullname])[fullname][0])


def record_of(backend: Backend, what: str) -> Found:
    """The record that a word names; of a file the value that holds it. Raises UnknownId, AmbiguousId."""
    found = what_is(backend, what)
    return found if isinstance(found, Found) else Found("value", found.page.value.hash)


def _newest(backend: Backend) -> Found:
    newest = backend.executions(1)
    if not newest:
        raise UnknownId("nothing was run here yet, so - names nothing; `redux run FILE TASK` runs a task", NEWEST)
    return Found("execution", newest[0].id)
