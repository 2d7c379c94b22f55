"""The flags that say which shared cache a run uses, and how."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import click

from redux.cli.surroundings import current_folder
from redux.errors import UsageError
from redux.settings.known import read_part, shared_location
from redux.settings.precedence import Layer

Command = TypeVar("Command", bound=Any)

_SAMPLE_HELP = "Run such a part of what the shared cache has all the same, and compare: 1%."


class Part(click.ParamType):
    """A part of a whole, as 1% or 0.01."""

    name = "part"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The part as a number from 0 to 1."""
        said = str(value)
        try:
            return read_part(said if said.endswith("%") else float(said))
        except ValueError:
            self.fail(f"{said} is no part of a whole, such as 1%", param, ctx)


def shared_options(command: Command) -> Command:
    """Give a command the flags --shared, --offline, --unsigned and --verify-sample."""
    for option in (
        click.option("--verify-sample", "shared_verify_sample", type=Part(), metavar="PART", help=_SAMPLE_HELP),
        click.option("--unsigned", "shared_unsigned", is_flag=True, help="Believe and send without a signature."),
        click.option("--offline", "shared_offline", is_flag=True, help="Ask nothing of it, and send nothing there."),
        click.option("--shared", "shared_url", metavar="URL", help="The cache that you share with others."),
    ):
        command = option(command)
    return command


def said_location(url: str) -> str:
    """The URL or folder of a shared cache that somebody says. Raises UsageError."""
    try:
        return shared_location(url, current_folder())
    except ValueError as error:
        raise UsageError(f"{url!r} names no shared cache: say {error}") from None


def take_shared(said: dict[str, Any]) -> Layer:
    """What these flags say, taken out of all that a command was given."""
    url, sample = said.pop("shared_url"), said.pop("shared_verify_sample")
    unsigned, offline = said.pop("shared_unsigned"), said.pop("shared_offline")
    return Layer(
        shared_url=None if url is None else said_location(cast(str, url)),
        shared_verify_sample=sample,
        shared_unsigned=True if unsigned else None,
        shared_offline=True if offline else None,
    )
