"""`redux archive`: history as one file, saved, checked, looked at and loaded."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

import click

from redux.archive.file import ArchiveFile
from redux.archive.format import Counts, Manifest
from redux.archive.loading import Loaded, load_checked
from redux.archive.reading import check, read_executions
from redux.archive.saving import Saved
from redux.archive.saving import save as save_archive
from redux.border import Admission
from redux.cli.exchange import moved_text
from redux.cli.interrupted import says_if_interrupted
from redux.cli.naming import roots_of
from redux.cli.output import line_width, show
from redux.cli.passing_line import passing_count
from redux.cli.render import dim, show_status, strong, to_json
from redux.cli.storage import open_to_read, open_to_write
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import UsageError
from redux.words.jobs import DIGITS, cut, show_command
from redux.words.measures import show_moment, show_seconds, show_size
from redux_backends.records import Execution

_SHOWN = 20
_OTHER_FORMS = frozenset(
    (
        ".zip",
        ".xz",
        ".txz",
        ".bz2",
        ".tbz",
        ".tbz2",
        ".zst",
        ".tzst",
        ".lz4",
        ".br",
        ".7z",
        ".rar",
        ".db",
        ".json",
        ".jsonl",
    )
)
_SO_FAR = "what was loaded by now is recorded, and the same command goes on from there"
_NAME = 30
"""characters of a name that somebody else gave"""
_TOLD = ("executions", "jobs", "calls", "tasks", "values", "tags")

_file = click.argument("file", type=click.Path())


@click.group(no_args_is_help=False)
def archive() -> None:
    """Save history as one file that can be kept, checked and handed on, and load it.

    An archive is a tar file: records as JSON lines, values as they are, and a manifest. docs/archive.md describes it.
    """


@archive.command(short_help="Save all, or what is below some ids, as FILE.")
@_file
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@json_option
@where_options
def save(file: str, ids: Sequence[str], force: bool, as_json: bool, **places: str | None) -> int:
    """Save history as FILE: all of it, or what is at and below the IDs that `redux log` shows.

    As ID, - is the newest execution, the name of a task all its finished calls, and a file the job that made it.

    FILE is a tar file; a name that ends in .gz or .tgz makes it packed. The same history gives the same file. FILE is
    whole or not there.
    """
    began = time.monotonic()
    _see_to_name(file)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        roots = [root for id in ids for root in roots_of(repo.backend, id, "here")] if ids else None
        with (
            passing_count() as tell,
            says_if_interrupted(lambda: "nothing was saved, for a file is whole or not there"),
        ):
            saved = save_archive(repo, file, roots, force=force, tell=tell)
    finally:
        repo.close()
    show(
        to_json(
            "archive-save",
            {**_data(file, saved.manifest, saved.sum), "left_out": saved.left_out, "set_aside": saved.set_aside},
        )
        if as_json
        else _saved_text(file, saved, time.monotonic() - began)
    )
    return 0


@archive.command(short_help="Record what FILE has and is not here.")
@_file
@click.option("--own", is_flag=True, help="Believe who made FILE: its values may run code when they are used.")
@json_option
@where_options
def load(file: str, own: bool, as_json: bool, **places: str | None) -> int:
    """Record what the archive FILE has and is not here; what is here stays as it is.

    All of it is checked before anything is recorded. Loading that was interrupted goes on when it is called again.

    Values that run code when they are used (pickles, objects by their reduce protocol, functions) are kept, and not
    used: their calls run again, unless --own says that the archive is your own. That is for what is not here yet.
    """
    began = time.monotonic()
    with closing(ArchiveFile(file)) as opened, passing_count() as tell:
        with says_if_interrupted(lambda: "nothing of it was recorded, for it was still being checked"):
            checked = check(opened, tell)
        repo = open_to_write(Where(**places))  # pyright: ignore[reportArgumentType] - the flags of where_options
        try:
            with says_if_interrupted(lambda: _SO_FAR):
                loaded = load_checked(repo, opened, checked, tell, Admission(pickles=own))
        finally:
            repo.close()
    show(
        to_json("archive-load", {**_data(file, checked.manifest, checked.sum), "new": _counts(loaded.new)})
        if as_json
        else _loaded_text(file, loaded, own, time.monotonic() - began)
    )
    return 0


@archive.command("check", short_help="Say whether FILE is whole and unaltered.")
@_file
@json_option
def check_command(file: str, as_json: bool) -> int:
    """Say whether the archive FILE is whole, unaltered and complete, down to its last byte; no history is needed."""
    with closing(ArchiveFile(file)) as opened, passing_count() as tell:
        checked = check(opened, tell)
    data = _data(file, checked.manifest, checked.sum)
    show(to_json("archive", {**data, "checked": True}) if as_json else _checked_text(checked.manifest, checked.sum))
    return 0


@archive.command("list", short_help="Say what is in FILE.")
@_file
@json_option
def list_command(file: str, as_json: bool) -> int:
    """Say what is in the archive FILE: how many records, and which executions. It is not checked."""
    with closing(ArchiveFile(file)) as opened:
        manifest, executions, sum = read_executions(opened)
    if as_json:
        show(to_json("archive", {**_data(file, manifest, sum), "checked": False, "executions": executions}))
    else:
        show(_list_text(file, manifest, executions, line_width(sys.stdout)))
    return 0


# -- text --------------------------------------------------------------------------------------------


def _data(file: str, manifest: Manifest, sum: str) -> dict[str, object]:
    return {
        "file": file,
        "format": manifest.format,
        "redux": manifest.redux,
        "sha256": sum,
        "counts": _counts(manifest.counts),
        "contents": asdict(manifest.contents),
    }


def _see_to_name(file: str) -> None:
    """Raises UsageError for a name that tells people, and programs, of another form than a tar file's."""
    if not file:
        raise UsageError("an archive needs a name, such as history.tar")
    if file == "-":
        raise UsageError("an archive is saved as a file, not to standard output: give a name, such as history.tar")
    ending = os.path.splitext(file)[1].lower()
    if ending in _OTHER_FORMS:
        raise UsageError(
            f"{file}: an archive is a tar file, not {ending}; end its name in .tar, or .tar.gz to have it packed"
        )


