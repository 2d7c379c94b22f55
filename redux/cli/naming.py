"""What a word stands for that names something recorded: the newest execution, an id, a file, a task."""

from __future__ import annotations

import os
import re

from redux.cli import lookup
from redux.errors import UnknownId
from redux.lineage.reading import Reader
from redux.lineage.recorded_files import RecordedFile, find_recorded
from redux.lineage.upstream import writers_of
from redux_backends.backend import Backend, Found
from redux_backends.errors import MIN_PREFIX
from redux_backends.exchange import TAGGED, RecordId, RecordKind
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest

NEWEST = "-"
"""Stands for the newest execution."""
_BEFORE = re.compile(r"~(\d{1,9})")
"""Stands for an execution before the newest: `~1` for the one before it."""


def what_is(backend: Backend, what: str) -> Found | RecordedFile:
    """The record that a word names, or the file. Raises UnknownId, AmbiguousId."""
    found = record_named(backend, what)
    if found is not None:
        return found
    file = find_recorded(backend, what)
    if file is not None:
        return file
    return Found("task", _version_used(backend, _task_named(backend, what)))


def _version_used(backend: Backend, fullname: str) -> Digest:
    """The version of a task that its newest job had: code that was changed back is not the one recorded last."""
    known = backend.known_tasks([fullname])[fullname]
    used = {view.job.task_hash for view in backend.jobs(task=fullname, limit=1)}
    return next((version for version in known if version in used), known[0])


def record_named(backend: Backend, what: str) -> Found | None:
    """The record that a word names by its id, or the execution by its place; None where it does neither."""
    if what == NEWEST:
        return newest(backend)
    before = _BEFORE.fullmatch(what)
    return newest(backend, int(before[1])) if before is not None else lookup.resolve(backend, what)


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
    found = record_named(backend, what)
    if found is not None and found.kind != "task":
        return [RecordId(TAGGED[found.kind], found.id)]
    file = find_recorded(backend, what) if found is None else None
    if file is not None:
        return _roots_of_file(backend, file)
    if found is None:
        return _calls_of(backend, _task_named(backend, what, place), place)
    task = backend.get_task(lookup.digest_of(found))
    return [] if task is None else _calls_of(backend, task.fullname, place)


def _roots_of_file(backend: Backend, file: RecordedFile) -> list[RecordId]:
    """The value that holds a file, and the job of the call that wrote it."""
    value = RecordId(RecordKind.VALUE, file.holder.hash)
    fact = FileFact(file.path, file.content)
    reader = Reader(backend)
    wrote = writers_of(reader, [fact]).get(fact, [])[-1:]
    return [value, *(RecordId(RecordKind.JOB, reader.behind[call]) for call in wrote if call in reader.behind)]


def _calls_of(backend: Backend, fullname: str, place: str) -> list[RecordId]:
    calls = backend.calls_of_task(fullname)
    if not calls:
        raise UnknownId(
            f"no finished job of task {fullname} is recorded {place}, so there is no call to take", fullname
        )
    return [RecordId(RecordKind.CALL, call) for call in calls]


def record_of(backend: Backend, what: str) -> Found:
    """The record that a word names; of a file the value that holds it. Raises UnknownId, AmbiguousId."""
    found = what_is(backend, what)
    return found if isinstance(found, Found) else Found("value", found.holder.hash)


def newest(backend: Backend, before: int = 0) -> Found:
    """The newest execution, or one so many `before` it. Raises UnknownId where there is none."""
    executions = backend.executions(1, before)
    if executions:
        return Found("execution", executions[0].id)
    if before and backend.executions(1):
        raise UnknownId(f"~{before} is further back than the first execution; `redux log` lists them", f"~{before}")
    word = f"~{before}" if before else NEWEST
    raise UnknownId(f"nothing was run here yet, so {word} names nothing; `redux run FILE TASK` runs a task", word)
