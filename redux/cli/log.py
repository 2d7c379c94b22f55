"""`redux log`: executions, and all that is known of an id, a file or a task."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import click

from redux.cli import lookup
from redux.cli.given import read_wanted
from redux.cli.lineage import check_followed, direction_of, followed, lineage_options
from redux.cli.naming import record_of, what_is
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
from redux.repo import Repo
from redux_backends.backend import Backend, Found, TagFilter
from redux_backends.records import ExecutionId, JobStatus
from redux_valuestore.digest import Digest

EXECUTIONS_SHOWN = 20
JOBS_SHOWN = 200


@click.command(short_help="Show what was recorded.")
@click.argument("what", required=False)
@click.option("--task", "task", metavar="NAME", help="Jobs of this task.")
@click.option("--failed", is_flag=True, help="Jobs that failed.")
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="What has this tag; all of several.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@lineage_options
@where_options
def log(
    what: str | None,
    task: str | None,
    failed: bool,
    tags: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    **places: str | None,
) -> int:
    """Show executions, newest first; or all about WHAT.

    WHAT is an id (execution, job, call, task or value; its first 4 digits or more), a file that a task read or wrote,
    the name of a task, or - for the newest execution. With --task or --failed: the jobs that fit, of one execution if
    WHAT is one. With --tag: the executions that have such tags; with --task, --failed or an execution the jobs, of
    which the tags of their tasks count as well. With --upstream or --downstream: what a value, file, call, job or
    argument (CALL:NAME) came from, or what it fed.
    """
    wanted = read_wanted(tags)
    follow = upstream or downstream or depth is not None
    if follow:
        check_followed(what, task is not None or failed or limit is not None or bool(wanted))
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        backend = repo.backend
        if follow:
            lines = followed(backend, what, direction_of(upstream, downstream), depth, as_json)
        elif task is not None or failed or (wanted and what is not None):
            lines = _jobs(backend, _Asked(what, task, failed, wanted), limit or JOBS_SHOWN, as_json)
        elif what is None:
            lines = _executions(backend, wanted, limit or EXECUTIONS_SHOWN, as_json)
        else:
            lines = _about(repo, what, limit or JOBS_SHOWN, as_json)
        show(lines)
        return 0
    finally:
        repo.close()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which jobs: of an execution, a task, failed ones, with tags."""

    what: str | None
    task: str | None
    failed: bool
    tags: list[TagFilter]


def _executions(backend: Backend, wanted: list[TagFilter], limit: int, as_json: bool) -> list[str] | str:
    lines = lookup.list_executions(backend, limit, wanted)
    if as_json:
        return to_json("executions", {"executions": lines})
    if not lines and wanted and backend.executions(1):
        return "no execution has such tags; `redux tag list` shows what has tags"
    if not lines:
        return "nothing was run here yet; `redux run FILE TASK` runs a task"
    return executions_text(lines, time.time(), line_width(sys.stdout))


def _jobs(backend: Backend, asked: _Asked, limit: int, as_json: bool) -> list[str] | str:
    execution: ExecutionId | None = None
    if asked.what is not None:
        found = record_of(backend, asked.what)
        if found.kind != "execution":
            raise UsageError(
                f"{asked.what} is a {found.kind}; --task, --failed and --tag choose among the jobs of an execution"
            )
        execution = ExecutionId(found.id)
    fullname = lookup.task_named(backend, asked.task) if asked.task is not None else None
    status = JobStatus.FAILED if asked.failed else None
    views = backend.jobs(execution=execution, task=fullname, status=status, tags=asked.tags, limit=limit)
    if as_json:
        return to_json("jobs", {"jobs": views})
    return jobs_text(views, time.time(), line_width(sys.stdout)) if views else "no job fits"


def _about(repo: Repo, what: str, limit: int, as_json: bool) -> list[str] | str:
    found = what_is(repo.backend, what)
    if isinstance(found, Found):
        return _record(repo, found, limit, as_json)
    return to_json("file", found) if as_json else file_text(found, time.time(), line_width(sys.stdout))


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
