"""`redux log`: lists of what was recorded, and all that is known of an id, a file or a task."""

from __future__ import annotations

import sys
import time

import click

from redux.cli import lookup
from redux.cli.given import read_wanted
from redux.cli.lineage import check_followed, direction_of, followed, lineage_options
from redux.cli.lists import Page, listed
from redux.cli.log_filters import Filters, Kind
from redux.cli.log_json import file_data, value_data
from redux.cli.moments import read_moment
from redux.cli.naming import record_of, what_is
from redux.cli.nondeterminism import disagreements_json, disagreements_text
from redux.cli.output import line_width, whole_width
from redux.cli.pager import show_paged
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.cli.views.executions import execution_text
from redux.cli.views.jobs import job_text
from redux.cli.views.records import call_text, file_text, task_text, value_text
from redux.errors import UnknownId, UsageError
from redux.repo import Repo
from redux.words.jobs import STATUS_WORDS
from redux_backends.backend import Backend, Found
from redux_backends.records import ExecutionId, JobStatus
from redux_valuestore.digest import Digest

JOBS_SHOWN = 200
CALLS_SHOWN = 20
_STATUSES = {word: status for status, word in STATUS_WORDS.items()}


@click.command(short_help="Show what was recorded.")
@click.argument("what", required=False)
@click.option("--list", "kind", type=click.Choice([*map(str, Kind)]), help="List all of a kind, newest first.")
@click.option("--task", metavar="NAME", help="Of this task.")
@click.option("--status", type=click.Choice(list(_STATUSES)), help="What stands so.")
@click.option("--failed", is_flag=True, help="What failed: --status failed.")
@click.option("--since", metavar="WHEN", help="Started then or later: 2h, 3d, yesterday, 2026-11-20, …T14:30.")
@click.option("--until", metavar="WHEN", help="Started before that; of a day, before its end.")
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="What has this tag; all of several.")
@click.option("--arg", "args", multiple=True, metavar="[NAME=]VALUE", help="Given this: JSON, text, file or hash.")
@click.option("--result", metavar="VALUE", help="What gave this.")
@click.option("--file", "files", multiple=True, metavar="GLOB", help="What read, wrote or holds such a file.")
@click.option("--execution", metavar="ID", help="Of this execution.")
@click.option("--nondeterministic", is_flag=True, help="Calls that gave different results for the same arguments.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many to show.")
@click.option("--offset", type=click.IntRange(min=0), metavar="N", default=0, help="Without the first N.")
@json_option
@click.option("--no-pager", is_flag=True, help="All at once on a terminal, too.")
@lineage_options
@where_options
def log(
    what: str | None,
    kind: str | None,
    limit: int | None,
    offset: int,
    as_json: bool,
    no_pager: bool,
    nondeterministic: bool,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    **said: object,
) -> int:
    """Show executions, newest first; or all about WHAT.

    WHAT is an id (execution, job, call, task or value; its first 4 digits or more), a file that a task read or wrote,
    the name of a task, - for the newest execution, or ~1 for the one before it, ~2 and so on.

    With filters: the jobs that fit all of them, of the execution or task WHAT if one is named; with --since, --until or
    --tag alone the executions. --list says what else is to be listed, as in `redux log --list calls --file 'data/*'`.
    A filter that cannot apply to what is listed is an error. VALUE is JSON, a text, the path of a file or a hash.
    A tag of a task counts for its jobs. Moments are in the time zone of this machine.

    With --nondeterministic: the calls, of that execution or task, that gave different results for the same arguments.
    With --upstream or --downstream: what a value, file, call, job or argument (CALL:NAME) came from, or what it fed.
    """
    filters, execution, places = _read(said)
    wanted, page = None if kind is None else Kind(kind), Page(limit, offset)
    asks = bool(filters.given) or execution is not None
    _refuse_choice(nondeterministic, wanted, filters, offset)
    follow = upstream or downstream or depth is not None
    if follow:
        check_followed(what, asks or wanted is not None or limit is not None or offset > 0 or nondeterministic)
    repo = open_to_read(places)
    try:
        backend = repo.backend
        if follow:
            lines = followed(backend, what, direction_of(upstream, downstream), depth, as_json)
        elif nondeterministic:
            lines = _disagreements(backend, what, execution, filters.task, limit or CALLS_SHOWN, as_json)
        elif asks or wanted is not None or what is None:
            chosen = _within(backend, what, execution, filters)
            lines = listed(backend, wanted or (chosen.kind if asks else Kind.EXECUTIONS), chosen, page, as_json)
        else:
            lines = _about(repo, what, page, as_json)
        show_paged(lines, paged=not no_pager and not as_json)
        return 0
    finally:
        repo.close()


