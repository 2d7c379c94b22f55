"""Seeing that somebody means what a command is about to do."""

from __future__ import annotations

import sys

import click

from redux.cli.output import is_terminal, tell
from redux.errors import UsageError


def confirmed(what: str, yes: bool, nothing: str) -> bool:
    """Whether somebody means it: `yes`, or asked on a terminal; if not, `nothing` is said.

    Raises UsageError where nobody is there to be asked.
    """
    if yes:
        return True
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(f"{what}; to do it, add --yes")
    if click.confirm(f"{what}. Go on?", err=True):
        return True
    tell(f"redux: {nothing}")
    return False
