"""`redux cache`: the cache that a team shares."""

from __future__ import annotations

import click

from redux.cli.cache_add import add, remove
from redux.cli.cache_disown import disown
from redux.cli.cache_epoch import epoch
from redux.cli.cache_pull import pull, warm
from redux.cli.cache_push import push
from redux.cli.cache_status import status
from redux.cli.cache_verify import verify


@click.group(no_args_is_help=False)
def cache() -> None:
    """Name the cache that a team shares, look at it, and bring results there and here."""


for command in (add, status, push, pull, warm, verify, epoch, disown, remove):
    cache.add_command(command)