def _read(said: dict[str, object]) -> tuple[Filters, str | None, Where]:
    """The filters that options say, the word for an execution, and where to look. Raises UsageError."""
    options = dict(said)
    status, failed = options.pop("status"), options.pop("failed")
    now, moments = time.time(), (options.pop("since"), options.pop("until"))
    since, until = (
        None if text is None else read_moment(option, str(text), now, end=option == "--until")
        for option, text in zip(("--since", "--until"), moments, strict=True)
    )
    if since is not None and until is not None and since >= until:
        raise UsageError(f"--since {moments[0]} is not before --until {moments[1]}: nothing started in between")
    filters = Filters(
        task=options.pop("task"),  # pyright: ignore[reportArgumentType] - as the options declare
        status=_one_status(status, failed),  # pyright: ignore[reportArgumentType]
        since=since,
        until=until,
        tags=tuple(read_wanted(options.pop("tags"))),  # pyright: ignore[reportArgumentType]
        args=options.pop("args"),  # pyright: ignore[reportArgumentType]
        result=options.pop("result"),  # pyright: ignore[reportArgumentType]
        files=options.pop("files"),  # pyright: ignore[reportArgumentType]
    )
    execution = options.pop("execution")
    return filters, execution, Where(**options)  # pyright: ignore[reportArgumentType, reportReturnType]


def _one_status(status: str | None, failed: bool) -> JobStatus | None:
    word = STATUS_WORDS[JobStatus.FAILED]
    if failed and status not in (None, word):
        raise UsageError(f"--failed is --status {word}; it does not go with --status {status}")
    return JobStatus.FAILED if failed else None if status is None else _STATUSES[status]


def _refuse_choice(nondeterministic: bool, kind: Kind | None, filters: Filters, offset: int) -> None:
    others = [option for option in filters.given if option != "--task"]
    if nondeterministic and (kind is not None or others or offset):
        said = others[0] if others else "--list" if kind is not None else "--offset"
        raise UsageError(f"--nondeterministic lists calls of an execution or task; {said} does not go with it")


def _within(backend: Backend, what: str | None, execution: str | None, filters: Filters) -> Filters:
    """The filters with the execution and task that are named. Raises UnknownId, AmbiguousId, UsageError."""
    of = None if execution is None else _execution_named(backend, execution)
    if what is None:
        return filters.within(of, None)
    found = record_of(backend, what)
    if found.kind == "execution":
        if of not in (None, found.id):
            raise UsageError(f"{what} and --execution {execution} are two executions; name one of them")
        return filters.within(ExecutionId(found.id), None)
    task = backend.get_task(Digest(found.id)) if found.kind == "task" else None
    if task is None:
        raise UsageError(f"{what} is a {found.kind}; filters choose among all, or what an execution or task has")
    if filters.task is not None and lookup.task_named(backend, filters.task) != task.fullname:
        raise UsageError(f"{what} and --task {filters.task} are two tasks; name one of them")
    return filters.within(of, task.fullname)


def _execution_named(backend: Backend, word: str) -> ExecutionId:
    found = record_of(backend, word)
    if found.kind != "execution":
        raise UsageError(f"--execution {word}: that is a {found.kind}; `redux log` lists the executions")
    return ExecutionId(found.id)


def _disagreements(
    backend: Backend, what: str | None, within: str | None, task: str | None, limit: int, as_json: bool
) -> list[str] | str:
    chosen = _within(backend, what, within, Filters(task=task))
    named = None if chosen.task is None else lookup.task_named(backend, chosen.task)
    told = backend.disagreements(task=named, execution=chosen.execution, limit=limit + 1)
    shown, more = told[:limit], len(told) > limit
    if as_json:
        return disagreements_json(shown, more)
    if not shown:
        return "no recorded call gave different results for the same arguments"
    return disagreements_text(shown, more, time.time(), line_width(sys.stdout))


def _about(repo: Repo, what: str, page: Page, as_json: bool) -> list[str] | str:
    found = what_is(repo.backend, what)
    kind = found.kind if isinstance(found, Found) else "file"
    if kind != "execution" and (page.limit is not None or page.offset):
        raise UsageError(f"{what} is a {kind}; --limit and --offset are for lists, and for the jobs of an execution")
    if isinstance(found, Found):
        return _record(repo, found, page, as_json)
    file = lookup.file_page(repo.backend, found)
    return to_json("file", file_data(file)) if as_json else file_text(file, time.time(), line_width(sys.stdout))


def _record(repo: Repo, found: Found, page: Page, as_json: bool) -> list[str] | str:
    backend = repo.backend
    now, width = time.time(), line_width(sys.stdout)
    if found.kind == "execution":
        execution = lookup.execution_page(
            backend, lookup.execution_of(backend, found), page.limit or JOBS_SHOWN, page.offset
        )
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
        return to_json("value", value_data(value)) if as_json else value_text(value, now, width)
    node = backend.get_call(Digest(found.id))
    if node is None:
        raise UnknownId.of(found.id.hex())
    call = lookup.call_page(backend, node)
    return to_json("call", call) if as_json else call_text(call, now, width)
