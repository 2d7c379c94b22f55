"""`redux plan`: what a run would do, past what would run, without running or writing anything."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from redux.cli.chosen import choose, complete_target, complete_task
from redux.cli.given import About, read_context
from redux.cli.output import line_width, show
from redux.cli.shared_options import shared_options, take_shared
from redux.cli.surroundings import Where, where_options

_FAILED = 1


@click.command(
    context_settings={"allow_interspersed_args": False},
    short_help="Say what a run would do.",
    epilog="All words after TASK are the task's: `redux run FILE TASK --help` shows what it takes.",
)
@click.argument("target", metavar="FILE_OR_MODULE", shell_complete=complete_target)
@click.argument("task", required=False, shell_complete=complete_task)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--ARG VALUE]...")
@click.option("--list", "listed", is_flag=True, help="Every call, besides the table of tasks.")
@click.option("--no-cache", is_flag=True, help="As if every call ran anew.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="For how many workers time is estimated.")
@click.option("--context", "context_words", multiple=True, metavar="NAME=VALUE", help="As for `redux run`.")
@click.option("--context-file", type=click.Path(path_type=Path), metavar="FILE", help="More of it, in JSON or TOML.")
@click.option("--setup", multiple=True, metavar="KEY=VALUE", help="An argument of the project's setup function.")
@click.option("--exit-code", "exits", is_flag=True, help="Exit 1 if anything would run, or may.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@shared_options
@where_options
@click.pass_context
def plan(
    context: click.Context,
    target: str,
    task: str | None,
    words: tuple[str, ...],
    listed: bool,
    no_cache: bool,
    workers: int | None,
    context_words: tuple[str, ...],
    context_file: Path | None,
    setup: tuple[str, ...],
    exits: bool,
    as_json: bool,
    **places: Any,
) -> int:
    """Say what a run of TASK would reuse, what would run and why, and how long that takes.

    Nothing runs and nothing is written; the workflow is imported, as a run does.
    """
    flags = replace(
        take_shared(places),
        workers=workers,
        cache=False if no_cache else None,
        context=read_context(context_words),
        context_file=None if context_file is None else context_file.absolute(),
    )
    wanted = choose(target, task, words, "plan")
    if isinstance(wanted, int):
        return wanted
    from redux.cli.arguments import read_arguments
    from redux.cli.execution import Order
    from redux.cli.plan_text import describe_foresight, foresight_json
    from redux.cli.planned import look_ahead

    own_options = [option for each in context.command.params for option in each.opts if option.startswith("--")]
    call = read_arguments(wanted.form, words, own_options, "plan")
    where = Where(**places)
    order = Order(wanted.workflow, wanted.task, call, where, flags, About(setup=setup), ())
    foresight, looked = look_ahead(order)
    if as_json:
        show(foresight_json(foresight, looked.data))
    else:
        show([*describe_foresight(foresight, line_width(sys.stdout), listed), *([looked.line] if looked.line else [])])
    return _FAILED if exits and foresight.plan.would_run else 0
