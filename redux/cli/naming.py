"""What a word stands for that names something recorded: the newest execution, an id, a file, a task."""

from __future__ import annotations

import os
import re

from redux.cli import lookup
from redux.cli.pages import FilePage
from redux.errors import UnknownId
from redux_backends.answers import NO_LIMIT
from redux_backends.backend import Backend, Found
from redux_backends.errors import MIN_PREFIX
from redux_backends.exchange import TAGGED, RecordId, RecordKind

NEWEST = "-"
"""Stands for the newest execution."""


def what_is(backend: Backend, what: str) -> Found | FilePage:
    """The record that a word names, or the file. Raises UnknownId, AmbiguousId."""
    if what == NEWEST:
        return newest(backend)
    found = lookup.resolve(backend, what)
    if found is not None:
        return found
    page = lookup.file_page(backend, what)
    if page is not None:
        return page
    fullname = _task_named(backend, what)
    return Found("task", backend.known_tasks([fullname])[fullname][0])


def _task_named(backend: Backend, what: str, place: str = "") -> str:
    """The full name of a task, where a word is neither id nor file of what is at a `place`. Raises UnknownId."""
    where = place and f" {place}"
    if os.sep in what or os.path.exists(what):
        raise UnknownId(
            f"no recorded call{where} read or wrote the file {what}; files go by the path that was given, or by the "
            "pattern that holds them, as `redux log 'data/*/x.csv'`",
            what,
        )
    try:
        return lookup.task_named(backend, what)
    except UnknownId as error:
        short = re.fullmatch(f"[0-9a-fA-F]{{1,{MIN_PREFIX - 1}}}", what)
        starts = f"is too short for an id (at least {MIN_PREFIX} digits)" if short else f"starts no id{where}"
        raise UnknownId(f"{what!r} {starts}, and names no recorded file; {error}", what) from None


def roots_of(backend: Backend, what: str, place: str) -> list[RecordId]:
    """The records that a word stands for where they are taken elsewhere with all below them; errors say the `place`.

    A task's name stands for its finished calls, a file for the value that holds it and the job that made that.

    Raises UnknownId, AmbiguousId.
    """
    found = newest(backend) if what == NEWEST else lookup.resolve(backend, what)
    if found is not None and found.kind != "task":
        return [RecordId(TAGGED[found.kind], found.id)]
    page = lookup.file_page(backend, what) if found is None else None
    if page is not None:
        value, maker = RecordId(RecordKind.VALUE, page.page.value.hash), page.page.maker
        return [value] if maker is None else [value, RecordId(RecordKind.JOB, maker.job.job.id)]
    if found is None:
        return _calls_of(backend, _task_named(backend, what, place), place)
    task = backend.get_task(lookup.digest_of(found))
    return [] if task is None else _calls_of(backend, task.fullname, place)


def _calls_of(backend: Backend, fullname: str, place: str) -> list[RecordId]:
    jobs = backend.jobs(task=fullname, limit=NO_LIMIT)
    calls = dict.fromkeys(view.job.call_hash for view in jobs if view.job.call_hash is not None)
    if not calls:
        raise UnknownId(
            f"no finished job of task {fullname} is recorded {place}, so there is no call to take", fullname
        )
    return [RecordId(RecordKind.CALL, call) for call in calls]


def record_of(backend: Backend, what: str) -> Found:
    """The record that a word names; of a file the value that holds it. Raises UnknownId, AmbiguousId."""
    found = what_is(backend, what)
    return found if isinstance(found, Found) else Found("value", found.page.value.hash)


def newest(backend: Backend) -> Found:
    """The newest execution. Raises UnknownId where there is none."""
    executions = backend.executions(1)
    if not executions:
        raise UnknownId("nothing was run here yet, so - names nothing; `redux run FILE TASK` runs a task", NEWEST)
    return Found("execution", executions[0].id)
