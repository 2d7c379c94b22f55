"""`redux check --twice`: recorded calls made again, to find those that do not give the same."""

from __future__ import annotations

import random
import sys

import click

from redux.cli.chosen import complete_target, load_and_tell, load_our_own
from redux.cli.output import line_width, show
from redux.cli.surroundings import Where, where_options
from redux.errors import UsageError

_DIFFERS = 1
_SEEDS = 1_000_000
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(short_help="Make recorded calls again, and say which give something else.")
@click.argument("target", metavar="FILE_OR_MODULE", shell_complete=complete_target)
@click.option("--twice", is_flag=True, help="Make a sample of recorded calls again, and compare.")
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="Only calls of this task; may be said again.")
@click.option("--sample", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many.")
@click.option("--seed", type=int, metavar="S", help="Which calls are drawn; by default others each time.")
@click.option("--timeout", type=_SECONDS, metavar="SECONDS", help="At most for a call, besides its worker's start.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many processes at once.")
@click.option("--with-files", is_flag=True, help="Calls that give Files too, which write them again.")
@click.option("--record", "records", is_flag=True, help="Record results that differ; the next run reuses these.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@where_options
def check(
    target: str,
    twice: bool,
    tasks: tuple[str, ...],
    sample: int,
    seed: int | None,
    timeout: float | None,
    workers: int | None,
    with_files: bool,
    records: bool,
    as_json: bool,
    **places: str | None,
) -> int:
    """Check that the tasks of FILE_OR_MODULE give the same again for the same arguments.

    --twice draws calls from the record whose code is what it was, makes them again in other processes, each by itself,
    and compares what they give, byte by byte. It exits with 1 if any gives something else. Nothing is recorded.
    """
    _see_what_is_checked(twice, target)
    load_our_own()
    workflow = load_and_tell(target)
    from redux.cli.check_text import check_json, describe_check
    from redux.cli.checked import Wanted, check_again

    where = Where(**places)  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    drawn_by = random.randrange(_SEEDS) if seed is None else seed
    wanted = Wanted(tasks, sample, drawn_by, timeout, workers, with_files, records)
    checked = check_again(workflow, wanted, where)
    show(check_json(checked) if as_json else describe_check(checked, line_width(sys.stdout)))
    return _DIFFERS if checked.differing else 0


def _see_what_is_checked(twice: bool, target: str) -> None:
    if not twice:
        raise UsageError(f"say what is to be checked: redux check --twice {target} makes recorded calls again")
