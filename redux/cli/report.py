"""`redux report`: one page about an execution, to keep, to print and to pass on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from redux.cli.export import telling, write_file
from redux.cli.naming import record_of
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.errors import UsageError
from redux.repo import Repo
from redux_backends.records import Execution, ExecutionId


@click.command(short_help="Write a page about an execution.")
@click.argument("what", required=False, metavar="[EXECUTION]")
@click.option("-o", "--output-file", "path", metavar="FILE", help="Where to write it; - is standard output.")
@click.option("--output", "outputs", multiple=True, metavar="FILE|VALUE", help="Show what this came from.")
@click.option("--json", "as_json", is_flag=True, help="The same facts as one line of JSON.")
@where_options
def report(what: str | None, path: str | None, outputs: tuple[str, ...], as_json: bool, **places: str | None) -> int:
    """Write a page about EXECUTION, or the last one: what ran, what was reused, why, when, where and with which code.

    It is one file of HTML that loads nothing and runs nothing. With --output, once or more, it shows where a file,
    value, call or argument (CALL:NAME) came from.
    """
    _check(path, as_json)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        text = _written(repo, what, outputs, as_json)
    finally:
        repo.close()
    if path is None or path == "-":
        # As the page says, whatever the terminal speaks.
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
        return 0
    with telling(path):
        write_file(Path(path), (text,))
    return 0


def _check(path: str | None, as_json: bool) -> None:
    """Refuse a place that a page cannot be written to. Raises UsageError."""
    if path is None:
        if not as_json:
            raise UsageError("say where to write the page: `redux report -o run.html`; `-o -` is standard output")
    elif path != "-" and Path(path).is_dir():
        raise UsageError(f"{path} is a folder; name a file to write the page to, such as {Path(path, 'run.html')}")


def _written(repo: Repo, what: str | None, outputs: tuple[str, ...], as_json: bool) -> str:
    from redux.report.gathering import gather
    from redux.report.page import page

    facts = gather(repo, _execution(repo, what), outputs, time.time())
    return to_json("report", facts) + "\n" if as_json else page(facts)


def _execution(repo: Repo, what: str | None) -> Execution:
    """The execution that is meant. Raises `UnknownId`, `AmbiguousId`, `UsageError`."""
    backend = repo.backend
    if what is None:
        newest = backend.executions(1)
        if not newest:
            raise UsageError(
                "nothing was run here yet, so there is nothing to report; `redux run FILE TASK` runs a task"
            )
        return newest[0]
    found = record_of(backend, what)
    execution = backend.get_execution(ExecutionId(found.id)) if found.kind == "execution" else None
    if execution is None:
        raise UsageError(f"{what} is a {found.kind}; a report is about an execution, and `redux log` lists them")
    return execution
