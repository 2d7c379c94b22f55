"""`redux doctor`: whether the surroundings are as redux needs them, and what helps where they are not."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from redux.cli.main import version
from redux.cli.output import show, whole_width
from redux.cli.render import dim, strong, to_json
from redux.cli.surroundings import Where, find_sources, json_option, where_options
from redux.doctor import machine, places
from redux.doctor.signs import Sign, fine, note, trouble
from redux.errors import ProjectMissing
from redux.settings.folder import PROJECT_FILE
from redux.settings.layers import Settings, Sources
from redux.settings.precedence import read_settings
from redux.words.jobs import cut
from redux.words.measures import show_count
from redux_backends.urls import sqlite_file
from redux_valuestore.errors import ReduxError

TROUBLE = 4
_MARKS = {"fine": "ok", "note": "note", "trouble": "trouble"}
_COLOURS = {"fine": "green", "note": "yellow", "trouble": "red"}


@click.command(short_help="Say what is wrong with the surroundings.")
@json_option
@where_options
def doctor(as_json: bool, **places: str | None) -> int:
    """Look at libraries, disk, clocks, settings, executors, database and store.

    Each finding says what helps. Nothing is changed, and no code of yours is run. Exits with 4 where something is in
    trouble.
    """
    signs = list(_signs(find_sources(Where(**places))))  # pyright: ignore[reportArgumentType] - as where_options declares
    troubles = sum(sign.level == "trouble" for sign in signs)
    if as_json:
        show(to_json("doctor", {"fine": not troubles, "findings": signs}))
    else:
        show(doctor_text(signs, whole_width(sys.stdout)))
    return TROUBLE if troubles else 0


def _signs(sources: Sources) -> Iterator[Sign]:
    yield fine("redux", version())
    yield from machine.library_signs()
    try:
        settings = read_settings(sources)
    except ProjectMissing as error:
        yield note(
            "project", f"no .redux in {error.folder} or above it", "`redux run` makes one, `redux init` an empty one"
        )
        return
    except ReduxError as error:
        state, _, todo = str(error).partition("; ")
        yield trouble("settings", state, todo or "put it right there, or take it out: every setting has a default")
        return
    yield from places.settings_signs(settings)
    yield from places.executor_signs(settings)
    yield from _storage_signs(settings)


def _storage_signs(settings: Settings) -> Iterator[Sign]:
    signs: list[Sign] = []
    folders = _folders(settings)
    for what, folder in folders.items():
        yield from machine.folder_signs(folder, what, locks=what == "database")
    if settings.project is not None:
        yield from places.layout_signs(settings.project)
        case = machine.case_sign(settings.project / PROJECT_FILE)
        if case is not None:
            yield case
    repo = places.open_places(settings, signs)
    yield from signs
    if repo is None:
        return
    try:
        yield from places.store_signs(repo)
        yield from machine.clock_signs(folders.get("database", Path(settings.store)), repo.backend.integrity().clock())
    finally:
        repo.close()


def _folders(settings: Settings) -> dict[str, Path]:
    """The local folders of database and store; one name where both are in one."""
    found: dict[str, Path] = {}
    path = sqlite_file(settings.database)
    if path is not None:
        found["database"] = path.parent
    if "://" not in settings.store and Path(settings.store).exists():
        store = Path(settings.store)
        if found.get("database") != store.parent:
            found["store"] = store
    return found


def doctor_text(signs: Sequence[Sign], width: int) -> list[str]:
    """Findings, one a line, each that is not fine with what helps; and a last line that sums up."""
    lines = list(_lines(signs, width))
    troubles, notes = (sum(sign.level == level for sign in signs) for level in ("trouble", "note"))
    if troubles:
        said = f"{show_count(troubles, 'trouble')}, {show_count(notes, 'note')}"
    else:
        said = f"no trouble, {show_count(notes, 'note')}" if notes else "all is well"
    return [*lines, "", strong(said)]


def _lines(signs: Iterable[Sign], width: int) -> Iterator[str]:
    for sign in signs:
        mark = click.style(f"{_MARKS[sign.level]:<8}", fg=_COLOURS[sign.level])
        yield mark + cut(f"{sign.what}: {sign.state}", max(width - 8, 60))
        if sign.todo:
            yield " " * 8 + dim("→ ") + sign.todo
