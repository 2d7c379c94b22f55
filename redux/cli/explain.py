"""`redux explain-miss`: why calls ran instead of being reused."""

from __future__ import annotations

import sys

import click

from redux.cli import lookup
from redux.cli.naming import NEWEST
from redux.cli.naming import newest as newest_of
from redux.cli.output import line_width, show
from redux.cli.page_text import cause_details, causes_text
from redux.cli.render import STATUS_WORDS, indent, short, show_call, show_command, show_outcome, strong, to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.errors import UsageError
from redux.explain import explain_job, group_causes, look_inside, look_inside_groups
from redux.repo import Repo
from redux_backends.backend import Backend, JobView
from redux_backends.records import Execution, JobStatus, Outcome


@click.command(name="explain-miss", short_help="Say why calls ran.")
@click.argument("what", required=False, metavar="[JOB | TASK | EXECUTION]")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def explain_miss(what: str | None, as_json: bool, **places: str | None) -> int:
    """Say why calls ran instead of being reused.

    Without an argument: all calls of the last execution that ran, by cause. Code that changed is shown as a diff.
    """
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        show(_explain(repo, what, as_json))
        return 0
    finally:
        repo.close()


def _explain(repo: Repo, what: str | None, as_json: bool) -> list[str] | str:
    backend = repo.backend
    if what is None:
        newest = backend.executions(1)
        if not newest:
            raise UsageError("nothing was run here yet, so nothing missed; `redux run FILE TASK` runs a task")
        return _explain_execution(repo, newest[0], as_json)
    found = newest_of(backend) if what == NEWEST else lookup.resolve(backend, what)
    if found is not None and found.kind == "execution":
        return _explain_execution(repo, lookup.execution_of(backend, found), as_json)
    if found is not None and found.kind == "job":
        return _explain_job(repo, lookup.job_of(backend, found), as_json)
    if found is not None and found.kind != "task":
        raise UsageError(f"{what} is a {found.kind}; a miss belongs to a job: `redux log {what}` names its jobs")
    fullname = _task_name(backend, what)
    missed = backend.jobs(task=fullname, missed=True, limit=1)
    if not missed:
        raise UsageError(f"no recorded job of task {fullname} ran, so none missed")
    return _explain_job(repo, missed[0], as_json)


def _task_name(backend: Backend, what: str) -> str:
    found = lookup.resolve(backend, what)
    task = backend.get_task(lookup.digest_of(found)) if found is not None else None
    return task.fullname if task is not None else lookup.task_named(backend, what)


def _explain_execution(repo: Repo, execution: Execution, as_json: bool) -> list[str] | str:
    groups = look_inside_groups(repo.backend, repo.store, group_causes(repo.backend, execution.id))
    if as_json:
        return to_json("misses", {"execution": execution.id, "misses": groups})
    title = f"execution {short(execution.id)}  {show_command(execution)}"
    if not groups:
        return [title, _without_misses(repo.backend, execution)]
    return [title, "", *causes_text(groups, line_width(sys.stdout))]


def _without_misses(backend: Backend, execution: Execution) -> str:
    if backend.jobs(execution=execution.id, status=JobStatus.FAILED, limit=1):
        return f"nothing missed, but it failed: `redux log {short(execution.id)} --failed` lists what did"
    if execution.status is not JobStatus.DONE:
        return f"nothing missed, as far as it came: it is {STATUS_WORDS[execution.status]}"
    return "nothing missed: every call was known"


def _explain_job(repo: Repo, view: JobView, as_json: bool) -> list[str] | str:
    found = explain_job(repo.backend, view)
    cause = None if found is None else look_inside(repo.backend, repo.store, [found])[0]
    if as_json:
        return to_json("miss", {"job": view, "cause": cause})
    title = f"job {short(view.job.id)}  {show_call(view, line_width(sys.stdout) - 14)}"
    if cause is None:
        reused = view.job.outcome is not Outcome.RAN
        return [
            title,
            f"it did not miss: {show_outcome(view.job.outcome)}" if reused else "why it ran was not recorded",
        ]
    return [title, f"it ran: {strong(cause.words)}", *indent(cause_details(cause, line_width(sys.stdout) - 2))]
