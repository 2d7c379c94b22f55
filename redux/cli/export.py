"""`redux export`: the graph of an execution, or of what is upstream or downstream of something, for other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TextIO

import click

from redux.cli.lineage import direction_of, execution_named, lineage_options
from redux.cli.output import as_safe_text, tell
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.errors import UsageError
from redux.exports.formats import find_exporter
from redux.exports.terms import Exporter, Profile, Terms
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.graph import Lineage


@click.command(short_help="Give the graph to other tools.")
@click.argument("what", required=False)
@click.option("--format", "format", default="json", show_default=True, metavar="NAME", help="See below.")
@click.option("-o", "--output", metavar="PATH", help="A file, or for ro-crate a folder; else standard output.")
@lineage_options
@click.option("--execution", metavar="ID", help="Only what is in this execution.")
@click.option("--no-previews", is_flag=True, help="Leave out what values look like.")
@click.option("--whole", is_flag=True, help="Draw every node, however many there are (mermaid, dot).")
@click.option(
    "--profile",
    type=click.Choice([each.value for each in Profile]),
    help="Which RO-Crate: what fits, if this is not said.",
)
@click.option("--license", "license", metavar="TEXT", help="The license of an RO-Crate, as a URL or text.")
@where_options
def export(
    what: str | None,
    format: str,
    output: str | None,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    execution: str | None,
    no_previews: bool,
    whole: bool,
    profile: str | None,
    license: str | None,
    **places: str | None,
) -> int:
    """Give the graph of WHAT: of an execution (the last one, if nothing is named), or what something came from.

    WHAT is an id, a file, or CALL:NAME for an argument. Formats: mermaid, dot, graphml, json, ro-crate, openlineage,
    prov, and those that installed packages add. docs/export.md says what each has.
    """
    exporter = find_exporter(format)
    _check(format, whole, profile, license)
    _check_output(exporter, output)
    terms = Terms(not no_previews, whole, Profile(profile) if profile is not None else None, license)
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        backend = repo.backend
        only = execution_named(backend, execution)
        named = what if what is not None or execution is None else execution
        lineage = lineage_of(
            backend,
            question_of(backend, named),
            execution=only if named is not execution else None,
            direction=direction_of(upstream, downstream),
            depth=depth,
        )
    finally:
        repo.close()
    said = exporter.describe(lineage, terms)
    if said is not None:
        tell(f"redux: {said}")
    _write(exporter, lineage, terms, output)
    return 0


def _check(format: str, whole: bool, profile: str | None, license: str | None) -> None:
    """Refuse options that another format has. Raises UsageError."""
    if whole and format not in ("mermaid", "dot"):
        raise UsageError(f"--whole is for mermaid and dot; {format} always has every node")
    if (profile is not None or license is not None) and format != "ro-crate":
        raise UsageError(f"--profile and --license are for ro-crate, and this is {format}")


def _write(exporter: Exporter, lineage: Lineage, terms: Terms, output: str | None) -> None:
    pieces = iter(exporter.write(lineage, terms))
    # What cannot be exported is told with the first piece: before anything is written.
    pieces = chain([next(pieces, "")], pieces)
    if output is None:
        # Not even a terminal is steered: JSON leaves just this one as it is, and the others have been careful.
        _write_all((as_safe_text(piece.replace("\x7f", "\\u007f")) for piece in pieces), sys.stdout)
        return
    as_folder = _is_for_folder(exporter, output)
    with telling(output):
        if as_folder and exporter.attach is not None:
            for name, text in exporter.attach(lineage, terms).items():
                write_file(Path(output, name), (text,))
            write_file(Path(output, exporter.main_file), pieces)
        else:
            write_file(Path(output), pieces)


def _is_for_folder(exporter: Exporter, output: str) -> bool:
    return exporter.attach is not None and not output.endswith((".json", ".jsonld"))


def _check_output(exporter: Exporter, output: str | None) -> None:
    """Refuse a name that no file can have. Raises UsageError."""
    if output == "":
        raise UsageError("--output has no name; leave it out for standard output")
    if output is not None and not _is_for_folder(exporter, output) and os.path.isdir(output):
        raise UsageError(f"{output} is a folder; name a file in it")


@contextmanager
def telling(output: str) -> Iterator[None]:
    """Say what cannot be written in a line. Raises UsageError."""
    try:
        yield
    except FileExistsError:
        raise UsageError(f"{output} cannot be written: {Path(output).parent} is not a folder") from None
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror or error}") from None


def write_file(path: Path, pieces: Iterable[str]) -> None:
    """Write beside, then rename, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            _write_all(pieces, stream)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_all(pieces: Iterable[str], stream: TextIO) -> None:
    for piece in pieces:
        stream.write(piece)
