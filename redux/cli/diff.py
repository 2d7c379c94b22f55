"""`redux diff`: two executions side by side."""

from __future__ import annotations

import sys

import click

from redux.cli import lookup
from redux.cli.diff_text import diff_text
from redux.cli.naming import NEWEST, what_is
from redux.cli.output import line_width, show
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.diff import diff_executions
from redux.errors import UsageError
from redux_backends.backend import Backend, Found
from redux_backends.records import Execution

VALUES_DIFFER = 1


@click.command(name="diff", short_help="Compare two executions.")
@click.argument("before", metavar="EXECUTION")
@click.argument("now", metavar="[EXECUTION]", default=NEWEST)
@click.option("--limit", type=click.IntRange(min=1), default=10, metavar="N", help="At most so many of each kind (10).")
@click.option(
    "--least", type=click.FloatRange(min=0), default=0.1, metavar="SECONDS", help="Least time to have moved (0.1)."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where values differ.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def diff(before: str, now: str, limit: int, least: float, exit_code: bool, as_json: bool, **places: str | None) -> int:
    """Compare two executions; the second is the newest (-) where none is given.

    Calls are matched by their place in the call tree. Shown are the values that differ first and why, code and
    arguments that changed, calls that only one has, and times that moved.
    """
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        found = diff_executions(repo, *_executions(repo.backend, before, now), limit, least)
        show(to_json("diff", found) if as_json else diff_text(found, line_width(sys.stdout)))
        return VALUES_DIFFER if exit_code and not found.same_values else 0
    finally:
        repo.close()


def _executions(backend: Backend, before: str, now: str) -> tuple[Execution, Execution]:
    """The executions that two words name. Raises UnknownId, AmbiguousId, UsageError."""
    pair = (_execution(backend, before), _execution(backend, now))
    if pair[0].id == pair[1].id:
        raise UsageError(f"{before} and {now} are one execution; `redux log` lists them")
    return pair


def _execution(backend: Backend, word: str) -> Execution:
    """The execution that a word names. Raises UnknownId, AmbiguousId, UsageError."""
    found = what_is(backend, word)
    if not isinstance(found, Found) or found.kind != "execution":
        kind = found.kind if isinstance(found, Found) else "file"
        raise UsageError(f"{word} is a {kind}; diff compares executions, which `redux log` lists")
    return lookup.execution_of(backend, found)
