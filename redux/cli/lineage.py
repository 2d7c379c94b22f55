"""What commands that follow data have in common: their options, what these mean, and what is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from redux.cli.output import line_width
from redux.errors import UsageError
from redux_backends.backend import Backend
from redux_backends.records import ExecutionId

if TYPE_CHECKING:
    from redux.lineage.graph import Direction

_Command = Callable[..., Any]


def lineage_options(command: _Command) -> _Command:
    """Give a command `--upstream`, `--downstream` and `--depth`."""
    for option in (
        click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Through at most so many calls."),
        click.option("--downstream", is_flag=True, help="What it fed; with --upstream: both."),
        click.option("--upstream", is_flag=True, help="What it came from."),
    ):
        command = option(command)
    return command


def direction_of(upstream: bool, downstream: bool) -> Direction | None:
    """The direction that the options say; None where they say none."""
    from redux.lineage.graph import Direction

    if upstream and downstream:
        return Direction.BOTH
    if upstream:
        return Direction.UPSTREAM
    return Direction.DOWNSTREAM if downstream else None


def execution_named(backend: Backend, word: str | None) -> ExecutionId | None:
    """The execution that a word stands for. Raises `UnknownId`, `UsageError`."""
    from redux.lineage.asking import question_of

    if word is None:
        return None
    found = question_of(backend, word).found
    if found is None or found.kind != "execution":
        raise UsageError(f"{word} is no execution; `redux log` lists them")
    return ExecutionId(found.id)


def check_followed(what: str | None, others: bool) -> None:
    """Refuse to follow nothing, and options that say something else. Raises UsageError."""
    if what is None or others:
        raise UsageError("--upstream, --downstream and --depth follow what is named, as `redux log FILE --upstream`")


def followed(
    backend: Backend, what: str | None, direction: Direction | None, depth: int | None, as_json: bool
) -> list[str] | str:
    """What something came from or fed, as text or JSON. Raises `UnknownId`, `AmbiguousId`, `UsageError`."""
    from redux.cli.lineage_text import lineage_text
    from redux.exports.plain_json import write_json
    from redux.exports.terms import Terms
    from redux.lineage.asking import lineage_of, question_of
    from redux.lineage.graph import Direction

    way = direction or Direction.UPSTREAM
    lineage = lineage_of(backend, question_of(backend, what), direction=way, depth=depth)
    if as_json:
        return "".join(write_json(lineage, Terms())).rstrip()
    up, down = way is not Direction.DOWNSTREAM, way is not Direction.UPSTREAM
    return lineage_text(lineage, up, down, line_width(sys.stdout))
