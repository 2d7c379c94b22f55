"""`redux run`: a task of the user's workflow, run to its end or to the user's patience."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from redux.cli.arguments import read_arguments
from redux.cli.chosen import choose, complete_target, complete_task
from redux.cli.completion import complete_executors
from redux.cli.given import About, read_context, read_tags
from redux.cli.secret_words import recorded_words
from redux.cli.shared_options import shared_options, take_shared
from redux.cli.surroundings import Where, where_options

_CONTEXT_HELP = 'What get_context("NAME") gives: JSON where it can be read so, else text.'
_EXECUTOR_HELP = "Where tasks run: threads (the default), processes, or one that [executors.NAME] names."
_WORKERS_HELP = "How many tasks run at once; default: the cores + 4, at most 32, for threads, the cores for processes."

_STATUS_HELP = "How often to say how many jobs stand how, where no terminal shows it; default: 20, not at all: 0."


def _complete_executor(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in complete_executors(context.params.get("project"), begun)]


@click.command(
    context_settings={"allow_interspersed_args": False},
    short_help="Run a task.",
    epilog="All words after TASK are the task's: `redux run FILE TASK --help` shows what it takes.",
)
@click.argument("target", metavar="FILE_OR_MODULE", shell_complete=complete_target)
@click.argument("task", required=False, shell_complete=complete_task)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--ARG VALUE]...")
@click.option("--no-cache", is_flag=True, help="Run every call anew; results are recorded all the same.")
@click.option("--keep-going", is_flag=True, help="After a failure go on with what does not depend on it.")
@click.option("--executor", metavar="NAME", shell_complete=_complete_executor, help=_EXECUTOR_HELP)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help=_WORKERS_HELP)
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of this execution.")
@click.option("--doc", metavar="TEXT", help="What this execution is for; a tag too.")
@click.option("--context", "context_words", multiple=True, metavar="NAME=VALUE", help=_CONTEXT_HELP)
@click.option("--context-file", type=click.Path(path_type=Path), metavar="FILE", help="More of it, in JSON or TOML.")
@click.option("--setup", multiple=True, metavar="KEY=VALUE", help="An argument of the project's setup function.")
@click.option(
    "--dryrun", "--dry-run", is_flag=True, help="Say what would run and why, run nothing; exit 3 if anything."
)
@click.option("--json", "as_json", is_flag=True, help="The result and the counts as one line of JSON.")
@click.option("--status-interval", type=click.FloatRange(min=0), metavar="SECONDS", help=_STATUS_HELP)
@click.option("--quiet", is_flag=True, help="Nothing but the result and errors.")
@shared_options
@where_options
@click.pass_context
def run(
    context: click.Context,
    target: str,
    task: str | None,
    words: tuple[str, ...],
    no_cache: bool,
    keep_going: bool,
    status_interval: float | None,
    executor: str | None,
    workers: int | None,
    tags: tuple[str, ...],
    doc: str | None,
    context_words: tuple[str, ...],
    context_file: Path | None,
    setup: tuple[str, ...],
    dryrun: bool,
    as_json: bool,
    quiet: bool,
    **places: Any,
) -> int:
    """Run TASK of FILE_OR_MODULE, and print its result. Calls that are known are not run again."""
    flags = replace(
        take_shared(places),
        executor=executor,
        workers=workers,
        cache=False if no_cache else None,
        keep_going=True if keep_going else None,
        status_interval=status_interval,
        context=read_context(context_words),
        context_file=None if context_file is None else context_file.absolute(),
    )
    about = About(tuple(read_tags(tags)), doc, setup)
    argv = context.find_root().obj or ("redux", "run", target, *((task,) if task else ()), *words)
    where = Where(**places)
    wanted = choose(target, task, words)
    if isinstance(wanted, int):
        return wanted
    from redux.cli.execution import Order, Shown, run_order
    from redux.cli.rehearse import rehearse_order

    own_options = [option for each in context.command.params for option in each.opts if option.startswith("--")]
    call = read_arguments(wanted.form, words, own_options)
    order = Order(wanted.workflow, wanted.task, call, where, flags, about, recorded_words(argv, wanted.task, call))
    shown = Shown(quiet, as_json)
    return rehearse_order(order, shown) if dryrun else run_order(order, shown)
