"""What a command takes from the process around it: the folder, the environment, the flags about where things are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from redux.errors import UsageError
from redux.settings.folder import PROJECT_FOLDER
from redux.settings.known import absolute_location, absolute_url
from redux.settings.precedence import Layer, Sources, user_file

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Where:
    """The flags that say where things are, as they were given."""

    database: str | None
    store: str | None
    project: Path | None


def where_options(command: Command) -> Command:
    """Give a command the flags --db, --store and --project."""
    for option in (
        click.option("--project", type=click.Path(path_type=Path), metavar="DIR", help="The .redux folder to use."),
        click.option("--store", metavar="LOC", help="Where large values are: a folder or an fsspec URL."),
        click.option("--db", "database", metavar="URL", help="The database: sqlite:///PATH or postgresql://…"),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
"""Gives a command the flag --json, as `as_json`."""


def current_folder() -> Path:
    """The folder that the command was called in. Raises UsageError where it was deleted since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder is not there any more; `cd` to one that is, and say it again") from None


def find_sources(where: Where, flags: Layer | None = None) -> Sources:
    """Where this process's settings come from. Raises UsageError where there is no current folder."""
    folder = current_folder()
    layer = replace(
        flags or Layer(),
        database=absolute_url(where.database, folder) if where.database else None,
        store=absolute_location(where.store, folder) if where.store else None,
    )
    return Sources(folder, os.environ, user_file(), layer, _project(where.project))


def _project(named: Path | None) -> Path | None:
    """The .redux folder that --project means: itself, or the one inside the folder named."""
    if named is not None and named.name != PROJECT_FOLDER and (named / PROJECT_FOLDER).is_dir():
        return named / PROJECT_FOLDER
    return named
