"""The commands as one click group, each imported when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from redux.cli.main import COMMANDS, help_text, uncollected


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, as `redux --help` orders them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        with uncollected():
            return getattr(import_module(module), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words ask for. Raises UsageError with the nearest names."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from redux.errors import nearest

            raise click.UsageError(f"there is no command {args[0]!r}{nearest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same text that `redux --help` prints without this group."""
        formatter.write(help_text())


group = LazyGroup("redux", context_settings={"help_option_names": ["-h", "--help"]})
