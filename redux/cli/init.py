"""`redux init`: an empty .redux folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from redux.cli.surroundings import Where, find_sources
from redux.settings.folder import (
    PROJECT_FILE,
    PROJECT_FOLDER,
    locate_project,
    make_project,
    named_project,
    share_project,
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--shared", type=click.Choice(["group"]), help="Let the folder's group read and write what is in it.")
def init(folder: Path, shared: str | None) -> int:
    """Make a .redux folder in FOLDER (here, if none is given).

    `redux run` makes one by itself; this is for those who want to edit its redux.toml first.
    """
    sources = find_sources(Where(None, None, None))
    named = named_project(sources) if folder == Path() else None
    path = named or (sources.folder / folder / PROJECT_FOLDER)
    found = locate_project(replace(sources, project=path))
    if found is not None:
        if shared is not None:
            share_project(found)
        click.echo(f"{found} is there already", err=True)
        return 0
    click.echo(f"made {make_project(path, shared=shared is not None)}; settings are in {PROJECT_FILE}", err=True)
    return 0
