"""`redux cache epoch`: a number in the project's settings; shared records with another one do not count."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from redux.cli.output import show, tell
from redux.cli.render import to_json
from redux.cli.surroundings import Where, find_sources, json_option
from redux.errors import UsageError
from redux.settings.folder import PROJECT_FILE
from redux.settings.known import LARGEST_EPOCH
from redux.settings.layers import Settings
from redux.settings.precedence import read_settings
from redux.settings.shared_lines import said_shared, set_shared


@click.command(short_help="Show or set the epoch.", context_settings={"ignore_unknown_options": True})
@click.argument("number", required=False, metavar="[N|+N]")
@json_option
@click.option("--project", type=click.Path(path_type=Path), metavar="DIR", help="The .redux folder to use.")
def epoch(number: str | None, as_json: bool, project: Path | None) -> int:
    """Show the epoch of this project, or set it to N, or N further with +N.

    What the shared cache has of other epochs is not taken: `redux cache epoch +1` begins anew, for all who use this
    project's settings. It is kept in the project's redux.toml, for git to bring to the others. What is recorded here
    goes on counting here; `redux cache push --all` sends it again.
    """
    sources = find_sources(Where(None, None, project))
    settings = read_settings(sources)
    now = settings.shared.epoch
    if number is not None:
        path = _file_of(settings)
        set_shared(path, lambda: {"epoch": _wanted(number, read_settings(sources).shared.epoch)})
        before, now = now, cast(int, said_shared(path, "epoch"))
        tell(f"the epoch is {now} from now on, as {path} says; commit it, for the others to have it too")
        if now < before:
            tell(f"what was shared under epoch {now} counts again, also what {before} was to make an end of")
        in_force = read_settings(sources).shared.epoch
        if in_force != now:
            tell(f"but {in_force} is in force; `redux config --show-origin` says where that is said")
    if as_json:
        show(to_json("epoch", {"epoch": now}))
    elif number is None:
        show(str(now))
    return 0


def _file_of(settings: Settings) -> Path:
    """The settings file that keeps the epoch. Raises UsageError where there is none."""
    if settings.project is None:
        raise UsageError("no .redux folder here to keep the epoch in; `redux init` makes one")
    return settings.project / PROJECT_FILE


def _wanted(said: str, now: int) -> int:
    """The epoch that somebody asks for. Raises UsageError."""
    digits = said.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_EPOCH))):
        raise UsageError(f"{said!r} is no epoch: write a whole number from 0 on, or +1 for the next")
    wanted = int(digits) + (now if said.startswith("+") else 0)
    if wanted > LARGEST_EPOCH:
        raise UsageError(f"{said!r} leads beyond the last epoch, {LARGEST_EPOCH:,}")
    return wanted
