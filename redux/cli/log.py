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
from redux.cli.nondeterminism import disagreements_json, disagreements_text
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
from redux.cli.render import STATUS_WORDS, to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import UnknownId, UsageError
from redux.repo import Repo
from redux_backends.backend import Backend, Found, TagFilter
from redux_backends.records import ExecutionId, JobStatus
from redux_valuestore.digest import Digest

EXECUTIONS_SHOWN = 20
JOBS_SHOWN = 200
CALLS_SHOWN = 20
_STATUSES = {word: status for status, word in STATUS_WORDS.items()}


@click.command(short_help="Show what was recorded.")
@click.argument("what", required=False)
@click.option("--task", "task", metavar="NAME", help="Jobs of this task.")
@click.option("--status", type=click.Choice(list(_STATUSES)), help="Jobs that stand so.")
@click.option("--failed", is_flag=True, help="Jobs that failed: --status failed.")
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="What has this tag; all of several.")
@click.option("--nondeterministic", is_flag=True, help="Calls that gave different results for the same arguments.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many to show.")
@json_option
@lineage_options
@where_options
def log(
    what: str | None,
    task: str | None,
    status: str | None,
    failed: bool,
    tags: tuple[str, ...],
    nondeterministic: bool,
    limit: int | None,
    as_json: bool,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    **places: str | None,
) -> int:
    """Show executions, newest first; or all about WHAT.

    WHAT is an id (execution, job, call, task or value; its first 4 digits or more), a file that a task read or wrote,
    the name of a task, or - for the newest execution. With --task, --status or --failed: the jobs that fit, of one
    execution if WHAT is one. With --tag: the executions that have such tags; with --task, --status, --failed or an
    execution the jobs, of which the tags of their tasks count as well. With --nondeterministic: the calls, of that
    execution or task, that gave different results for the same arguments. With --upstream or --downstream: what a
    value, file, call, job or argument (CALL:NAME) came from, or what it fed.
    """
    wanted = read_wanted(tags)
    stands = _one_status(status, failed)
    _refuse_choice(nondeterministic, stands, wanted)
    follow = upstream or downstream or depth is not None
    if follow:
        chosen = (task, stands, limit) != (None, None, None)
        check_followed(what, chosen or bool(wanted) or nondeterministic)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        backend = repo.backend
        if follow:
            lines = followed(backend, what, direction_of(upstream, downstream), depth, as_json)
        elif nondeterministic:
            lines = _disagreements(backend, what, task, limit or CALLS_SHOWN, as_json)
        elif task is not None or stands is not None or (wanted and what is not None):
            lines = _jobs(backend, _Asked(what, task, stands, wanted), limit or JOBS_SHOWN, as_json)
        elif what is None:
            lines = _executions(backend, wanted, limit or EXECUTIONS_SHOWN, as_json)
        else:
            lines = _about(repo, what, limit, as_json)
        show(lines)
        return 0
    finally:
        repo.close()


def _one_status(status: str | None, failed: bool) -> JobStatus | None:
    word = STATUS_WORDS[JobStatus.FAILED]
    if failed and status not in (None, word):
        raise UsageError(f"--failed is --status {word}; it does not go with --status {status}")
    return JobStatus.FAILED if failed else None if status is None else _STATUSES[status]


def _refuse_choice(nondeterministic: bool, status: JobStatus | None, tags: list[TagFilter]) -> None:
    if nondeterministic and (status is not None or tags):
        raise UsageError("--nondeterministic lists calls, not jobs: nothing is chosen by --status, --failed or --tag")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which jobs: of an execution, a task, that stand so, with tags."""

    what: str | None
    task: str | None
    status: JobStatus | None
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
                f"{asked.what} is a {found.kind}; --task, --status, --failed and --tag choose among the jobs of an "
                "execution"
            )
        execution = ExecutionId(found.id)
    fullname = lookup.task_named(backend, asked.task) if asked.task is not None else None
    views = backend.jobs(execution=execution, task=fullname, status=asked.status, tags=asked.tags, limit=limit)
    if as_json:
        return to_json("jobs", {"jobs": views})
    return jobs_text(views, time.time(), line_width(sys.stdout)) if views else "no job fits"


def _disagreements(backend: Backend, what: str | None, task: str | None, limit: int, as_json: bool) -> list[str] | str:
    found = None if what is None else record_of(backend, what)
    if found is not None and found.kind not in ("execution", "task"):
        raise UsageError(f"{what} is a {found.kind}; --nondeterministic takes an execution or a task")
    execution = ExecutionId(found.id) if found is not None and found.kind == "execution" else None
    named = backend.get_task(Digest(found.id)) if found is not None and execution is None else None
    names = [] if named is None else [named.fullname]
    names += [] if task is None else [lookup.task_named(backend, task)]
    if len(set(names)) > 1:
        raise UsageError(f"{' and '.join(names)} are two tasks; name one of them")
    told = backend.disagreements(task=names[0] if names else None, execution=execution, limit=limit + 1)
    shown, more = told[:limit], len(told) > limit
    if as_json:
        return disagreements_json(shown, more)
    if not shown:
        return "no recorded call gave different results for the same arguments"
    return disagreements_text(shown, more, time.time(), line_width(sys.stdout))


def _about(repo: Repo, what: str, limit: int | None, as_json: bool) -> list[str] | str:
    found = what_is(repo.backend, what)
    kind = found.kind if isinstance(found, Found) else "file"
    if limit is not None and kind != "execution":
        raise UsageError(f"{what} is a {kind}; --limit is for lists, and for the jobs of an execution")
    if isinstance(found, Found):
        return _record(repo, found, limit or JOBS_SHOWN, as_json)
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
