"""`redux explain-miss`: why calls ran instead of being reused, down to the root causes."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import click

from redux.cli import lookup
from redux.cli.miss_text import causes_text, job_miss_text
from redux.cli.naming import record_named
from redux.cli.output import line_width, show
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import UsageError
from redux.explain import Explained, Miss, group_causes, look_inside_groups, look_inside_miss
from redux.repo import Repo
from redux.words.jobs import STATUS_WORDS, short, show_command
from redux_backends.backend import Backend, JobView
from redux_backends.records import Execution, JobStatus, Outcome

_RAN = 1
"""The exit code with --exit-code, where something ran."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What is printed, and whether anything ran."""

    lines: list[str] | str
    any_ran: bool


@click.command(name="explain-miss", short_help="Say why calls ran.")
@click.argument("what", required=False, metavar="[JOB | TASK | EXECUTION]")
@json_option
@click.option("--exit-code", is_flag=True, help="Exit 1 where something ran, 0 where all was known.")
@where_options
def explain_miss(what: str | None, as_json: bool, exit_code: bool, **places: str | None) -> int:
    """Say why calls ran instead of being reused, and what was changed for that.

    Without an argument: all calls of the last execution that ran, by root cause. Code that changed is shown as a diff.
    """
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        said = _explain(repo, what, as_json)
        show(said.lines)
        return _RAN if exit_code and said.any_ran else 0
    finally:
        repo.close()


def _explain(repo: Repo, what: str | None, as_json: bool) -> _Said:
    backend = repo.backend
    if what is None:
        newest = backend.executions(1)
        if not newest:
            raise UsageError("nothing was run here yet, so nothing missed; `redux run FILE TASK` runs a task")
        return _explain_execution(repo, newest[0], as_json)
    found = record_named(backend, what)
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
    return _explain_job(repo, missed[0], as_json, of_task=True)


def _task_name(backend: Backend, what: str) -> str:
    found = lookup.resolve(backend, what)
    task = backend.get_task(lookup.digest_of(found)) if found is not None else None
    return task.fullname if task is not None else lookup.task_named(backend, what)


def _explain_execution(repo: Repo, execution: Execution, as_json: bool) -> _Said:
    backend = repo.backend
    groups = look_inside_groups(backend, repo.store, group_causes(backend, execution.id))
    if as_json:
        return _Said(to_json("misses", {"execution": execution.id, "misses": groups}), bool(groups))
    title = f"execution {short(execution.id)}  {show_command(execution)}"
    if not groups:
        return _Said([title, _without_misses(backend, execution)], False)
    return _Said([title, "", *causes_text(groups, line_width(sys.stdout))], True)


def _without_misses(backend: Backend, execution: Execution) -> str:
    if backend.jobs(execution=execution.id, status=JobStatus.FAILED, limit=1):
        return f"nothing missed, but it failed: `redux log {short(execution.id)} --failed` lists what did"
    if execution.status is not JobStatus.DONE:
        return f"nothing missed, as far as it came: it is {STATUS_WORDS[execution.status]}"
    return "nothing missed: every call was known"


def _explain_job(repo: Repo, view: JobView, as_json: bool, of_task: bool = False) -> _Said:
    """One job; where a task was asked about, the newest of it that ran, and all of it that ran beside."""
    backend = repo.backend
    execution = backend.get_execution(view.job.execution)
    explained = None if execution is None else Explained(backend, execution)
    found = None if explained is None else explained.job(view)
    miss = None if found is None else look_inside_miss(backend, repo.store, found)
    beside = explained.groups(view.fullname) if explained is not None and of_task else []
    any_ran = view.job.outcome is Outcome.RAN
    if as_json:
        return _Said(to_json("miss", {"job": view, **_plain(miss), "of_task": beside}), any_ran)
    return _Said(job_miss_text(view, miss, beside, time.time(), line_width(sys.stdout)), any_ran)


def _plain(miss: Miss | None) -> dict[str, object]:
    if miss is None:
        return {"cause": None, "compared": None, "roots": [], "disagrees": False}
    return {"cause": miss.cause, "compared": miss.compared, "roots": miss.roots, "disagrees": miss.disagrees}
