"""`redux import-redun`: what redun remembered becomes history here."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from redux.cli.interrupted import says_if_interrupted
from redux.cli.output import show
from redux.cli.passing_line import passing_count
from redux.cli.render import strong, to_json
from redux.cli.storage import open_to_write
from redux.cli.surroundings import Where, json_option, where_options
from redux.redun.importing import import_redun, open_redun
from redux.redun.taking import Counts
from redux.words.measures import show_count, show_seconds

_KINDS = ("executions", "jobs", "calls", "values", "tasks", "tags", "handles")

_SO_FAR = "what came so far is recorded, and the same command goes on from there"


@click.command("import-redun", short_help="Take over the history in a redun database.")
@click.argument("redun_db")
@click.option("--value-store", metavar="LOC", help='Redun\'s value store: a folder or URL; "none" to do without.')
@json_option
@where_options
def import_redun_command(redun_db: str, value_store: str | None, as_json: bool, **places: str | None) -> int:
    """Take over the history in REDUN_DB, a path or URL, so that `redux log` shows it.

    The database is only read, and none of its values is unpickled. Tasks run anew here: nothing of redun's is reused.
    What was taken over before stays as it is, and an import that was stopped is finished by the next.
    """
    began = time.monotonic()
    with open_redun(redun_db, value_store) as redun:
        repo = open_to_write(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
        try:
            with passing_count("taking over") as tell, says_if_interrupted(lambda: _SO_FAR):
                counts = import_redun(redun, repo, tell)
        finally:
            repo.close()
        place, version = redun.source.place, redun.source.version
    seconds = time.monotonic() - began
    told = {"source": place, "version": version, "seconds": seconds, **_as_data(counts)}
    show(to_json("import-redun", told) if as_json else list(_as_text(counts, place, version, seconds)))
    return 0


def _as_data(counts: Counts) -> dict[str, object]:
    return {
        "read": {kind: counts.read.get(kind, 0) for kind in _KINDS},
        "new_executions": counts.new_executions,
        "unended_executions": counts.unended,
        "values_gone": counts.missing,
        "calls_that_are_one": counts.one_call,
        "names_without_record": counts.lost,
    }


def _as_text(counts: Counts, place: str, version: str, seconds: float) -> Iterator[str]:
    read = {kind: counts.read.get(kind, 0) for kind in _KINDS}
    known = read["executions"] - counts.new_executions
    before = f", {known:,} of them known already" if known else ""
    what = (
        "taken over from" if counts.new_executions or not read["executions"] else "nothing new among the executions of"
    )
    yield f"{strong(what)} {place} (redun's tables {version}) in {show_seconds(seconds)}"
    yield f"  {show_count(read['executions'], 'execution')}{before}"
    yield "  " + ", ".join(show_count(read[kind], kind.removesuffix("s")) for kind in _KINDS[1:] if read[kind])
    if counts.unended:
        yield f"  {show_count(counts.unended, 'execution')} never ended: shown as died"
    if counts.missing:
        were = "the bytes of 1 value were" if counts.missing == 1 else f"the bytes of {counts.missing:,} values were"
        yield f"  {were} not in redun's value store: recorded as gone"
    if counts.one_call:
        yield f"  {show_count(counts.one_call, 'call')} that only redun tells apart: one with an equal call here"
    if counts.lost:
        yield f"  {show_count(counts.lost, 'name')} of what the database does not have: left out"
    if known < read["executions"]:
        yield "  `redux log` shows it"