def _counts(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in counts.__dataclass_fields__}


def _what(counts: Counts) -> str:
    """How many of what: `2 executions, 1 job`."""
    told = [(name, getattr(counts, name)) for name in _TOLD]
    return ", ".join(f"{count:,} {name if count != 1 else name[:-1]}" for name, count in told if count) or "nothing"


def _gone_text(manifest: Manifest) -> list[str]:
    gone = manifest.contents.gone
    if not gone:
        return []
    which = "of 1 value the bytes are" if gone == 1 else f"of {gone:,} values the bytes are"
    return [dim(f"  {which} gone: only the record of it is in the archive")]


def _saved_text(file: str, saved: Saved, seconds: float) -> list[str]:
    manifest = saved.manifest
    size = show_size(manifest.contents.size)
    lines = [f"{strong('saved')} {file}: {_what(manifest.counts)}, {size} of values, in {show_seconds(seconds)}"]
    lines += _gone_text(manifest)
    if saved.set_aside:
        lines.append(dim(f"  {moved_text(saved.set_aside)}"))
    if saved.left_out:
        lines.append(dim(f"  {saved.left_out:,} that were recorded meanwhile are left out; the next archive has them"))
    return [*lines, dim(f"  SHA-256 of its manifest, which stands for all of it: {saved.sum}")]


def _loaded_text(file: str, loaded: Loaded, own: bool, seconds: float) -> list[str]:
    stays = ", and what of it was loaded without --own stays marked as another's" if own else ""
    if not any(_counts(loaded.new).values()):
        return [f"{strong('nothing new')} in {file}: all of it is here already{stays}"]
    size = f", {show_size(loaded.bytes)} of values" if loaded.bytes else ""
    had = loaded.checked.manifest.counts
    rest = "" if loaded.new == had else f", of {_what(had)}; the others are here already{stays}"
    return [
        f"{strong('loaded')} {file} in {show_seconds(seconds)}: new are {_what(loaded.new)}{size}{rest}",
        *_gone_text(loaded.checked.manifest),
    ]


def _checked_text(manifest: Manifest, sum: str) -> list[str]:
    size = show_size(manifest.contents.size)
    return [
        f"{strong('sound')}: {_what(manifest.counts)}, {size} of values, saved by redux {cut(manifest.redux, _NAME)}",
        *_gone_text(manifest),
        dim(f"  SHA-256 of its manifest, which stands for all of it: {sum}"),
    ]


def _list_text(file: str, manifest: Manifest, executions: Sequence[Execution], width: int) -> list[str]:
    size = show_size(manifest.contents.size)
    lines = [f"{_what(manifest.counts)}, {size} of values, saved by redux {cut(manifest.redux, _NAME)}"]
    for one in executions[:_SHOWN]:
        line = f"  {one.id.hex()[:DIGITS]}  {show_moment(one.started)}  {show_status(one.status, 8)}"
        lines.append(f"{line}  {cut(one.user, _NAME)}  {cut(show_command(one), max(width - 50, 30))}")
    if len(executions) > _SHOWN:
        lines.append(dim(f"  and {len(executions) - _SHOWN:,} more; --json has them"))
    return [*lines, *_gone_text(manifest), dim(f"not checked; `redux archive check {file}` does that")]
