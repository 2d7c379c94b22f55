"""What commands that follow data have in common: their options, and what these mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from redux.errors import UsageError
from redux.lineage.asking import question_of
from redux.lineage.graph import Direction
from redux_backends.backend import Backend
from redux_backends.records import ExecutionId

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
    if upstream and downstream:
        return Direction.BOTH
    if upstream:
        return Direction.UPSTREAM
    return Direction.DOWNSTREAM if downstream else None


def execution_named(backend: Backend, word: str | None) -> ExecutionId | None:
    """The execution that a word stands for. Raises `UnknownId`, `UsageError`."""
    if word is None:
        return None
    found = question_of(backend, word).found
    if found is None or found.kind != "execution":
        raise UsageError(f"{word} is no execution; `redux log` lists them")
    return ExecutionId(found.id)
