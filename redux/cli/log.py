"""`redux log`: executions, and all that is known of an id, a file or a task."""

from __future__ import annotations

import os
import sys
import time

import click

from redux.cli import lookup
from redux.cli.lineage import direction_of, lineage_options
from redux.cli.lineage_text import lineage_text
from redux.cli.output import line_width, show, whole_width
from redux.cli.page_text import (
    call_text,
    execution_text,
    executions_text,
    file_text,
    job_text,
    jobs_text,
    task_text,
    value_text,
)
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.errors import UnknownId, UsageError
from redux.exports.plain_json import write_json
from redux.exports.terms import Terms
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.graph import Direction
from redux.repo import Repo
from redux_backends.backend import Backend, Found
from redux_backends.records import ExecutionId, JobStatus
from redux_valuestore.digest import Digest

EXECUTIONS_SHOWN = 20
JOBS_SHOWN = 200


@click.command(short_help="Show what was recorded.")
@click.argument("what", required=False)
@click.option("--task", "task", metavar="NAME", help="Jobs of this task.")
@click.option("--failed", is_flag=True, help="Jobs that failed.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@lineage_options
@where_options
def log(
    what: str | None,
    task: str | None,
    failed: bool,
    limit: int | None,
    as_json: bool,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    **places: str | None,
) -> int:
    """Show executions, newest first; or all about WHAT.

    WHAT is an id (execution, job, call, task or value; its first 4 digits or more), a file that a task read or wrote,
    or the name of a task. With --task or --failed: the jobs that fit, of one execution if WHAT is one. With --upstream
    or --downstream: what a value, file, call, job or argument (CALL:NAME) came from, or what it fed.
    """
    way = direction_of(upstream, downstream)
    if way is not None or depth is not None:
        _check_followed(what, task is not None or failed or limit is not None)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        backend = repo.backend
        if way is not None or depth is not None:
            lines = _followed(backend, what, way or Direction.UPSTREAM, depth, as_json)
        elif task is not None or failed:
            lines = _jobs(backend, what, task, failed, limit or JOBS_SHOWN, as_json)
        elif what is None:
            lines = _executions(backend, limit or EXECUTIONS_SHOWN, as_json)
        else:
            lines = _about(repo, what, limit or JOBS_SHOWN, as_json)
        show(lines)
        return 0
    finally:
        repo.close()


def _check_followed(what: str | None, others: bool) -> None:
    """Refuse to follow nothing, and options that say something else. Raises UsageError."""
    if what is None or others:
        raise UsageError("--upstream, --downstream and --depth follow what is named, as `redux log FILE --upstream`")


def _followed(backend: Backend, what: str | None, way: Direction, depth: int | None, as_json: bool) -> list[str] | str:
    lineage = lineage_of(backend, question_of(backend, what), direction=way, depth=depth)
    if as_json:
        return "".join(write_json(lineage, Terms())).rstrip()
    up, down = way is not Direction.DOWNSTREAM, way is not Direction.UPSTREAM
    return lineage_text(lineage, up, down, line_width(sys.stdout))


def _executions(backend: Backend, limit: int, as_json: bool) -> list[str] | str:
    lines = lookup.list_executions(backend, limit)
    if as_json:
        return to_json("executions", {"executions": lines})
    if not lines:
        return "nothing was run here yet; `redux run FILE TASK` runs a task"
    return executions_text(lines, time.time(), line_width(sys.stdout))


def _jobs(
    backend: Backend, what: str | None, task: str | None, failed: bool, limit: int, as_json: bool
) -> list[str] | str:
    execution: ExecutionId | None = None
    if what is not None:
        found = backend.resolve(what)
        if found.kind != "execution":
            raise UsageError(f"{what} is a {found.kind}; --task and --failed choose among the jobs of an execution")
        execution = ExecutionId(found.id)
    fullname = lookup.task_named(backend, task) if task is not None else None
    status = JobStatus.FAILED if failed else None
    views = backend.jobs(execution=execution, task=fullname, status=status, limit=limit)
    if as_json:
        return to_json("jobs", {"jobs": views})
    return jobs_text(views, time.time(), line_width(sys.stdout)) if views else "no job fits"


def _about(repo: Repo, what: str, limit: int, as_json: bool) -> list[str] | str:
    backend = repo.backend
    found = lookup.resolve(backend, what)
    if found is not None:
        return _record(repo, found, limit, as_json)
    page = lookup.file_page(backend, what)
    if page is not None:
        return to_json("file", page) if as_json else file_text(page, time.time(), line_width(sys.stdout))
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
    newest = backend.known_tasks([fullname])[fullname][0]
    return _record(repo, Found("task", newest), limit, as_json)


def _record(repo: Repo, found: Found, limit: int, as_json: bool) -> list[str] | str:
    backend = repo.backend
    now, width = time.time(), line_width(sys.stdout)
    if found.kind == "execution":
        execution = lookup.execution_page(backend, lookup.execution_of(backend, found), limit)
        return (
            to_json("execution", execution)
            if as_json
            else execution_text(execution, now, width, whole_width(sys.stdout))
        )
    if found.kind == "job":
        job = lookup.job_page(repo, lookup.job_of(backend, found))
        return to_json("job", job) if as_json else job_text(job, now, width)
    if found.kind == "task":
        task = lookup.task_page(backend, Digest(found.id))
        return to_json("task", task) if as_json else task_text(task, now, width)
    if found.kind == "value":
        value = lookup.value_page(backend, Digest(found.id))
        return to_json("value", value) if as_json else value_text(value, now, width)
    node = backend.get_call(Digest(found.id))
    if node is None:
        raise UnknownId.of(found.id.hex())
    call = lookup.call_page(backend, node)
    return to_json("call", call) if as_json else call_text(call, now, width)
